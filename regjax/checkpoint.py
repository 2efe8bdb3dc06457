"""Saves and restores the selected variables of a run; the only module that imports orbax."""

import logging
from pathlib import Path

import jax
import orbax.checkpoint as ocp

from regjax.types import Variables

SELECTED = Path("checkpoints") / "selected"


def save_selected(directory: Path, variables: Variables) -> None:
    """Writes one run's variables below its directory, over those of an earlier attempt, and waits for it."""
    # Orbax warns of every leaf's missing sharding; a run's variables come from the host.
    logging.getLogger("absl").setLevel(logging.ERROR)
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save((directory / SELECTED).resolve(), variables._asdict(), force=True)


def restore_selected(directory: Path, template: Variables) -> Variables:
    """The variables that a run selected, in the shapes of `template`."""
    shapes = jax.tree.map(ocp.utils.to_shape_dtype_struct, template._asdict())
    with ocp.StandardCheckpointer() as checkpointer:
        return Variables(**checkpointer.restore((directory / SELECTED).resolve(), shapes))
