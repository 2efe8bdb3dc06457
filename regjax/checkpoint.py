"""Saves and restores variables and training states; the only module that imports orbax."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from regjax.manifests import DamagedError, commit, put_on_disk, verify
from regjax.types import Variables

SELECTED = Path("checkpoints") / "selected"


def save_selected(directory: Path, variables: Variables) -> None:
    """Writes one run's variables below its directory in one step, over those of an earlier attempt."""
    commit((directory / SELECTED).resolve(), _writer(variables._asdict()), {})


def restore_selected(directory: Path, template: Variables) -> Variables:
    """The variables that a run selected, in the shapes of `template`. Raises `DamagedError`."""
    folder = (directory / SELECTED).resolve()
    verify(folder)
    return Variables(**_read(folder, template._asdict()))


def save_lanes(folder: Path, lanes: Any, facts: Mapping[str, Any]) -> None:
    """Writes stacked lanes with `facts` in one step: a vector a lane for each dtype, the table of leaves."""
    commit(folder, _writer(_packed(lanes)), dict(facts) | {"leaves": _leaves(lanes)})
    put_on_disk(folder)  # before an older state may go


def restore_lanes(folder: Path, template: Any) -> Any:
    """The stacked lanes of a verified folder, in the structure of `template` (one lane's shapes suffice).

    Raises `DamagedError` where a leaf has another shape or dtype, and names it.
    """
    expected = check_leaves(folder, template)
    vectors = _read(folder, None)
    taken = dict.fromkeys(vectors, 0)
    restored = []
    for _, shape, dtype in expected:
        size = int(np.prod(shape))
        start = taken[dtype]
        vector = vectors[dtype][:, start : start + size]
        restored.append(vector.reshape(len(vector), *shape))
        taken[dtype] += size
    return jax.tree.unflatten(jax.tree.structure(template), restored)


def check_leaves(folder: Path, template: Any) -> list[list[Any]]:
    """The leaves of a folder's lanes. Raises `DamagedError` at the first that `template` has otherwise."""
    facts = verify(folder)
    expected = _leaves(template)
    for found, wanted in zip(facts["leaves"], expected, strict=False):
        if found != wanted:
            raise DamagedError(f"{folder}: its {found[0]} is {found[1:]}, this program has {wanted}")
    if len(facts["leaves"]) != len(expected):
        raise DamagedError(f"{folder}: it has {len(facts['leaves'])} leaves, this program {len(expected)}")
    return expected


def _leaves(lanes: Any) -> list[list[Any]]:
    """Name, shape without the lanes axis, and dtype of each leaf."""
    return [
        [jax.tree_util.keystr(path), list(leaf.shape[1:]), str(leaf.dtype)]
        for path, leaf in jax.tree.leaves_with_path(lanes)
    ]


def _packed(lanes: Any) -> dict[str, np.ndarray]:
    """Orbax takes a millisecond an array, so all leaves of one dtype are one."""
    vectors: dict[str, list[np.ndarray]] = {}
    for leaf in jax.tree.leaves(lanes):
        vectors.setdefault(str(leaf.dtype), []).append(np.asarray(leaf).reshape(len(leaf), -1))
    return {dtype: np.concatenate(parts, axis=1) for dtype, parts in vectors.items()}


def _writer(tree: Any) -> Callable[[Path], None]:
    """Orbax's handler writes the files (9 ms for a small net's variables).

    The Checkpointer around it takes 15 ms more, to coordinate hosts and threads that a run does not have, and
    two of them at once take each other's temporary folders.
    """

    def write(folder: Path) -> None:
        _find_room(folder, sum(leaf.nbytes for leaf in jax.tree.leaves(tree)))
        _handler().save(folder, args=ocp.args.PyTreeSave(tree))

    return write


def _find_room(folder: Path, size: int) -> None:
    """Raises `OSError` where the disk has no room for so many bytes.

    The writer's own threads find that out one by one, and each prints a traceback.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    trial = folder / "room"
    with trial.open("wb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, max(size, 1))
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(folder)) from None
        finally:
            trial.unlink()


def _read(folder: Path, template: Any) -> Any:
    given = ocp.args.PyTreeRestore()
    if template is not None:
        types = jax.tree.map(lambda leaf: ocp.RestoreArgs(restore_type=type(leaf)), template)
        given = ocp.args.PyTreeRestore(item=template, restore_args=types)
    return _handler().restore(folder, args=given)


def _handler() -> ocp.PyTreeCheckpointHandler:
    return ocp.PyTreeCheckpointHandler(use_ocdbt=False)  # one folder an array: nothing to merge afterwards
