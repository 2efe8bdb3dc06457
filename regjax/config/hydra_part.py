"""What Hydra's own part of a configuration may hold: nothing of which it, logging or JAX would make code.

Hydra makes objects of its callbacks, launcher and sweeper, and logging of two sections more. What a text that
is put together there will name, only Hydra would know; so texts stand there as they are.
"""

import re
from collections.abc import Sequence

LOGGING = ("job_logging", "hydra_logging")
MADE = ("callbacks", "launcher", "sweeper", *LOGGING)
SECTIONS = (*MADE, "job", "run", "sweep", "overrides", "runtime")
TARGETS = re.compile(r"(hydra_plugins|hydra\._internal\.core_plugins|optuna\.samplers)\.[\w.]+")
# What the launchers that Hydra's plugins declare are themselves put together from.
OF_LAUNCHERS = re.compile(
    r"\$\{(hydra\.sweep\.dir|hydra\.job\.name|oc\.env:USER,user|ray_pkg_version:\w+|python_version:micro)\}"
)
# Where Hydra's own choices of logging write.
LOG_FILES = ("${hydra.runtime.output_dir}/${hydra.job.name}.log", "hydra-${hydra.job.name}.log")
STREAMS = ("ext://sys.stdout", "ext://sys.stderr")
LOGGERS = ("logging.StreamHandler", "logging.NullHandler", "logging.Formatter")
HYDRAS_LOGGER = "logging.FileHandler"  # which needs a filename, one of those above
PARAMS = ("hydra", "sweeper", "params")
ENVIRONMENT = "set environment variables in the shell: here they would be saved, and can load code"


def objection(keys: Sequence[str], value: object) -> str | None:
    """Why `value` may not stand below `keys`, which begin at the root; None where nothing is wrong."""
    if not keys or keys[0] != "hydra":
        return None
    if tuple(keys[:3]) == PARAMS:
        return _of_params(".".join(keys[3:]), value)
    section, last = keys[1] if len(keys) > 1 else "", keys[-1]
    put_together = isinstance(value, str) and "${" in value
    if put_together and len(keys) <= 2 and section in ("", *SECTIONS):
        return "a section is written out here, not taken from elsewhere"
    if section == "job" and {"env_set", "env_copy"} & set(keys):
        return ENVIRONMENT
    if section == "sweeper" and last in ("custom_search_space", "storage") and value is not None:
        return "it stays null: it names code, or a store whose contents are loaded as code"
    if last == "_target_" and not TARGETS.fullmatch(str(value)):
        return "it names code to be called"
    return _of_logging(last, value) if section in LOGGING else _of_texts(section, str(value))


def _of_params(key: str, value: object) -> str | None:
    if key.lstrip("+~").startswith("hydra"):
        return "Hydra's own settings are not swept; write it in its own place"
    if isinstance(value, str) and "${" in value:
        return (
            "Hydra puts in what it stands for before there are jobs, and saves it; write it in its own "
            "section, where each job reads it"
        )
    return None


def _of_logging(last: str, value: object) -> str | None:
    if last == "class" and value not in (*LOGGERS, HYDRAS_LOGGER):
        return f"it must be {', '.join(LOGGERS)}; a run's own log is its train.log"
    if last == "stream" and value not in STREAMS:
        return f"it must be {' or '.join(STREAMS)}"
    if last == "filename":
        return None if value in LOG_FILES else "a run's own log is its train.log; take it out"
    return _of_texts(LOGGING[0], str(value))


def _of_texts(section: str, value: str) -> str | None:
    rest = OF_LAUNCHERS.sub("", value) if section == "launcher" else value
    if section in MADE and "${" in rest:
        return "it could name code, as it is put together from elsewhere; write it out"
    return None
