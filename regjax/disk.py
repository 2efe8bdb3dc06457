"""Files that take the place of others in one step, and leftovers that go. Links are never followed."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal


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
