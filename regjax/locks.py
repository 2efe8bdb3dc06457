"""One writer at a time: of a directory, of a dataset."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from regjax.errors import UserError

NAME = ".lock"
# A process that ends may still hold it for a moment.
PATIENCE_SECONDS = 0.5


@contextmanager
def sole_writer(directory: Path, key: str) -> Iterator[None]:
    """Keeps every other process from writing a run's or a sweep's directory, which `key` names.

    Raises `UserError` where another one is writing there. The lock is the kernel's and goes with its holder:
    a file that a killed process has left means nothing.
    """
    lock = FileLock(directory / NAME, timeout=PATIENCE_SECONDS)
    try:
        lock.acquire()
    except Timeout:
        raise UserError(
            f"{key}={directory}: another process is writing there. Wait until it has ended, or name another "
            "directory."
        ) from None
    try:
        yield
    finally:
        _release(lock)


def refuse_busy(directory: Path, key: str) -> None:
    """Raises `UserError` where another process is writing in a directory that is not written to here."""
    if (directory / NAME).exists():
        with sole_writer(directory, key):
            pass


@contextmanager
def one_process(path: Path, *, name: str, remedy: str) -> Iterator[None]:
    """Hold the lock file `path`; a process that must wait for it says so, once, on stderr.

    Look again, once inside, for what another process may have made meanwhile. The lock is the kernel's and
    ends with the process that holds it, however that ends; an empty file that a killed one leaves means
    nothing. Raises `UserError` with `remedy` where the folder takes no lock.
    """
    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            print(f"waiting for another process that prepares {name}", file=sys.stderr, flush=True)
            lock.acquire()
    except (OSError, NotImplementedError) as error:  # the second where the file system knows no locks
        raise UserError(f"{path.parent}: nothing can be prepared here ({error}). {remedy}") from error
    try:
        yield
    finally:
        _release(lock)


def _release(lock: FileLock) -> None:
    """Removes the file first: one who has it open already finds that it is gone, and opens a new one."""
    if os.name != "nt":  # where an open file cannot be removed
        Path(lock.lock_file).unlink(missing_ok=True)
    lock.release()
