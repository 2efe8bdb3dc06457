"""Saves and restores the selected variables of a run; the only module that imports orbax."""

import os
import shutil
from pathlib import Path

import jax
import orbax.checkpoint as ocp

from regjax.types import Variables

SELECTED = Path("checkpoints") / "selected"


def save_selected(directory: Path, variables: Variables) -> None:
    """Writes one run's variables below its directory in one step, over those of an earlier attempt.

    Orbax's handler writes the files (9 ms). The Checkpointer around it takes 15 ms more, to coordinate hosts
    and threads that a run does not have, and two of them at once take each other's temporary folders.
    """
    final = (directory / SELECTED).resolve()
    partial = final.with_name(f".{final.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    _handler().save(partial, args=ocp.args.PyTreeSave(variables._asdict()))
    shutil.rmtree(final, ignore_errors=True)
    os.replace(partial, final)


def restore_selected(directory: Path, template: Variables) -> Variables:
    """The variables that a run selected, in the shapes of `template`."""
    arguments = jax.tree.map(lambda leaf: ocp.RestoreArgs(restore_type=type(leaf)), template._asdict())
    given = ocp.args.PyTreeRestore(item=template._asdict(), restore_args=arguments)
    return Variables(**_handler().restore((directory / SELECTED).resolve(), args=given))


def _handler() -> ocp.PyTreeCheckpointHandler:
    return ocp.PyTreeCheckpointHandler(use_ocdbt=False)  # one folder an array: nothing to merge afterwards
