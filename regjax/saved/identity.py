"""Computes the identity of a run from everything that decides its result."""

import hashlib
import json
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any

from regjax import __version__
from regjax.config.ranges import NEUTRAL
from regjax.techniques.declaration import as_float32

# Settings of files, devices and the order of runs do not change a result. Neither do the sections that
# `is_decisive` names.
NOT_IDENTITY = (
    "cache_dir",
    "checkpoint",
    "platform",
    *(f"data.{key}" for key in ("manual_dir", "data_dir", "mirror")),
    *(f"sweep.{key}" for key in ("lanes", "retry", "fail_fast", "allow_diverged")),
)
PACKAGES = ("jax", "jaxlib", "flax", "optax", "hydra-core", "numpy")


@cache
def versions() -> dict[str, str]:
    """The versions of Python and of the packages that compute a run."""
    return {"regjax": __version__, "python": platform.python_version()} | {
        package: version(package) for package in PACKAGES
    }


def identity_of(config: Mapping[str, Any], fingerprint: str, device_kind: str) -> str:
    """SHA-256 of everything that decides a run's result. Runs with equal identities are the same run."""
    known = versions()
    return identity_of_parts([decisive(config), fingerprint, device_kind, known["regjax"], known["jaxlib"]])


def identity_untrained(config: Mapping[str, Any]) -> str:
    """The identity of a job without its data and device. It serves for jobs that cannot be trained here."""
    return identity_of(config, "", "")


def decisive(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that decide the training, as the program reads them.

    It omits settings at their neutral value. So a new technique changes no identity.
    """
    values = {}
    for key, value in config.items():
        if (key in NEUTRAL and (value is None or value == NEUTRAL[key])) or not is_decisive(key):
            continue  # most keys, which are not converted
        computed = as_computed(value)
        if key not in NEUTRAL or computed != as_computed(NEUTRAL[key]):
            values[key] = computed
    return values


def as_computed(value: Any) -> Any:
    """A setting's value as the program computes with it: floats become float32, and integers stay exact.

    1.0 becomes 1, since some keys take both.
    """
    if isinstance(value, list | tuple):
        return [as_computed(entry) for entry in value]
    if type(value) is not float:
        return value
    value = as_float32(value)
    return int(value) if value.is_integer() else value


@cache
def is_decisive(key: str) -> bool:
    """Whether a setting decides the training."""
    return key not in NOT_IDENTITY and not key.startswith(("compare.", "report.", "checkpointing."))


def identity_of_parts(parts: list[Any]) -> str:
    """SHA-256 of values that JSON can represent."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
