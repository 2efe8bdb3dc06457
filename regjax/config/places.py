"""Where a command writes: its directories are refused where they would not be those that were meant."""

import os
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from regjax.config.environment import secrets_of_hydra
from regjax.errors import UserError, invalid
from regjax.links import refuse_for_sweep

RUN, SWEEP = "hydra.run.dir", "hydra.sweep.dir"
SUBDIR, HYDRAS, JOB = "hydra.sweep.subdir", "hydra.output_subdir", "hydra.job.name"
PLACES = (RUN, SWEEP, SUBDIR)
UNNAMED = "must name a folder; leave it out for one named by date and time"


def check_places(composed: DictConfig, *, sweeps: bool) -> None:
    """Refuses directories without a name, outside that of their sweep, or that are not what was meant.

    `composed` is a command's whole configuration. What files say for the other mode is for the other mode.
    """
    hydra: Any = composed.hydra
    if hydra.output_subdir is not None:
        allowed = "it stays null: the settings of a run are written into its .hydra"
        raise invalid(HYDRAS, hydra.output_subdir, allowed)
    name = str(hydra.job.name)
    if not name.isprintable() or "/" in name:
        raise invalid(JOB, _visible(name), "it must be a name without / that can be shown")
    asked: Any = OmegaConf.to_container(hydra.overrides.hydra, resolve=False)
    counting = (SWEEP, SUBDIR) if sweeps else (RUN,)
    for key in PLACES:
        if key not in counting and not any(f"{key}=" in override for override in asked):
            continue
        value = OmegaConf.select(composed, key)
        _check_named(key, value)
        if value.startswith("~"):
            raise home_meant(key, value)
        if not value.isprintable():
            raise invalid(key, _visible(value), "it has a character that cannot be shown")
        if key == SUBDIR and (Path(value).is_absolute() or ".." in Path(value).parts):
            raise invalid(key, value, "it must name a folder inside hydra.sweep.dir")
    if sweeps:
        refuse_for_sweep(Path(str(hydra.sweep.dir)).absolute())
    whole: Any = OmegaConf.to_container(composed, resolve=False)
    if sweeps and SUBDIR in secrets_of_hydra(whole):
        allowed = (
            "it is saved as each job's name, as is nothing of the environment; hydra.sweep.dir may have that"
        )
        raise invalid(SUBDIR, whole["hydra"]["sweep"]["subdir"], allowed)


def check_place_counts(hydra: Any, *, sweeps: bool) -> None:
    """Refuses a directory that was asked for by the other mode's key, and the empty one that files can give.

    `hydra` is Hydra's own configuration. What files say for the other mode is for the other mode.
    """
    counts, ignored = (SWEEP, RUN) if sweeps else (RUN, SWEEP)
    given: Any = OmegaConf.to_container(hydra.overrides.hydra, resolve=False)  # some name what a job has
    overrides = OverridesParser.create().parse_overrides(given)
    asked = {override.key_or_group: override for override in overrides}
    if ignored in asked and counts not in asked:
        folder = str(asked[ignored].input_line).partition("=")[2]
        kind, other = ("sweep", "hydra.mode=RUN makes it a run") if sweeps else ("run", "-m makes it a sweep")
        raise UserError(
            f"{asked[ignored].input_line}: this command is a {kind}, whose directory is {counts}: "
            f"give {counts}={folder} ({other})."
        )
    _check_named(counts, (hydra.sweep if sweeps else hydra.run).dir)


def home_meant(key: str, value: str) -> UserError:
    """The refusal of a ~, which Hydra would take for a folder's name."""
    return invalid(key, value, f"~ is not read here; write the folder in full: {os.path.expanduser(value)}")


def _visible(text: str) -> str:
    return ascii(text)[1:-1]


def _check_named(key: str, value: str | None) -> None:
    if value is None or not value.strip():
        raise invalid(key, value, UNNAMED)
