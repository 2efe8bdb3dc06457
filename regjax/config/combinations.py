"""Refuses techniques that do not fit the rest of a configuration, by what their rows declare."""

from collections.abc import Iterator, Mapping
from typing import Any

from regjax.errors import UserError, invalid, shown
from regjax.techniques.declaration import Requirement, Technique
from regjax.techniques.settings import is_on, keys_of
from regjax.techniques.table import TABLE


def check_combinations(values: Mapping[str, Any]) -> None:
    """Raises `UserError` for the first technique that lacks what it needs, or that another one excludes.

    `check_needs` checks techniques for images, once it is known whether the dataset has images.
    """
    on = {row.name: row for row in TABLE if is_on(row, values)}
    for row in on.values():
        if not row.images:
            check_needs(row, values)
        if row.needs_one_of and not on.keys() & set(row.needs_one_of):
            listed = f"'regularization=[{row.needs_one_of[0]},{row.name}]'"
            lack = f"{row.name} needs one of {', '.join(row.needs_one_of)}, and all are off"
            raise UserError(f"{_setting(row, values)}: {lack}. Turn one on, as in {listed}.")
        for name in on.keys() & row.excludes.keys():
            both = f"{_setting(row, values)} and {_setting(on[name], values)}"
            raise UserError(f"{both}: {row.name} excludes {name}: {row.excludes[name]}. Name one of them.")


def check_needs(row: Technique, values: Mapping[str, Any]) -> None:
    """Raises `UserError` if a technique that is on lacks what it needs."""
    for key, needed in _unmet(row.needs, values):
        raise invalid(key, values[key], f"{_named(row, values)}, and it needs {needed.words}")


def warnings(values: Mapping[str, Any]) -> list[str]:
    """What does not suit a technique that is on, though it can be trained."""
    return [
        f"{key}={shown(values[key])}: {_named(row, values)}, and it is made for {suited.words}"
        for row in TABLE
        if is_on(row, values)
        for key, suited in _unmet(row.suits, values)
    ]


def _unmet(
    requirements: Mapping[str, Requirement], values: Mapping[str, Any]
) -> Iterator[tuple[str, Requirement]]:
    return ((key, each) for key, each in requirements.items() if not each.accepts(values[key], values))


def _named(row: Technique, values: Mapping[str, Any]) -> str:
    return f"{row.name} is on ({_setting(row, values)})"


def _setting(row: Technique, values: Mapping[str, Any]) -> str:
    return f"{keys_of(row)[0]}={shown(values[keys_of(row)[0]])}"
