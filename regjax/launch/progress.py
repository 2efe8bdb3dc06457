"""Shows progress. A terminal gets a bar for each variant, other outputs get plain lines."""

import math
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, TaskID, TextColumn

from regjax.launch.labels import fitting, labels
from regjax.launch.pace import COMPILING, DONE, RUNNING, WAITING, Pace, Variant
from regjax.saved.directory import append_log
from regjax.saved.run import Run

# The bars of variants leave so many lines of the terminal for other texts.
SPARE_LINES = 7
BAR_WIDTH = 10
NAME_SHARE = 0.3  # the name of a variant takes at most this share of a line
ALL = "all runs"


class _Bars(Progress):
    """Bars that update before each drawing, not at each event, since there are too many events."""

    def __init__(self, *columns: ProgressColumn, console: Console, renew: Callable[[], None]):
        self._renew = renew
        super().__init__(*columns, console=console)

    def get_renderables(self) -> Iterable[RenderableType]:
        self._renew()
        return super().get_renderables()


class LiveRuns:
    """Shows the progress of runs. A terminal gets a bar for each variant and one for all runs.

    Other outputs get a line for each run that ends, or for each epoch of a single run. `directory` is the
    folder of the run or its sweep, and has the log. The threads of several devices may call the methods at
    the same time.
    """

    def __init__(self, runs: Sequence[Run], variants: Sequence[str], directory: Path):
        self._lock, self._console, self._directory = threading.Lock(), Console(), directory
        self._live, self._alone = self._console.is_terminal, len(runs) == 1
        self._names = {run.directory: name for run, name in zip(runs, variants, strict=True)}
        self._pace, self._has_compiled = Pace(), False
        self._variants: dict[str, Variant] = {}
        for run, name in zip(runs, variants, strict=True):
            stops_early = run.config["early_stopping.patience"] is not None
            new = Variant(run.config["trainer.epochs"], stops_early=stops_early)
            self._variants.setdefault(name, new).put(run.directory, WAITING)
        self._labels = labels(list(self._variants), math.floor(NAME_SHARE * self._console.width))
        self._name_width = 0 if self._alone else max(map(len, [ALL, *self._labels.values()]))
        columns: list[ProgressColumn] = [
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=BAR_WIDTH),
            TextColumn("{task.fields[state]}", markup=False),
        ]
        self._changed, self._row, self._tasks = set[str](), dict[str, Any](), dict[str, TaskID]()
        self._bars = _Bars(*columns[self._alone :], console=self._console, renew=self._renew)
        for name in [*self._variants, *([] if self._alone else [ALL])]:
            self._tasks[name] = self._bars.add_task(self._labels.get(name, name), state=WAITING)
        self._changed.update(self._variants)

    @property
    def _fits(self) -> bool:
        """Whether the terminal has a line for each variant. If not, only variants that train have a bar."""
        return len(self._variants) + SPARE_LINES <= self._console.height

    def __enter__(self) -> "LiveRuns":
        if self._live:
            for name, label in self._labels.items():
                if label.isdigit() and label != name:
                    self.note(f"{label}: {name}")
            self._bars.start()
        return self

    def __exit__(self, *failure: object) -> None:
        if self._live:
            self._bars.stop()

    def note(self, text: str) -> None:
        """Prints a line about an event that users should know of."""
        if self._live:
            self._console.print(text, highlight=False, markup=False, soft_wrap=True)
        else:
            print(f"{text}\n", end="")  # in one piece, from any thread; rich takes .3 ms

    def log(self, text: str) -> None:
        """Writes a line to the log."""
        append_log(self._directory, text)

    def compiling(self, runs: Sequence[Run], *, ended: bool) -> None:
        """Records that the compilation of these runs' program began, or `ended`."""
        was, becomes = (COMPILING, WAITING) if ended else (WAITING, COMPILING)
        with self._lock:
            for run in runs:
                variant = self._variants[self._names[run.directory]]
                if variant.statuses[run.directory] == was:
                    variant.put(run.directory, becomes)
                self._changed.add(self._names[run.directory])
            if not (self._live or self._has_compiled):
                self.note("compiling ...")
            self._has_compiled = True

    def begin(self, run: Run) -> None:
        """Records that the run got a lane."""
        with self._lock:
            name = self._names[run.directory]
            self._pace.begin()
            self._variants[name].put(run.directory, RUNNING)
            self._changed.add(name)

    def advance(self, run: Run, row: Mapping[str, Any], line: str) -> None:
        """Records that the run ended an epoch. `row` has its metrics, and `line` has them as text."""
        with self._lock:
            name = self._names[run.directory]
            self._pace.advance()
            self._variants[name].advance(run.directory, int(row["epoch"]), float(row["val_accuracy"]))
            self._changed.add(name)
            self._row = dict(row)
        if self._alone and not self._live:
            self.note(line)

    def finish(self, run: Run, summary: Mapping[str, Any], line: str) -> None:
        """Records that the run ended. `line` says how. The end of the command says why a run is not done."""
        with self._lock:
            name = self._names[run.directory]
            self._variants[name].end(run.directory, summary["status"])
            self._changed.add(name)
        if self._live:
            return
        line = line if summary["status"] == DONE else summary["status"]
        metric = summary["val_accuracy"]
        reached = "" if metric is None else f"  val_accuracy {metric:.4f}"
        self.note(line if self._alone else f"{name} seed={run.config['seed']}: {line}{reached}")

    def _renew(self) -> None:
        """Updates the bars of the variants that changed, and the bar of all runs."""
        with self._lock:
            left = self._pace.left(self._variants.values())
            for name in self._changed:
                variant = self._variants[name]
                words = self._words(variant, left) if self._alone else variant.words
                self._draw(self._tasks[name], [variant], words, visible=self._fits or variant.is_running)
            self._changed.clear()
            if ALL in self._tasks:
                every = self._variants.values()
                done, total = sum(each.done for each in every), len(self._names)
                count = f"{done} of {total} done" if done else f"{total} runs"
                self._draw(self._tasks[ALL], every, [count, left], visible=True)

    def _draw(
        self, task: TaskID, variants: Collection[Variant], words: Sequence[str], *, visible: bool
    ) -> None:
        taken = BAR_WIDTH + 1 + self._name_width + (self._name_width > 0)
        self._bars.update(
            task,
            completed=sum(each.epochs for each in variants),
            total=sum(each.expected for each in variants),
            state=fitting(words, self._console.width - taken),
            visible=visible,
        )

    def _words(self, only: Variant, left: str) -> list[str]:
        """The texts of a single run: its last epoch, and the metrics that were measured."""
        if not self._row:
            return only.words
        named = {"val acc": self._row["val_accuracy"], "train loss": self._row["train_loss"]}
        measured = [f"{name} {value:#.4g}" for name, value in named.items() if not math.isnan(value)]
        return [f"epoch {self._row['epoch']}/{only.limit}", *measured, left]
