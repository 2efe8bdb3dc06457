"""SHA-256 of files, and the refusal of a file whose hash is not the expected one."""

from pathlib import Path

from regjax.errors import UserError
from regjax.files import sha256


class WrongContentError(UserError):
    """A file whose SHA-256 is `found`, which is not the expected one."""

    def __init__(self, told: str, found: str):
        super().__init__(told, found)  # both are needed to bring it from one process to another
        self.found, self._told = found, told

    def __str__(self) -> str:
        return self._told


def verify_sha256(path: Path, *, expected: str, remedy: str) -> None:
    """Refuse the file at `path` unless its SHA-256 is `expected`; `remedy` says what to do about it."""
    if not path.is_file():  # a pipe would be waited for
        raise UserError(f"{path}: not a file. {remedy}")
    try:
        found = sha256(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}). {remedy}") from error
    if found != expected:
        told = f"{path}: wrong SHA-256.\n  expected {expected}\n  found    {found}\n{remedy}"
        raise WrongContentError(told, found)
