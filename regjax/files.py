"""Replaces files in one step, locks folders for one writer, and lets commands go on without a reader."""

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
# A process that ends may still hold the lock for a moment.
PATIENCE_SECONDS = 0.5


@contextmanager
def replacing(path: Path, mode: Literal["x", "xb"] = "x", *, lasting: bool = True) -> Iterator[IO[Any]]:
    """Opens a new file that replaces `path` in one step when the block ends. An error removes it.

    `lasting` flushes the file to the disk first. The function removes whatever has the temporary name, such
    as a leftover or a link. Raises an `OSError` that names `path`.
    """
    partial = path.with_name(f".{path.name}.partial")
    remove(partial)
    try:
        with partial.open(mode) as file:  # x: O_EXCL, which follows no link
            yield file
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:  # the error of a full disk names no file
        remove(partial)
        raise OSError(error.errno, error.strerror, str(path)) from None
    except BaseException:
        remove(partial)
        raise


def remove(path: Path) -> None:
    """Removes a file, a folder with its content, or a link but not its target. `path` may be missing.

    Raises `OSError` if it cannot remove something.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def replace_text(path: Path, text: str | Iterable[str], *, lasting: bool = True) -> None:
    """Replaces the content of a file in one step. `text` may come in parts."""
    with replacing(path, lasting=lasting) as file:
        file.writelines([text] if isinstance(text, str) else text)


def plain(value: Any) -> Any:
    """A value that JSON can hold: named tuples become dicts, arrays lists, and non-finite numbers None."""
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
    """Locks the folder of a run or a sweep against other processes. Messages name it by `key`.

    Raises `UserError` if another process is writing there. The kernel releases the lock when its holder ends,
    so the lock file of a killed process locks nothing.
    """
    lock = FileLock(directory / LOCK, timeout=PATIENCE_SECONDS)
    try:
        lock.acquire()
    except Timeout:
        raise UserError(
            f"{key}={directory}: another process is writing there. Wait until it has ended, or name another "
            "folder."
        ) from None
    try:
        yield
    finally:
        _release(lock)


def refuse_busy(directory: Path, key: str) -> None:
    """Raises `UserError` if another process is writing into a folder. It leaves no lock behind."""
    if (directory / LOCK).exists():
        with sole_writer(directory, key):
            pass


@contextmanager
def one_process(path: Path, *, name: str, remedy: str) -> Iterator[None]:
    """Holds the lock file `path`. A process that must wait for it says so on stderr, once.

    Another process may have prepared the data during the wait, so check again inside the block. The kernel
    releases the lock as in `sole_writer`. Raises `UserError` with `remedy` if the folder cannot be locked.
    """
    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            print(f"waiting for another process that prepares {name}", file=sys.stderr, flush=True)
            lock.acquire()
    except (OSError, NotImplementedError) as error:  # NotImplementedError: the file system has no locks
        raise UserError(f"{path.parent}: nothing can be prepared here ({error}). {remedy}") from error
    try:
        yield
    finally:
        _release(lock)


def _release(lock: FileLock) -> None:
    """Removes the file first. A process that has it open finds that it is gone, and opens a new one."""
    if os.name != "nt":  # Windows cannot remove an open file
        Path(lock.lock_file).unlink(missing_ok=True)
    lock.release()


class _UnreadOutput(io.FileIO):
    """An output stream. Once its reader is gone, as with `| head`, it drops all that is written to it."""

    def write(self, text: bytes) -> int:  # type: ignore[override]
        try:
            return super().write(text) or 0
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return len(memoryview(text).cast("B"))


def outlive_readers() -> None:
    """Lets the process continue after its standard output or error is closed."""
    sys.stdout, sys.stderr = _without_reader(sys.stdout), _without_reader(sys.stderr)


def _without_reader(stream: TextIO) -> TextIO:
    if not isinstance(stream, io.TextIOWrapper) or stream not in (sys.__stdout__, sys.__stderr__):
        return stream  # it was replaced, for example by a notebook
    stream.flush()
    raw: Any = _UnreadOutput(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), stream.encoding, stream.errors, line_buffering=True)
