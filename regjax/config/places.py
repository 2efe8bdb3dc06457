"""Where a command writes: its directories are refused where they would not be those that were meant."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

from regjax.errors import UserError, invalid

RUN, SWEEP = "hydra.run.dir", "hydra.sweep.dir"
SUBDIR, HYDRAS = "hydra.sweep.subdir", "hydra.output_subdir"
PLACES = (RUN, SWEEP, SUBDIR)


def check_places(given: Sequence[Override]) -> None:
    """Refuses directories without a name, outside that of their sweep, or that are not what was meant."""
    for override in given:
        key, value = override.key_or_group, override.value()
        if key == HYDRAS and value is not None:
            raise invalid(key, value, "it stays null: the settings of a run are written into its .hydra")
        if (
            key == SUBDIR
            and isinstance(value, str)
            and (Path(value).is_absolute() or ".." in Path(value).parts)
        ):
            raise invalid(key, value, "it must name a folder inside hydra.sweep.dir")
        if key not in PLACES or override.is_delete() or not isinstance(value, str | None):
            continue
        _check_named(key, value)
        if value is not None and value.startswith("~"):
            raise home_meant(key, value)
        if value is not None and not value.isprintable():
            raise invalid(key, ascii(value)[1:-1], "it has a character that cannot be shown")


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


def _check_named(key: str, value: str | None) -> None:
    if value is None or not value.strip():
        raise invalid(key, value, "must name a folder; leave it out for one named by date and time")
