"""The configuration of a finished run, read back from a file that anybody may have written."""

import json
from collections.abc import Mapping
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from regjax.config.checks import check
from regjax.config.schema import Config, known_keys
from regjax.errors import UserError, invalid, nearest

# How OmegaConf writes an interpolation, and a value that is missing.
UNRESOLVED = ("${", '"???"')
# Where its data came from says nothing about a trained network, and may be hidden.
SOURCES = ("data.manual_dir", "data.data_dir", "data.mirror")


def restored(flat: Mapping[str, Any]) -> Config:
    """The checked configuration that `flatten` gave: `{"model.dropout": 0.2, ...}`.

    Held to the schema and the ranges of a command line; nothing in it is resolved, imported or called. Raises
    `UserError` for the first key that is unknown, missing or out of range.
    """
    flat = dict(flat) | dict.fromkeys(set(SOURCES) & set(flat))
    known = known_keys()
    sections = {key.partition(".")[0] for key in known if "." in key}
    leaves = [key for key in known if key not in sections]
    for key, value in flat.items():
        if key not in leaves:
            raise invalid(key, value, "a run has no such key", near=nearest(key, leaves))
        if any(mark in json.dumps(value) for mark in UNRESOLVED):
            raise invalid(key, value, "a finished run holds values, and nothing to be resolved")
    for key in leaves:
        if key not in flat:
            raise UserError(f"{key}: it is missing; another version of regjax wrote this configuration.")
    config = _typed(flat)
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
