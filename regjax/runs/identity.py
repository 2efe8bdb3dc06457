"""What a run is known by: all that decides its result."""

import hashlib
import json
import platform
import struct
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any

from regjax import __version__
from regjax.config.ranges import NEUTRAL

# Where files lie, how the device is asked for and in what order runs go do not change what is trained.
NOT_IDENTITY = (
    "cache_dir",
    "checkpoint",
    "checkpointing.minutes",
    "checkpointing.keep",
    "checkpointing.allow_changes",
    "platform",
    "data.manual_dir",
    "data.data_dir",
    "data.mirror",
    "sweep.lanes",
    "sweep.retry",
    "sweep.fail_fast",
    "sweep.allow_diverged",
)
NOT_TRAINING = "compare."
PACKAGES = ("jax", "jaxlib", "flax", "optax", "hydra-core", "numpy")


@cache
def versions() -> dict[str, str]:
    """Versions of what computed a run."""
    return {"regjax": __version__, "python": platform.python_version()} | {
        package: version(package) for package in PACKAGES
    }


def identity_of(config: Mapping[str, Any], fingerprint: str, device_kind: str) -> str:
    """SHA-256 of all that decides a run's result: equal identities mean the same run."""
    known = versions()
    return identity_of_parts([decisive(config), fingerprint, device_kind, known["regjax"], known["jaxlib"]])


def identity_untrained(config: Mapping[str, Any]) -> str:
    """The identity of a job that cannot be trained here: neither data nor device are known."""
    return identity_of(config, "", "")


def decisive(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that decide what is trained, as the program takes them.

    Settings at their neutral value are left out, so that a technique which comes later changes no identity.
    """
    values = {key: as_computed(value) for key, value in config.items() if is_decisive(key)}
    return {
        key: value for key, value in values.items() if key not in NEUTRAL or value not in (NEUTRAL[key], None)
    }


def as_computed(value: Any) -> Any:
    """A setting's value as a float32; lists of one repeated number (dropout rates by layer) stay lists.

    Whole numbers stay exact, and 1.0 is 1: both are typed where a key takes both.
    """
    if isinstance(value, list | tuple):
        return [as_computed(entry) for entry in value]
    if type(value) is not float:
        return value
    try:
        (value,) = struct.unpack("f", struct.pack("f", value))
    except OverflowError:  # out of range: the job is refused
        return value
    return int(value) if value.is_integer() else value


def is_decisive(key: str) -> bool:
    """Whether a setting decides what is trained."""
    return key not in NOT_IDENTITY and not key.startswith(NOT_TRAINING)


def identity_of_parts(parts: list[Any]) -> str:
    """SHA-256 of what JSON can say."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
