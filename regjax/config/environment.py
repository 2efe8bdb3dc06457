"""What comes from the environment through `oc.env`: it is used, and never saved."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from omegaconf import DictConfig, OmegaConf

from regjax.config.checks import CHOICES
from regjax.config.schema import as_written
from regjax.errors import UserError

# Interpolations that can be told to give no secret: the default of an absent variable, another key by name.
PLAIN = re.compile(
    r"\$\{\s*(?:oc\.env:\s*(?P<variable>\w+)\s*(?:,[^${}]*)?|(?P<hydras>hydra:)?(?P<key>[\w.]+)|now:[^${}]*)\s*\}"
)


def from_environment(composed: DictConfig) -> dict[str, str]:
    """The keys whose value has a text of the environment, each with what stands for it in saved files.

    That is the interpolation as it was written, in <> so that nobody resolves it again. Every interpolation
    counts as one of the environment, but for variables that are not set, whose default is taken, and keys
    that are not hidden themselves. Numbers and choices are shown: a report needs them, none is a secret.
    """
    hidden = {}
    for key, text in _not_plain(as_written(composed)).items():
        value = OmegaConf.select(composed, key)
        if any(_texts(value)) and value not in CHOICES.get(key, ()):
            hidden[key] = _unresolved(text)
    return hidden


def secrets_of_hydra(*parts: Mapping[str, Any]) -> dict[str, str]:
    """The keys of Hydra's own that can have a text of the environment, each with what stands for it.

    `parts` are a configuration's, unresolved: the task's, and Hydra's own under its key.
    """
    values = {".".join(keys): value for part in parts for keys, value in leaves(part)}
    return {key: _unresolved(text) for key, text in _not_plain(values).items() if key.startswith("hydra.")}


def leaves(value: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """What stands in a configuration, each after the keys that lead to it; those of a list share its keys."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from leaves(below, (*keys, str(key)))
    elif isinstance(value, list):
        for below in value:
            yield from leaves(below, keys)
    else:
        yield keys, value


def _not_plain(values: Mapping[str, Any]) -> dict[str, str]:
    """The interpolations among values that could have something of the environment, as they were written."""
    texts = {key: str(value) for key, value in values.items() if isinstance(value, str | list | dict)}
    written = {key: text for key, text in texts.items() if "${" in text}
    shown = set(values)
    while suspects := {key for key in written.keys() & shown if not _is_plain(written[key], shown)}:
        shown -= suspects
    return {key: written[key] for key in sorted(written.keys() - shown)}


def _unresolved(text: str) -> str:
    return f"<{text.replace('${', '').replace('}', '')}>"


def masked(text: str, values: Mapping[str, object], hidden: Mapping[str, str]) -> str:
    """A text without the hidden keys' values, those inside lists included."""
    instead = {part: written for key, written in hidden.items() for part in _texts(values[key]) if part}
    instead |= {repr(part)[1:-1]: written for part, written in instead.items()}  # as lists show it
    longest_first = sorted(instead, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, longest_first)) or r"(?!)", lambda it: instead[it[0]], text)


@contextmanager
def hiding(composed: DictConfig, *, logged: bool) -> Iterator[None]:
    """Where errors are `logged`, as launchers of processes do, they have no text of the environment."""
    try:
        yield
    except UserError as error:
        if not logged:
            raise
        hidden = from_environment(composed)
        values = {key: OmegaConf.select(composed, key) for key in hidden}
        raise UserError(masked(str(error), values, hidden)) from None


def _is_plain(text: str, shown: set[str]) -> bool:
    def unless_secret(found: re.Match[str]) -> str:
        if found["variable"]:
            return found[0] if found["variable"] in os.environ else ""
        key = f"hydra.{found['key']}" if found["hydras"] else found["key"]
        return found[0] if key and key not in shown else ""

    return "${" not in PLAIN.sub(unless_secret, text)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from (text for pair in value.items() for part in pair for text in _texts(part))
    elif isinstance(value, Sequence):
        yield from (text for part in value for text in _texts(part))
