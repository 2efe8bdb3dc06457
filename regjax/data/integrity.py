"""SHA-256 of files, and the refusal of a file whose hash is not the expected one."""

from pathlib import Path

from regjax.disk import sha256
from regjax.errors import UserError


def verify_sha256(path: Path, *, expected: str, remedy: str) -> None:
    """Refuse the file at `path` unless its SHA-256 is `expected`; `remedy` says what to do about it."""
    if not path.is_file():  # a pipe would be waited for
        raise UserError(f"{path}: not a file. {remedy}")
    try:
        found = sha256(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}). {remedy}") from error
    if found != expected:
        raise UserError(f"{path}: wrong SHA-256.\n  expected {expected}\n  found    {found}\n{remedy}")
