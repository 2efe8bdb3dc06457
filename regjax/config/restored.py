"""Restores the configuration of a run from a file that anyone may have written, and helps to save it."""

import json
from collections.abc import Mapping
from typing import Any

from omegaconf import Container, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from regjax.config.ranges import NEUTRAL, check
from regjax.config.schema import Config, as_written, flatten, known_keys
from regjax.errors import UserError, invalid, nearest

# How OmegaConf writes an interpolation and a missing value.
INTERPOLATION, MISSING = "${", '"???"'
# These keys do not describe a trained network. If one was saved as an interpolation, it gets this value.
UNREAD: dict[str, str | None] = {
    **{"cache_dir": ".", "data.name": ""},
    **dict.fromkeys(("data.manual_dir", "data.data_dir", "data.mirror")),
}
# The values of keys that a run of an older version lacks.
OLDER: dict[str, Any] = NEUTRAL | {
    **dict.fromkeys(("report.columns", "report.epochs_to", "compare.within")),
    "compare.looks": 1,
}


def from_environment(composed: DictConfig, config: Config) -> dict[str, str]:
    """The texts with `${...}` by key, as the user wrote them. A run saves these texts, not their values.

    This holds for the keys in `UNREAD`. Reports and predictions read the others, so a run saves their values.
    """
    values, written = flatten(config), as_written(composed)
    return {
        key: written[key] for key in UNREAD if isinstance(values[key], str) and INTERPOLATION in written[key]
    }


def restored(flat: Mapping[str, Any]) -> Config:
    """The configuration from its flat form, `{"model.dropout": 0.2, ...}`, checked like a command line.

    It resolves, imports and calls nothing. Raises `UserError` for the first key that is unknown, missing or
    out of range.
    """
    sections = {key.partition(".")[0] for key in known_keys() if "." in key}
    leaves = [key for key in known_keys() if key not in sections]
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
        if key not in values and key in OLDER:
            values[key] = OLDER[key]
        if key not in values:
            raise UserError(f"{key}: it is missing; another version of regjax wrote this configuration.")
    config = _typed(values)
    check(config)
    return config


def _typed(flat: Mapping[str, Any]) -> Config:
    try:
        config = OmegaConf.to_object(_merged(flat))
    except (OmegaConfBaseException, OverflowError):
        for key, value in flat.items():
            try:
                _merged({key: value})
            except (OmegaConfBaseException, OverflowError) as error:
                raise invalid(key, value, str(error).splitlines()[0].rstrip(".")) from None
        raise
    assert isinstance(config, Config)
    return config


def _merged(flat: Mapping[str, Any]) -> Container:
    nested: dict[str, Any] = {}
    for key, value in flat.items():
        section, _, leaf = key.rpartition(".")
        (nested.setdefault(section, {}) if section else nested)[leaf] = value
    return OmegaConf.merge(OmegaConf.structured(Config), nested)
