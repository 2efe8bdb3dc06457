"""Ends training in order at SIGINT and SIGTERM: the devices finish their calls, and the results are kept."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from types import FrameType
from typing import Any, NoReturn, TypeVar

Result = TypeVar("Result")

SIGNALS = (signal.SIGINT, signal.SIGTERM)
# If a call takes longer than this after a signal, regjax gives it up. A resumed run trains its epochs again.
PATIENCE_SECONDS, POLL_SECONDS = 1.5, 0.2
THREAD_NAME = "a call on a device"


class Signals:
    """A context that sets `stop` at the first signal, and ends the process at the second.

    It sets `give_up` a while after `stop`. Only the main thread can handle signals: in another thread the
    context does nothing.
    """

    def __init__(self) -> None:
        self.stop, self.give_up = threading.Event(), threading.Event()
        self.number = 0
        self._patience = threading.Timer(PATIENCE_SECONDS, self.give_up.set)
        self._handlers: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Signals":
        if threading.current_thread() is threading.main_thread():
            self._handlers = {each: signal.signal(each, self._handle) for each in SIGNALS}
        return self

    def __exit__(self, *failure: object) -> None:
        self._patience.cancel()
        for each, handler in self._handlers.items():
            signal.signal(each, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.number:
            os._exit(128 + number)
        self.number = number
        self.stop.set()
        self._patience.start()
        text = "interrupted: regjax ends after the epochs that it trains now; a second signal ends it at once"
        print(text, file=sys.stderr, flush=True)


def call_unless_given_up(call: Callable[[], Result], give_up: threading.Event) -> Result | None:
    """The result of a call, or None if `give_up` is set before the call ends.

    Nothing can end a wait inside XLA, so the call has a thread of its own. After `give_up` the call continues
    there, and nothing joins that thread.
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name=THREAD_NAME, daemon=True).start()
    while not wait([future], timeout=POLL_SECONDS).done:
        if give_up.is_set():
            return None
    return future.result()


def leave(code: int) -> NoReturn:
    """Ends the process. If a call was given up, `sys.exit` would wait for it and then abort."""
    if any(thread.name == THREAD_NAME for thread in threading.enumerate()):
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)
    sys.exit(code)
