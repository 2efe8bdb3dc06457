"""What a command prints, where its reader may go before it ends, as `head` does."""

import io
import sys
from collections.abc import Callable
from typing import Any, TextIO


class _Outliving(io.FileIO):
    """A stream that drops what is written to it once nobody reads it; `closed` is called at the first."""

    def __init__(self, descriptor: int, closed: Callable[[], None]):
        super().__init__(descriptor, "w", closefd=False)
        self._closed, self._is_read = closed, True

    def write(self, text: Any) -> int:
        if self._is_read:
            try:
                return super().write(text)
            except BrokenPipeError:
                self._is_read = False
                self._closed()
        return memoryview(text).nbytes


def outlive_readers(place: Callable[[], str]) -> None:
    """From here on the process goes on to its end where its output is closed, and tells `place` where it can.

    That is where its results are; an empty one is not told.
    """

    def tell() -> None:
        if told := place():
            line = f"standard output was closed: nothing more is printed; the results go to {told}"
            print(line, file=sys.stderr)

    sys.stderr = _reopened(sys.stderr, lambda: None)
    sys.stdout = _reopened(sys.stdout, tell)


def _reopened(stream: TextIO, closed: Callable[[], None]) -> TextIO:
    """The process's own stream anew; one that somebody has put in its place is left as it is."""
    if not isinstance(stream, io.TextIOWrapper) or stream not in (sys.__stdout__, sys.__stderr__):
        return stream
    stream.flush()
    raw = _Outliving(stream.fileno(), closed)
    return io.TextIOWrapper(
        raw if stream.write_through else io.BufferedWriter(raw),
        stream.encoding,
        stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
