"""The live line: a rich bar on a terminal, plain lines elsewhere."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


class LiveLine:
    """What training tells while it goes on: one bar per run on a terminal, plain lines elsewhere."""

    def __init__(self, labels: list[str], epochs: list[int]):
        self._console = Console()
        self._live = self._console.is_terminal
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}", markup=False),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._labels = labels
        self._tasks: list[TaskID] = [
            self._bars.add_task(label, total=total, state="waiting")
            for label, total in zip(labels, epochs, strict=True)
        ]

    def __enter__(self) -> "LiveLine":
        if self._live:
            self._bars.start()
        return self

    def __exit__(self, *failure: object) -> None:
        if self._live:
            self._bars.stop()

    def note(self, text: str) -> None:
        """Something that happened, such as a compilation."""
        self._console.print(text, highlight=False, markup=False)

    def advance(self, run: int, line: str, row: Mapping[str, Any]) -> None:
        """`row` is the run's newest epoch, and `line` says the same in words."""
        if self._live:
            self._bars.update(self._tasks[run], completed=int(row["epoch"]), state=line.split("  ", 1)[1])
        else:
            self._print(run, line)

    def finish(self, run: int, line: str) -> None:
        """The run has ended, as `line` says."""
        if self._live:
            self._bars.update(self._tasks[run], state=line)
        else:
            self._print(run, line)

    def _print(self, run: int, line: str) -> None:
        prefix = f"{self._labels[run]}: " if len(self._labels) > 1 else ""
        print(prefix + line, flush=True)
