"""Puts the options of a command line, such as -m, before its overrides."""

import argparse
from collections.abc import Sequence

from hydra._internal.utils import get_args_parser

from regjax.config.likely import meant
from regjax.config.messages import all_keys
from regjax.errors import UserError


def options_first(arguments: Sequence[str]) -> list[str]:
    """The arguments with the options first. Hydra does not read overrides on both sides of an option.

    Raises `UserError` for an option that does not exist.
    """
    for text in arguments:  # of `-model.dropout=0.2` argparse would take `-m`
        if text.startswith("-") and text.lstrip("-").partition("=")[0] in all_keys():
            raise UserError(_no_option(text, arguments))
    parser = get_args_parser()
    parser.exit_on_error = False
    try:
        known, rest = parser.parse_known_args(arguments)
    except argparse.ArgumentError as error:
        raise UserError(f"{error}.") from None
    for text in rest:
        if text.startswith("-"):
            raise UserError(_no_option(text, arguments))
    overrides = [*known.overrides, *rest]
    return [*(text for text in arguments if text not in overrides), *overrides]


def _no_option(text: str, arguments: Sequence[str]) -> str:
    """What to type in place of an option that does not exist: `key=value`, if a key is similar."""
    name, _, value = text.lstrip("-").replace("-", "_").partition("=")
    following = arguments[arguments.index(text) + 1 :]
    value = value or next((word for word in following[:1] if not word.startswith("-")), "VALUE")
    key = meant(name, all_keys())
    remedy = f"type {key}={value}" if key else "`python train.py --help` shows both"
    return f"{text}: there is no such option. Settings have no dashes: {remedy}."
