"""The errors that regjax raises on purpose, and how their messages are built."""

import difflib
from collections.abc import Iterable

# A message that can name the nearest of more names than these does not name them all.
MANY = 20


class UserError(Exception):
    """The input is wrong, or the machine lacks something. Users see the message without a traceback."""


class RefusedError(BaseException):
    """Wraps a `UserError` or `OSError` where Hydra catches every `Exception` and only warns of it."""


class StoppedError(BaseException):
    """The signal `number` ended the command before its work was done.

    It is not an `Exception`, since Hydra takes each `Exception` for one failed job and starts the next job.
    """

    def __init__(self, number: int, message: str):
        super().__init__(number, message)  # pickling it between processes needs both
        self.number, self._message = number, message

    def __str__(self) -> str:
        return self._message


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The first candidate that ends with `_word`, or else the most similar one. Case does not matter.

    None if no candidate is close.
    """
    named = {candidate.lower(): candidate for candidate in candidates}
    ending = [name for name in named if name.endswith(f"_{word.lower()}")]
    close = ending or difflib.get_close_matches(word.lower(), named, n=1, cutoff=0.6)
    return named[close[0]] if close else None


def invalid(key: str, value: object, allowed: str, *, near: str | None = None) -> UserError:
    """The error for `key=value`: it says what is allowed and suggests the name `near`."""
    hint = f" Did you mean {near!r}?" if near else ""
    return UserError(f"{key}={shown(value)}: {allowed}.{hint}")


def shown(value: object) -> str:
    """A value as YAML and the command line write it."""
    return {"None": "null", "True": "true", "False": "false"}.get(str(value), str(value))


def printable(text: str, *, kept: str = "") -> str:
    """Escapes control characters, except those in `kept`. So text from files cannot move the cursor."""
    return "".join(
        letter if letter.isprintable() or letter in kept else repr(letter)[1:-1] for letter in text
    )


def invalid_choice(key: str, value: object, choices: Iterable[str]) -> UserError:
    """The error for a value that is not one of `choices`. It suggests the nearest, or names all."""
    names = list(choices)
    near = nearest(str(value), names)
    allowed = f"must be one of {', '.join(sorted(names))}"
    if near and len(names) > MANY:
        allowed = f"it is not one of the {len(names)} names"
    return invalid(key, value, allowed, near=near)
