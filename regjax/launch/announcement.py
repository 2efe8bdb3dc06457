"""Says on standard error what the command does before it trains. Loads only Python's own modules."""

import sys
import time
from collections.abc import Sequence

SECONDS_BETWEEN = 0.1  # the time between two counts on a terminal


# With these arguments a command prints something and trains nothing.
HELP = ("-h", "--help", "--hydra-help", "--version")
PRINTS = (*HELP, "-c", "--cfg", "-i", "--info", "-sc", "--shell-completion")


def announce_start(arguments: Sequence[str]) -> None:
    """Says that a command starts, before Hydra loads."""
    if not any(argument.partition("=")[0] in PRINTS for argument in arguments):
        print("regjax: starting ...", file=sys.stderr, flush=True)


class ComposingCount:
    """Shows how many jobs of a sweep are composed. A terminal gets a moving number, other outputs one line.

    `jobs` is None for a search: it makes its jobs as it goes.
    """

    def __init__(self, jobs: int | None):
        shown = "the jobs of a search" if jobs is None else f"{jobs:,} job{'s' * (jobs != 1)}"
        self._line = f"regjax: {shown}, composing ..."
        self._composed, self._shown, self._moves = 0, time.monotonic(), False

    def begin(self) -> None:
        self._moves = sys.stderr.isatty()
        print(self._line, file=sys.stderr, end="" if self._moves else "\n", flush=True)

    def advance(self) -> None:
        """Counts one more composed job."""
        self._composed += 1
        if self._moves and time.monotonic() - self._shown > SECONDS_BETWEEN:
            self._shown = time.monotonic()
            print(f"\r{self._line} {self._composed:,}", file=sys.stderr, end="", flush=True)

    def end(self) -> None:
        """Ends the line, so that the next text has its own line."""
        if self._moves:
            self._moves = False
            print(f"\r{self._line} {self._composed:,}", file=sys.stderr)
