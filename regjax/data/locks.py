"""One process at a time makes what several need; the others wait for it."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from regjax.errors import UserError


@contextlib.contextmanager
def one_process(path: Path, *, name: str, remedy: str) -> Iterator[None]:
    """Hold the lock file `path`; a process that must wait for it says so, once, on stderr.

    Look again, once inside, for what another process may have made meanwhile. The lock is the kernel's and
    ends with the process that holds it, however that ends; the empty file stays and means nothing. Raises
    `UserError` with `remedy` where the folder takes no lock.
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
        lock.release()
