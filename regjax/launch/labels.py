"""Fits texts into the width of a terminal."""

from collections.abc import Iterable, Sequence


def labels(names: Sequence[str], width: int) -> dict[str, str]:
    """A label of at most `width` characters for each name. If a name is too long, its label lacks its middle.

    If two labels would be equal, all names get numbers instead.
    """
    short = {name: _without_middle(name, width) for name in names}
    if len(set(short.values())) == len(short):
        return short
    return {name: str(number) for number, name in enumerate(names, start=1)}


def fitting(parts: Iterable[str], width: int) -> str:
    """The parts that fit into a line. Earlier parts come first, and no part is cut."""
    line = ""
    for part in filter(None, parts):
        longer = f"{line}  {part}" if line else part
        line = longer if len(longer) <= width else line
    return line


def _without_middle(name: str, width: int) -> str:
    if len(name) <= width:
        return name
    head = width // 2
    return f"{name[:head]}…{name[len(name) - (width - head - 1) :]}"
