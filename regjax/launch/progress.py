"""Shows progress: a bar per variant on a terminal, plain lines elsewhere."""

import math
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from regjax.runs.run import Run

# Lines of the terminal that the bars leave for what is printed above them.
SPARE_LINES = 6
WAITING, COMPILING, RUNNING = "waiting", "compiling", "running"


class _Variant:
    """The statuses, the epochs and the best accuracy of a variant's runs."""

    def __init__(self, name: str, task: TaskID):
        self.name, self.task = name, task
        self.statuses: dict[Path, str] = {}
        self._counts = Counter[str]()  # of each status: counting all runs at each epoch would be quadratic
        self._running: dict[Path, int] = {}
        self.epochs = 0
        self.best = -math.inf

    def put(self, run: Path, status: str) -> None:
        """The run has this status from now on."""
        if run in self.statuses:
            self._counts[self.statuses[run]] -= 1
        self.statuses[run] = status
        self._counts[status] += 1

    def advance(self, run: Path, epoch: int, accuracy: float) -> None:
        """The run ended an epoch. An accuracy that was not measured is NaN."""
        self.epochs += epoch - self._running.get(run, 0)
        self._running[run] = epoch
        if accuracy > self.best:
            self.best = accuracy

    def end(self, run: Path, status: str) -> None:
        """The run has ended."""
        self._running.pop(run, None)
        self.put(run, status)

    @property
    def is_running(self) -> bool:
        return self._counts[RUNNING] > 0

    @property
    def words(self) -> str:
        always = ("done", RUNNING, "diverged")
        others = (status for status, count in self._counts.items() if count and status not in always)
        shown = ", ".join(f"{self._counts[status]} {status}" for status in (*always, *others))
        reached = sorted({min(self._running.values()), max(self._running.values())}) if self._running else []
        epoch = f"epoch {' to '.join(map(str, reached))}" if reached else ""
        best = f"best val acc {self.best:.4f}" if math.isfinite(self.best) else ""
        return "  ".join(part for part in (shown, epoch, best) if part)


class LiveRuns:
    """A bar per variant on a terminal. Elsewhere a line for each run that ends.

    A single run shows every epoch. The threads of several devices may call the methods at the same time.
    """

    def __init__(self, runs: Sequence[Run], variants: Sequence[str]):
        self._lock, self._console = threading.Lock(), Console()
        self._live, self._alone = self._console.is_terminal, len(runs) == 1
        totals = Counter[str]()
        for run, name in zip(runs, variants, strict=True):
            totals[name] += run.config["trainer.epochs"]
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}", markup=False),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._number_of_variants = len(totals)
        show = partial(self._bars.add_task, state=WAITING, visible=self._fits)
        named = {name: _Variant(name, show(name, total=total)) for name, total in totals.items()}
        self._variants = {run.directory: named[name] for run, name in zip(runs, variants, strict=True)}
        for directory, variant in self._variants.items():
            variant.put(directory, WAITING)

    @property
    def _fits(self) -> bool:
        """Whether the terminal has a line per variant. If not, only variants with a running run are shown."""
        return self._number_of_variants + SPARE_LINES <= self._console.height

    def __enter__(self) -> "LiveRuns":
        if self._live:
            self._bars.start()
        return self

    def __exit__(self, *failure: object) -> None:
        if self._live:
            self._bars.stop()

    def note(self, text: str) -> None:
        """Prints a line about an event, such as a compilation."""
        if self._live:
            self._console.print(text, highlight=False, markup=False, soft_wrap=True)
        else:
            print(f"{text}\n", end="")  # in one piece, from any thread; rich takes .3 ms

    def compiling(self, runs: Sequence[Run], *, ended: bool) -> None:
        """The program of these runs is being compiled, or no longer."""
        was, becomes = (COMPILING, WAITING) if ended else (WAITING, COMPILING)
        with self._lock:
            variants = {run.directory: self._variants[run.directory] for run in runs}
            for directory, variant in variants.items():
                if variant.statuses[directory] == was:
                    variant.put(directory, becomes)
            for variant in set(variants.values()):
                self._update(variant, becomes)

    def begin(self, run: Run) -> None:
        """The run has a lane."""
        with self._lock:
            variant = self._variants[run.directory]
            variant.put(run.directory, RUNNING)
            self._update(variant, "")

    def advance(self, run: Run, row: Mapping[str, Any], line: str) -> None:
        """The run ended an epoch. `row` has its metrics, and `line` is the same as text."""
        with self._lock:
            variant = self._variants[run.directory]
            variant.advance(run.directory, int(row["epoch"]), float(row["val_accuracy"]))
            self._update(variant, line)
        if self._alone and not self._live:
            self.note(line)

    def finish(self, run: Run, summary: Mapping[str, Any], line: str) -> None:
        """The run ended. `line` says how."""
        with self._lock:
            variant = self._variants[run.directory]
            variant.end(run.directory, summary["status"])
            self._update(variant, line)
        if self._live:
            return
        if self._alone:
            self.note(line)
            return
        metric = summary["val_accuracy"]
        reached = "" if metric is None else f"  val_accuracy {metric:.4f}"
        self.note(f"{variant.name} seed={run.config['seed']}: {line}{reached}")

    def _update(self, variant: _Variant, line: str) -> None:
        if self._live:
            self._bars.update(
                variant.task,
                completed=variant.epochs,
                state=line.split("  ", 1)[-1] if self._alone else variant.words,
                visible=self._fits or variant.is_running,
            )
