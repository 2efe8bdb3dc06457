"""What training tells while it goes on: a line per variant on a terminal, plain lines elsewhere."""

import math
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from regjax.runs.run import Run

# Lines of the terminal that the table leaves for what is printed above it.
SPARE_LINES = 6


class _Line:
    """One variant: how many of its runs wait, run, or have ended and how, and what they reached."""

    def __init__(self, runs: list[Run]):
        self.statuses: dict[Path, str] = {run.directory: "waiting" for run in runs}
        self.epochs: dict[Path, int] = {}
        self.best = -math.inf
        self.alone = len(runs) == 1

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
    """A bar for each variant, over the epochs of all its runs; without a terminal a line for each run's end.

    A run that is alone tells every epoch. The threads of several devices tell it of their runs.
    """

    def __init__(self, runs: Sequence[Run], variants: Sequence[str]):
        self._lock = threading.Lock()
        self._console = Console()
        self._live = self._console.is_terminal
        self._alone = len(runs) == 1
        members: dict[str, list[Run]] = {}
        for run, variant in zip(runs, variants, strict=True):
            members.setdefault(variant, []).append(run)
        self._lines = {variant: _Line(group) for variant, group in members.items()}
        self._variant = {run.directory: variant for run, variant in zip(runs, variants, strict=True)}
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}", markup=False),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._tasks = {variant: self._task(variant, group) for variant, group in members.items()}

    def _task(self, variant: str, runs: list[Run]) -> TaskID:
        total = sum(run.config["trainer.epochs"] for run in runs)
        return self._bars.add_task(variant, total=total, state="waiting", visible=self._fits)

    @property
    def _fits(self) -> bool:
        """Whether the terminal has a line for every variant; else only those with a running run are shown."""
        return len(self._lines) + SPARE_LINES <= self._console.height

    def __enter__(self) -> "LiveRuns":
        if self._live:
            self._bars.start()
        return self

    def __exit__(self, *failure: object) -> None:
        if self._live:
            self._bars.stop()

    def note(self, text: str) -> None:
        """Something that happened, such as a compilation."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def begin(self, run: Run) -> None:
        """The run has a lane."""
        self._show(run, "running", "")

    def advance(self, run: Run, row: Mapping[str, Any], line: str) -> None:
        """`row` is the run's newest epoch, and `line` says the same in words."""
        shown = self._lines[self._variant[run.directory]]
        with self._lock:
            shown.epochs[run.directory] = int(row["epoch"])
            if row["val_accuracy"] > shown.best:
                shown.best = float(row["val_accuracy"])
        self._show(run, "running", line)

    def finish(self, run: Run, summary: Mapping[str, Any], line: str) -> None:
        """The run has ended, as `line` says."""
        self._show(run, summary["status"], line)
        if not self._live and not self._alone:
            metric = summary["val_accuracy"]
            reached = "" if metric is None else f"  val_accuracy {metric:.4f}"
            name = f"{self._variant[run.directory]} seed={run.config['seed']}"
            self.note(f"{name}: {line}{reached}")

    def _show(self, run: Run, status: str, line: str) -> None:
        variant = self._variant[run.directory]
        shown, task = self._lines[variant], self._tasks[variant]
        with self._lock:
            shown.statuses[run.directory] = status
            if self._live:
                visible = self._fits or "running" in shown.statuses.values()
                state = line.split("  ", 1)[-1] if self._alone else shown.words
                self._bars.update(task, completed=sum(shown.epochs.values()), state=state, visible=visible)
                return
        if self._alone and line:
            self.note(line)
