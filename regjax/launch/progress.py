"""Shows progress: a bar per variant on a terminal, plain lines elsewhere."""

import math
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from regjax.runs.run import Run

# Lines of the terminal that the bars leave for what is printed above them.
SPARE_LINES = 6


class _Variant:
    """The statuses, the epochs and the best accuracy of a variant's runs."""

    def __init__(self, name: str, task: TaskID, runs: list[Run]):
        self.name, self.task = name, task
        self.statuses: dict[Path, str] = {run.directory: "waiting" for run in runs}
        self.epochs: dict[Path, int] = {}
        self.best = -math.inf

    @property
    def words(self) -> str:
        counts = Counter(self.statuses.values())
        shown = [f"{counts.pop(status, 0)} {status}" for status in ("done", "running", "diverged")]
        shown += [f"{count} {status}" for status, count in counts.items()]
        best = f"best val acc {self.best:.4f}" if math.isfinite(self.best) else ""
        running = [self.epochs[run] for run in self.epochs if self.statuses[run] == "running"]
        reached = [str(number) for number in sorted({min(running), max(running)})] if running else []
        epoch = f"epoch {' to '.join(reached)}" if running else ""
        return "  ".join(part for part in (", ".join(shown), epoch, best) if part)


class LiveRuns:
    """A bar per variant on a terminal. Elsewhere a line for each run that ends.

    A single run shows every epoch. The threads of several devices may call the methods at the same time.
    """

    def __init__(self, runs: Sequence[Run], variants: Sequence[str]):
        self._lock, self._console = threading.Lock(), Console()
        self._live, self._alone = self._console.is_terminal, len(runs) == 1
        members: dict[str, list[Run]] = {}
        for run, name in zip(runs, variants, strict=True):
            members.setdefault(name, []).append(run)
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}", markup=False),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._number_of_variants = len(members)
        self._variants: dict[Path, _Variant] = {}
        for name, group in members.items():
            total = sum(run.config["trainer.epochs"] for run in group)
            task = self._bars.add_task(name, total=total, state="waiting", visible=self._fits)
            variant = _Variant(name, task, group)
            self._variants |= dict.fromkeys(variant.statuses, variant)

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
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def begin(self, run: Run) -> None:
        """The run has a lane."""
        self._show(run, "running", "")

    def advance(self, run: Run, row: Mapping[str, Any], line: str) -> None:
        """The run ended an epoch. `row` has its metrics, and `line` is the same as text."""
        variant = self._variants[run.directory]
        with self._lock:
            variant.epochs[run.directory] = int(row["epoch"])
            if row["val_accuracy"] > variant.best:
                variant.best = float(row["val_accuracy"])
        self._show(run, "running", line)

    def finish(self, run: Run, summary: Mapping[str, Any], line: str) -> None:
        """The run ended. `line` says how."""
        self._show(run, summary["status"], line)
        if not self._live and not self._alone:
            metric = summary["val_accuracy"]
            reached = "" if metric is None else f"  val_accuracy {metric:.4f}"
            name = f"{self._variants[run.directory].name} seed={run.config['seed']}"
            self.note(f"{name}: {line}{reached}")

    def _show(self, run: Run, status: str, line: str) -> None:
        variant = self._variants[run.directory]
        with self._lock:
            variant.statuses[run.directory] = status
            if self._live:
                self._bars.update(
                    variant.task,
                    completed=sum(variant.epochs.values()),
                    state=line.split("  ", 1)[-1] if self._alone else variant.words,
                    visible=self._fits or "running" in variant.statuses.values(),
                )
                return
        if self._alone and line:
            self.note(line)
