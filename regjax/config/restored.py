"""The configuration of a run as its summary saves it, and read back, whoever wrote the file."""

import json
from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from regjax.config.ranges import NEUTRAL, check
from regjax.config.schema import Config, as_written, flatten, known_keys
from regjax.errors import UserError, invalid, nearest

# How OmegaConf writes an interpolation, and a value that is missing.
INTERPOLATION, MISSING = "${", '"???"'
# Keys that say nothing about a trained network, with a value in the place of an interpolation.
UNREAD = {
    "cache_dir": ".",
    "data.name": "",
    "data.manual_dir": None,
    "data.data_dir": None,
    "data.mirror": None,
}


def from_environment(composed: DictConfig, config: Config) -> dict[str, str]:
    """The texts that `${...}` gives, as they were written, by key: so a run saves them.

    What reports and predictions read, such as numbers and choices, is saved resolved.
    """
    values, written = flatten(config), as_written(composed)
    return {key: written[key] for key in UNREAD if isinstance(values[key], str) and "${" in written[key]}


def restored(flat: Mapping[str, Any]) -> Config:
    """The checked configuration that `flatten` gave: `{"model.dropout": 0.2, ...}`.

    The schema and the ranges of a command line hold for it. Nothing in it is resolved, imported or called.
    Raises `UserError` for the first key that is unknown, missing or out of range.
    """
    known = known_keys()
    sections = {key.partition(".")[0] for key in known if "." in key}
    leaves = [key for key in known if key not in sections]
    values = {}
    for key, value in flat.items():
        if key not in leaves:
            raise invalid(key, value, "a run has no such key", near=nearest(key, leaves))
        text = json.dumps(value)
        if INTERPOLATION in text and key in UNREAD:
            value = UNREAD[key]
        elif INTERPOLATION in text or MISSING in text:
            raise invalid(key, value, "the configuration of a finished run must be resolved")
        values[key] = value
    for key in leaves:
        if key not in values and key in NEUTRAL:  # an older run knew no such technique
            values[key] = NEUTRAL[key]
        if key not in values:
            raise UserError(f"{key}: it is missing; another version of regjax wrote this configuration.")
    config = _typed(values)
    check(config)
    return config


def _typed(flat: Mapping[str, Any]) -> Config:
    composed = OmegaConf.structured(Config)
    for key, value in flat.items():
        section, _, leaf = key.rpartition(".")
        try:
            composed = OmegaConf.merge(composed, {section: {leaf: value}} if section else {leaf: value})
        except (OmegaConfBaseException, OverflowError) as error:
            raise invalid(key, value, str(error).splitlines()[0].rstrip(".")) from None
    config = OmegaConf.to_object(composed)
    assert isinstance(config, Config)
    return config
