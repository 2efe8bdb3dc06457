"""Files that are replaced in one step, locks for one writer at a time, and output without a reader."""

import hashlib
import io
import math
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal, TextIO

from filelock import FileLock, Timeout

from regjax.errors import UserError

LOCK = ".lock"
# A process that ends may still hold it for a moment.
PATIENCE_SECONDS = 0.5


@contextmanager
def replacing(path: Path, mode: Literal["x", "xb"] = "x", *, lasting: bool = True) -> Iterator[IO[Any]]:
    """A new file, that takes the place of `path` in one step when the block ends, or goes where that raises.

    A `lasting` one is on the disk then. It is a file of its own: what stands at its temporary name, a
    leftover or a link, is removed first. Raises `OSError`, which names `path`.
    """
    partial = path.with_name(f".{path.name}.partial")
    remove(partial)
    try:
        with partial.open(mode) as file:  # x: O_EXCL, which takes no link
            yield file
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:  # a full disk's names no file
        remove(partial)
        raise OSError(error.errno, error.strerror, str(path)) from None
    except BaseException:
        remove(partial)
        raise


def remove(path: Path) -> None:
    """Removes a file, a folder with all that is in it, or a link and nothing of what it leads to.

    There may be nothing to remove. Raises `OSError` where something stays.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def replace_text(path: Path, text: str, *, lasting: bool = True) -> None:
    """Another text in the place of a file, in one step."""
    replace_lines(path, [text], lasting=lasting)


def replace_lines(path: Path, lines: Iterable[str], *, lasting: bool = True) -> None:
    """The same of a text that comes in parts."""
    with replacing(path, lasting=lasting) as file:
        file.writelines(lines)


def plain(value: Any) -> Any:
    """A value as JSON takes it: named tuples by name, arrays as lists, null for what is not finite."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple) or getattr(value, "ndim", None):
        return [plain(entry) for entry in value]
    if hasattr(value, "item"):  # the shortest text that reads back as the same float32
        value = float(str(value)) if value.dtype.kind == "f" else value.item()
    return value if not isinstance(value, float) or math.isfinite(value) else None


@contextmanager
def sole_writer(directory: Path, key: str) -> Iterator[None]:
    """Keeps every other process from writing a run's or a sweep's directory, which `key` names.

    Raises `UserError` where another one is writing there. The lock is the kernel's and goes with its holder:
    a file that a killed process has left means nothing.
    """
    lock = FileLock(directory / LOCK, timeout=PATIENCE_SECONDS)
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
    if (directory / LOCK).exists():
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


class _Outliving(io.FileIO):
    """A stream that drops what is written once nobody reads it, as behind `| head`: the command goes on."""

    def write(self, text: bytes) -> int:  # type: ignore[override]
        try:
            return super().write(text) or 0
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return len(memoryview(text).cast("B"))


def outlive_readers() -> None:
    """From here on, a closed standard output or error does not end the process."""
    sys.stdout, sys.stderr = _outliving(sys.stdout), _outliving(sys.stderr)


def _outliving(stream: TextIO) -> TextIO:
    if not isinstance(stream, io.TextIOWrapper) or stream not in (sys.__stdout__, sys.__stderr__):
        return stream  # somebody, such as a notebook, has put another one in its place
    stream.flush()
    raw: Any = _Outliving(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), stream.encoding, stream.errors, line_buffering=True)
