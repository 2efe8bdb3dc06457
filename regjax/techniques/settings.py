"""Reads a configuration by the table: which techniques are on, and their numbers. Loads no JAX."""

from collections.abc import Mapping
from typing import Any

from regjax.techniques.declaration import Number, Technique, Values
from regjax.techniques.table import TABLE

SCHEDULES = ("constant", "linear", "cosine", "flat_cosine")
# The endings of the two keys beside a scheduled number. A strength with FINAL is the value at the end.
SCHEDULE, FINAL = "_schedule", "_final"
NO_CHOICE = "none"
NUMBERS = tuple(number for row in TABLE for number in row.numbers.values())
CHOICES = tuple(row.choice for row in TABLE if row.choice)


def neutral_values() -> dict[str, Any]:
    """The neutral value of each key of a technique. It is also the default of the key."""
    found: dict[str, Any] = {choice.key: NO_CHOICE for choice in CHOICES}
    for number in NUMBERS:
        found[number.key] = number.neutral
        if number.scheduled:
            found |= {number.key + SCHEDULE: SCHEDULES[0], number.key + FINAL: None}
    return found


def choices() -> dict[str, tuple[str, ...]]:
    """The legal values of each key that chooses a technique or a schedule."""
    found: dict[str, tuple[str, ...]] = {}
    for choice in CHOICES:
        found[choice.key] = (*found.get(choice.key, (NO_CHOICE,)), choice.value)
    return found | {number.key + SCHEDULE: SCHEDULES for number in NUMBERS if number.scheduled}


def keys_of(row: Technique) -> list[str]:
    """The keys that set a technique. The key that turns it on comes first."""
    found = [row.choice.key] if row.choice else []
    for number in row.numbers.values():
        found.append(number.key)
        found += [number.key + SCHEDULE, number.key + FINAL] if number.scheduled else []
    return found


def conditions(row: Technique) -> list[tuple[str, str]]:
    """What a row declares of data and other techniques: a verb and the rest of the sentence."""
    found = [("needs", f"one of {', '.join(row.needs_one_of)}")] if row.needs_one_of else []
    if row.images:
        found.append(("needs", "images" + f"; tables take {row.for_tables}" * bool(row.for_tables)))
    found += [("excludes", f"{name}: {reason}") for name, reason in row.excludes.items()]
    return found + [("suits", f"{each.words} ({key})") for key, each in row.suits.items()]


def is_on(row: Technique, values: Values) -> bool:
    """Whether a configuration trains with a technique. `values` has the configuration by dotted key."""
    if row.choice:
        return bool(values[row.choice.key] == row.choice.value)
    number = row.strength
    if number is None:
        return False
    given = values[number.key]
    if not isinstance(given, list) and schedule_of(number, values) == SCHEDULES[0]:  # most jobs, most rows
        return given is not None and bool(given != number.neutral)
    return any(_is_active(number, values, layer) for layer in _layers(number, values))


def strengths(values: Values) -> dict[str, float | int]:
    """The numbers of the techniques that are on, by name.

    The name of a number is the name of the technique. If the technique has several numbers, the argument
    follows. If each hidden layer has its own number, the layer follows, counted from 1: `l2`, `dropout/1`.
    The name of a value at the end of a schedule ends in `_final`.
    """
    found: dict[str, float | int] = {}
    for row in TABLE:
        for argument, number in row.numbers.items() if is_on(row, values) else ():
            for layer in _layers(number, values):
                if row.strength and _is_active(row.strength, values, layer):
                    name = _name(row, argument, layer if number.per_layer else None)
                    found |= _from_start_to_end(name, number, values, layer)
    return found


def _from_start_to_end(name: str, number: Number, values: Values, layer: int) -> dict[str, float | int]:
    start, final = map(int if number.range.whole else float, _ends(number, values, layer))
    constant = schedule_of(number, values) == SCHEDULES[0]
    return {name: start} if constant else {name: start, name + FINAL: final}


def active(values: Values) -> frozenset[str]:
    """The names of everything that the program contains: strengths, and techniques that are a choice."""
    chosen = {row.name for row in TABLE if row.choice and is_on(row, values)}
    return frozenset(strengths(values)) | chosen


def schedules(values: Values) -> tuple[tuple[str, str], ...]:
    """The kind of schedule of each scheduled technique that follows one."""
    found = []
    for row in TABLE:
        for argument, number in row.numbers.items():
            kind = schedule_of(number, values)
            if kind != SCHEDULES[0] and is_on(row, values):
                found.append((_name(row, argument, None), kind))
    return tuple(found)


def schedule_of(number: Number, values: Values) -> str:
    """The kind of a number's schedule."""
    return str(values[number.key + SCHEDULE]) if number.scheduled else SCHEDULES[0]


def absent(name: str) -> float | int | None:
    """The value without effect of a strength, by its name. None if there is no such value."""
    numbers = {
        _name(row, argument, None): number for row in TABLE for argument, number in row.numbers.items()
    }
    number = numbers.get(name.removesuffix(FINAL).partition("/")[0])
    return number.absent if number else None


def arguments(
    row: Technique, strengths: Mapping[str, Any], layer: int | None = None
) -> dict[str, Any] | None:
    """The arguments of a technique's function, or None if it is off. `layer` is a hidden layer, from 0."""
    named = {
        argument: _name(row, argument, layer if number.per_layer else None)
        for argument, number in row.numbers.items()
    }
    if not all(name in strengths for name in named.values()):
        return None
    return {argument: strengths[name] for argument, name in named.items()}


def per_layer(values: Values, key: str) -> list[Any]:
    """A list with a value for each hidden layer. `key` has such a list, or one value for all layers."""
    given, depth = values[key], len(values["model.hidden"])
    return list(given) if isinstance(given, list) else [given] * depth


def _name(row: Technique, argument: str, layer: int | None) -> str:
    name = row.name if len(row.numbers) == 1 else f"{row.name}.{argument}"
    return name if layer is None else f"{name}/{layer + 1}"


def _layers(number: Number, values: Values) -> range:
    """The indices of the hidden layers if each has its own value, or else one index for all."""
    return range(len(values["model.hidden"]) if number.per_layer else 1)


def _is_active(number: Number, values: Values, layer: int) -> bool:
    return any(value != number.neutral for value in _ends(number, values, layer))


def _ends(number: Number, values: Values, layer: int) -> tuple[Any, Any]:
    """The values at the start and at the end of training. Null means the neutral value."""
    keys = (number.key, number.key + FINAL)
    if schedule_of(number, values) == SCHEDULES[0]:
        keys = (number.key, number.key)
    given = [per_layer(values, key)[layer] if number.per_layer else values[key] for key in keys]
    start, final = (number.neutral if value is None else value for value in given)
    return start, final
