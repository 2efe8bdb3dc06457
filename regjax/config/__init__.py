"""From Hydra's composed configuration to what the training program takes.

Only `resolve` meets NumPy and JAX; the rest is imported at every start, `--help` included, and stays light.
"""

from regjax.config.checks import check
from regjax.config.environment import from_environment, hiding, masked, secrets_of_hydra
from regjax.config.messages import command_again, explain, report_command, run_command
from regjax.config.places import JOB, RUN, SWEEP, check_place_counts
from regjax.config.restored import restored
from regjax.config.schema import Config, flatten, register_schema, typed

__all__ = [
    "JOB",
    "RUN",
    "SWEEP",
    "Config",
    "check",
    "check_place_counts",
    "command_again",
    "explain",
    "flatten",
    "from_environment",
    "hiding",
    "masked",
    "register_schema",
    "report_command",
    "restored",
    "run_command",
    "secrets_of_hydra",
    "typed",
]
