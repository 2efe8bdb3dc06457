"""SIGINT and SIGTERM end training in order: the devices finish their call, and what they did is kept."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from types import FrameType
from typing import Any, NoReturn, TypeVar

Outcome = TypeVar("Outcome")

ENDING = (signal.SIGINT, signal.SIGTERM)
# In seconds, after a signal: a call that takes longer is given up, and trained again from the state before.
PATIENCE, LOOKS_EVERY = 1.5, 0.2
ON_DEVICE = "a call on a device"  # the name of its thread


class Signals:
    """While it is entered, the first such signal sets `stop`, and the second ends the process at once.

    `give_up` is set a while after `stop`. Only a process's main thread can listen; in another one nothing
    changes.
    """

    def __init__(self) -> None:
        self.stop, self.give_up = threading.Event(), threading.Event()
        self.number = 0
        self._patience = threading.Timer(PATIENCE, self.give_up.set)
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Signals":
        if threading.current_thread() is threading.main_thread():
            self._before = {each: signal.signal(each, self._hear) for each in ENDING}
        return self

    def __exit__(self, *failure: object) -> None:
        self._patience.cancel()
        for each, handler in self._before.items():
            signal.signal(each, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.number:
            os._exit(128 + number)
        self.number = number
        self.stop.set()
        self._patience.start()
        print("interrupted: ending after this call; once more ends at once", file=sys.stderr, flush=True)


def outcome(call: Callable[[], Outcome], give_up: threading.Event) -> Outcome | None:
    """What a call gives; None where `give_up` was set before it ended, and it goes on by itself.

    Nothing can end a wait inside XLA, so that it has a thread of its own, which nobody joins.
    """
    future: Future[Outcome] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name=ON_DEVICE, daemon=True).start()
    while not wait([future], timeout=LOOKS_EVERY).done:
        if give_up.is_set():
            return None
    return future.result()


def leave(code: int) -> NoReturn:
    """Ends the process. Python's own end would wait for a call that was given up, and abort."""
    if any(thread.name == ON_DEVICE for thread in threading.enumerate()):
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)
    sys.exit(code)
