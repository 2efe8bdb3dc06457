"""The forms of `data.validation`. The configuration checks them, and the data package reads them."""

import re
from math import isfinite
from typing import Any

from regjax.errors import invalid

FIRST_ROWS = re.compile(r"first:0*([1-9][0-9]*)")


def check_validation(value: Any) -> None:
    """Raises `UserError` unless the value is a share in (0, 1), a count, first:N, test or 0."""
    if isinstance(value, str):
        legal = value == "test" or FIRST_ROWS.fullmatch(value) is not None
    else:
        number = type(value) is int or (type(value) is float and isfinite(value))
        legal = number and (0 <= value < 1 or is_count(value))
    if not legal:
        raise invalid("data.validation", value, "must be a share in (0, 1), a count, first:N, test or 0")


def is_count(value: float | int) -> bool:
    """Whether a number counts rows. Otherwise it is a share of them."""
    return value >= 1 and value == int(value)


def first_rows(value: str) -> int:
    """The N of `first:N`."""
    return int(value.removeprefix("first:"))
