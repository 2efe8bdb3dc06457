"""Computes the SHA-256 of files, and refuses a file with a wrong one."""

from pathlib import Path

from regjax.errors import UserError
from regjax.files import sha256


def file_sha256(path: Path, *, remedy: str) -> str:
    """The SHA-256 of the file at `path`. Raises `UserError` with `remedy` if it cannot be read."""
    if not path.is_file():  # reading a pipe would wait without end
        raise UserError(f"{path}: not a file. {remedy}")
    try:
        return sha256(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}). {remedy}") from error


def wrong_sha256(path: Path, *, expected: str, found: str, remedy: str) -> UserError:
    """The error for the file at `path`, with both hashes."""
    return UserError(f"{path}: wrong SHA-256.\n  expected {expected}\n  found    {found}\n{remedy}")
