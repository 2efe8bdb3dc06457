"""Checks Hydra's composed configuration. Every start imports this package, so it loads no JAX."""

from regjax.config.messages import explain
from regjax.config.options import options_first
from regjax.config.ranges import check
from regjax.config.restored import from_environment, restored
from regjax.config.schema import Config, flatten, register_schema, typed

__all__ = [
    "Config",
    "check",
    "explain",
    "flatten",
    "from_environment",
    "options_first",
    "register_schema",
    "restored",
    "typed",
]
