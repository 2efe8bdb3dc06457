"""One writer at a time."""

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
        (directory / NAME).unlink(missing_ok=True)
        lock.release()
