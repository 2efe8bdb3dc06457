"""Saves and restores what runs selected, and training states."""

import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from regjax import arrays
from regjax.disk import remove
from regjax.manifests import SELECTED, DamagedError, commit, put_on_disk, read_manifest
from regjax.types import Scaling, Variables


class Selected(NamedTuple):
    """What a run selected: its network's variables, and how inputs are scaled before they enter it."""

    variables: Variables
    scaling: Scaling


class Staged(NamedTuple):
    """What a run selected, in a folder from which it goes to the run's own, and its leaves."""

    folder: Path
    leaves: list[list[Any]]


@contextmanager
def staged(folder: Path, several: Sequence[Selected]) -> Iterator[list[Staged]]:
    """What several runs selected, written together into a folder that is gone afterwards.

    Raises `OSError`.
    """
    remove(folder)  # a kill has left one
    folder.mkdir(parents=True)
    try:
        named = [_named(selected) for selected in several]
        places = arrays.write_each(folder, named)
        yield [Staged(place, _leaves(one, first_axis=0)) for place, one in zip(places, named, strict=True)]
    finally:
        remove(folder)


def save_selected(directory: Path, selected: Staged, facts: Mapping[str, Any]) -> None:
    """Puts what a run selected below its directory in one step, in the place of an earlier attempt's.

    Raises `DamagedError` where a link stands on the way there.
    """

    def move(folder: Path) -> None:
        for path in selected.folder.iterdir():
            shutil.move(path, folder)

    commit(_selected_folder(directory), move, dict(facts) | {"leaves": selected.leaves})


def selected_facts(directory: Path) -> dict[str, Any]:
    """The facts that were saved with what a run selected. Raises `DamagedError`."""
    facts: dict[str, Any] = read_manifest(_selected_folder(directory))["facts"]
    return facts


def restore_selected(directory: Path, template: Selected) -> Selected:
    """What a run selected, in the shapes and dtypes of `template`, which may be `jax.ShapeDtypeStruct`s.

    Raises `DamagedError` where a file is not as it was written, or of another shape, dtype or size than the
    template asks for, or holds what is not finite.
    """
    folder, wanted = _selected_folder(directory), _named(template)
    _check_leaves(folder, read_manifest(folder)["facts"].get("leaves"), _leaves(wanted, first_axis=0))
    found = arrays.read(folder, wanted)
    for name, array in found.items():
        if not np.isfinite(array).all():
            raise DamagedError(f"{folder / name}: it has an entry that is not finite")
    return jax.tree.unflatten(jax.tree.structure(template), list(found.values()))


def _named(selected: Selected) -> dict[str, Any]:
    """The arrays in the tree's order, by their folder: `variables.params.dense_0.kernel`."""
    return {
        jax.tree_util.keystr(path, simple=True, separator="."): leaf
        for path, leaf in jax.tree.leaves_with_path(selected)
    }


def _selected_folder(directory: Path) -> Path:
    """Raises `DamagedError` where a link stands below the run's directory, which itself may be one."""
    folder = directory.resolve()
    for part in SELECTED.parts:
        folder = folder / part
        if folder.is_symlink():
            raise DamagedError(f"{folder}: it is a link, which is never followed")
    return folder


def save_lanes(folder: Path, lanes: Any, facts: Mapping[str, Any]) -> None:
    """Writes stacked lanes with `facts` in one step: a vector a lane for each dtype, the table of leaves."""
    packed = _packed(lanes)
    count = len(next(iter(packed.values())))
    leaves = _leaves(lanes, first_axis=1)
    commit(
        folder,
        lambda partial: arrays.write(partial, packed),
        dict(facts) | {"count": count, "leaves": leaves},
    )
    put_on_disk(folder)  # before an older state may go


def restore_lanes(folder: Path, template: Any) -> Any:
    """The stacked lanes of a verified folder, in the structure of `template` (one lane's shapes suffice).

    Raises `DamagedError` where a leaf has another shape or dtype, and names it, or a file is not as written.
    """
    expected = check_lanes(folder, template)
    sizes: dict[str, int] = {}
    for _, shape, dtype in expected:
        sizes[dtype] = sizes.get(dtype, 0) + math.prod(shape)
    count = lanes_count(folder)
    wanted = {dtype: jax.ShapeDtypeStruct((count, size), dtype) for dtype, size in sizes.items()}
    vectors = arrays.read(folder, wanted)
    taken = dict.fromkeys(vectors, 0)
    restored = []
    for _, shape, dtype in expected:
        size = int(np.prod(shape))
        start = taken[dtype]
        vector = vectors[dtype][:, start : start + size]
        restored.append(vector.reshape(len(vector), *shape))
        taken[dtype] += size
    return jax.tree.unflatten(jax.tree.structure(template), restored)


def lanes_count(folder: Path) -> int:
    """How many lanes a folder has. Raises `DamagedError` where it does not say."""
    count = read_manifest(folder)["facts"].get("count")
    if not isinstance(count, int) or count < 1:
        raise DamagedError(f"{folder}: its manifest says it has {count} lanes")
    return count


def check_lanes(folder: Path, template: Any) -> list[list[Any]]:
    """The leaves of a folder's lanes. Raises `DamagedError` at the first that `template` has otherwise."""
    expected = _leaves(template, first_axis=1)
    _check_leaves(folder, read_manifest(folder)["facts"].get("leaves"), expected)
    return expected


def _leaves(tree: Any, *, first_axis: int) -> list[list[Any]]:
    """Name, shape from an axis on (1 leaves out that of lanes), and dtype of each leaf."""
    return [
        [jax.tree_util.keystr(path), list(leaf.shape[first_axis:]), str(leaf.dtype)]
        for path, leaf in jax.tree.leaves_with_path(tree)
    ]


def _check_leaves(folder: Path, found: Any, expected: list[list[Any]]) -> None:
    """Raises `DamagedError` for the first leaf that is not as expected."""
    if not isinstance(found, list):
        raise DamagedError(f"{folder}: its manifest lists no leaves")
    for leaf, wanted in zip(found, expected, strict=False):
        if leaf != wanted:
            raise DamagedError(f"{folder}: it has {leaf}, where this program has {wanted}")
    if len(found) != len(expected):
        raise DamagedError(f"{folder}: it has {len(found)} leaves, this program {len(expected)}")


def _packed(lanes: Any) -> dict[str, np.ndarray]:
    """Orbax takes a millisecond an array, so all leaves of one dtype are one."""
    vectors: dict[str, list[np.ndarray]] = {}
    for leaf in jax.tree.leaves(lanes):
        vectors.setdefault(str(leaf.dtype), []).append(np.asarray(leaf).reshape(len(leaf), -1))
    return {dtype: np.concatenate(parts, axis=1) for dtype, parts in vectors.items()}
