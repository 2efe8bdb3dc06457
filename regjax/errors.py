"""The one error that users are meant to read, and how its message is built."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Wrong input, or a machine that lacks something: shown as a message, without a traceback."""


class RefusedError(BaseException):
    """A `UserError` or `OSError` in a place where Hydra catches every `Exception`, and only warns of it."""


class StoppedError(BaseException):
    """A signal, by its number, ended the command before its work was done.

    It is no `Exception`: Hydra takes that for one failed job, and goes on with the next.
    """

    def __init__(self, number: int, message: str):
        super().__init__(number, message)  # both are needed to bring it from one process to another
        self.number, self._message = number, message

    def __str__(self) -> str:
        return self._message


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like `word`, whatever their capitals, or None where none comes close."""
    named = {candidate.lower(): candidate for candidate in candidates}
    close = difflib.get_close_matches(word.lower(), named, n=1, cutoff=0.6)
    return named[close[0]] if close else None


def invalid(key: str, value: object, allowed: str, *, near: str | None = None) -> UserError:
    """The refusal of `key=value`, with what is allowed and the likely intended name."""
    hint = f" Did you mean {near!r}?" if near else ""
    return UserError(f"{key}={shown(value)}: {allowed}.{hint}")


def shown(value: object) -> str:
    """A value as YAML and the command line write it."""
    return {"None": "null", "True": "true", "False": "false"}.get(str(value), str(value))


def printable(text: str, *, kept: str = "") -> str:
    """A text without control characters, but for those `kept`: what files say is to move no cursor."""
    return "".join(
        letter if letter.isprintable() or letter in kept else repr(letter)[1:-1] for letter in text
    )


def invalid_choice(key: str, value: object, choices: Iterable[str]) -> UserError:
    """The refusal of a name that is none of `choices`."""
    names = sorted(choices)
    allowed = f"must be one of {', '.join(names)}"
    return invalid(key, value, allowed, near=nearest(str(value), names))
