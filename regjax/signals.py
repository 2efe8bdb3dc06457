"""SIGINT and SIGTERM end training in order: the devices finish their call, and what they did is kept."""

import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

ENDING = (signal.SIGINT, signal.SIGTERM)


class Signals:
    """While it is entered, the first such signal sets `stop`, and the second ends the process at once.

    Only a process's main thread can listen; in another one nothing changes.
    """

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.number = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Signals":
        if threading.current_thread() is threading.main_thread():
            self._before = {each: signal.signal(each, self._hear) for each in ENDING}
        return self

    def __exit__(self, *failure: object) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.number:
            os._exit(128 + number)
        self.number = number
        self.stop.set()
        print("interrupted: ending after this call; once more ends at once", file=sys.stderr, flush=True)
