"""Counts the epochs that the runs of each variant have done, and estimates the time that is left."""

import math
import time
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

WAITING, COMPILING, RUNNING, DONE = "waiting", "compiling", "running", "done"
USUAL = (WAITING, COMPILING, RUNNING, DONE)


class Variant:
    """The statuses, epochs and best accuracy of a variant's runs. Each run has at most `limit` epochs."""

    def __init__(self, limit: int, *, stops_early: bool):
        self.limit, self._stops_early = limit, stops_early
        self.statuses: dict[Path, str] = {}
        self._counts = Counter[str]()  # kept by status, since counting all runs at each epoch is quadratic
        self._running: dict[Path, int] = {}
        self._ended: list[int] = []
        self.epochs = 0
        self._best = -math.inf

    def put(self, run: Path, status: str) -> None:
        """Gives the run a new status."""
        if run in self.statuses:
            self._counts[self.statuses[run]] -= 1
        self.statuses[run] = status
        self._counts[status] += 1

    def advance(self, run: Path, epoch: int, accuracy: float) -> None:
        """Records that the run ended an epoch. An accuracy that was not measured is NaN."""
        self.epochs += epoch - self._running.get(run, 0)
        self._running[run] = epoch
        if accuracy > self._best:
            self._best = accuracy

    def end(self, run: Path, status: str) -> None:
        """Records that the run has ended."""
        self._ended.append(self._running.pop(run, 0))
        self.put(run, status)

    @property
    def expected(self) -> float:
        """The expected epochs of all runs. Ended runs count their epochs, and the other runs the limit.

        With early stopping, the other runs count the mean of the ended runs instead.
        """
        ended = len(self._ended)
        each = sum(self._ended) / ended if self._stops_early and ended else self.limit
        more = sum(max(0, epoch - each) for epoch in self._running.values())
        return sum(self._ended) + (len(self.statuses) - ended) * each + more

    @property
    def is_running(self) -> bool:
        return self._counts[RUNNING] > 0

    @property
    def done(self) -> int:
        return self._counts[DONE]

    @property
    def words(self) -> list[str]:
        """The texts about the variant, the most important first. Counts of 0 are left out."""
        now = next((status for status in (RUNNING, COMPILING, WAITING) if self._counts[status]), "")
        if self._running:
            reached = sorted({min(self._running.values()), max(self._running.values())})
            now = f"epoch {'-'.join(map(str, reached))}/{self.limit}"
        done = f"{self.done} of {len(self.statuses)} done" if self.done else ""
        others = [
            f"{count} {status}" for status, count in self._counts.items() if count and status not in USUAL
        ]
        best = f"best acc {self._best:.4f}" if math.isfinite(self._best) else ""
        return [now, done, *others, best]


class Pace:
    """The mean seconds of an epoch since the first run began."""

    def __init__(self) -> None:
        self._begun, self._epochs = math.nan, 0

    def begin(self) -> None:
        """Records that a run begins."""
        if math.isnan(self._begun):
            self._begun = time.monotonic()

    def advance(self) -> None:
        """Counts one more trained epoch."""
        self._epochs += 1

    def left(self, variants: Iterable[Variant]) -> str:
        """The time until all runs end, in words. It is empty before the first epoch and after the last."""
        epochs = sum(variant.expected - variant.epochs for variant in variants)
        if not self._epochs or epochs <= 0:
            return ""
        seconds = (time.monotonic() - self._begun) / self._epochs * epochs
        return f"{timedelta(seconds=round(seconds))} left"
