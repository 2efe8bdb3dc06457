"""Saves and restores what a run selected, and training states: one safetensors file each."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from regjax.data.dataset import Scaling
from regjax.runs.manifest import SELECTED, DamagedError, commit, verify
from regjax.training.state import Variables

PARAMETERS, LANES = "parameters.safetensors", "lanes.safetensors"
OS_ERROR = re.compile(r"(.*) \(os error (\d+)\)")
# The format's names of the dtypes that states have.
DTYPES = {"BOOL": "bool", "I32": "int32", "I64": "int64", "U32": "uint32", "F32": "float32", "F64": "float64"}


class Selected(NamedTuple):
    """What a run selected: its network's variables, and how inputs are scaled before they enter it."""

    variables: Variables
    scaling: Scaling


def save_selected(directory: Path, selected: Selected, facts: Mapping[str, Any]) -> None:
    """Puts what a run selected below its directory in one step. Raises `OSError`."""
    commit(directory / SELECTED, lambda folder: _write(folder / PARAMETERS, selected), facts)


def selected_facts(directory: Path) -> dict[str, Any]:
    """The facts that were saved with what a run selected. Raises `DamagedError`."""
    return verify(directory / SELECTED)


def restore_selected(directory: Path, template: Selected) -> Selected:
    """What a run selected, in the shapes and dtypes of `template`, which may be `jax.ShapeDtypeStruct`s.

    The folder must have been verified (`selected_facts`). Raises `DamagedError` where an array has another
    name, shape or dtype than the template asks for, or an entry that is not finite.
    """
    path = directory / SELECTED / PARAMETERS
    arrays = _read(path, {name: (leaf.shape, str(leaf.dtype)) for name, leaf in _named(template).items()})
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise DamagedError(f"{path}: {name} has an entry that is not finite")
    return jax.tree.unflatten(jax.tree.structure(template), list(arrays.values()))


def save_lanes(folder: Path, lanes: Any, facts: Mapping[str, Any]) -> None:
    """Writes stacked lanes with `facts` in one step. Raises `OSError`."""
    commit(folder, lambda partial: _write(partial / LANES, lanes), facts)


def restore_lanes(folder: Path, template: Any) -> Any:
    """The stacked lanes of a folder, in the structure of `template` (one lane's shapes suffice).

    Raises `DamagedError` where a leaf has another shape or dtype, and names it, or a file is not as written.
    """
    verify(folder)
    arrays = _read(folder / LANES, _lanes_wanted(folder, template))
    return jax.tree.unflatten(jax.tree.structure(template), list(arrays.values()))


def check_lanes(folder: Path, template: Any) -> None:
    """Raises `DamagedError` at the first leaf that `template` has otherwise than the lanes of a folder."""
    _check(folder / LANES, _lanes_wanted(folder, template))


def lanes_count(folder: Path) -> int:
    """How many lanes a folder has. Raises `DamagedError` where it does not say."""
    shapes = [shape for shape, _ in _contents(folder / LANES).values()]
    if not shapes or not shapes[0]:
        raise DamagedError(f"{folder / LANES}: it has no lanes")
    return shapes[0][0]


Layout = dict[str, tuple[tuple[int, ...], str]]


def _lanes_wanted(folder: Path, template: Any) -> Layout:
    count = lanes_count(folder)
    return {name: ((count, *leaf.shape[1:]), str(leaf.dtype)) for name, leaf in _named(template).items()}


def _named(tree: Any) -> dict[str, Any]:
    """The leaves in the tree's order, by their path: `variables.params.dense_0.kernel`."""
    leaves = jax.tree.leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in leaves}


def _write(path: Path, tree: Any) -> None:
    # safetensors takes the memory of an array in another order for C order, without a word.
    arrays = {name: np.asarray(leaf, order="C") for name, leaf in _named(tree).items()}
    try:
        save_file(arrays, path)
        path.chmod(path.parent.stat().st_mode & 0o666)  # the library leaves it to its owner alone
    except SafetensorError as error:
        told = OS_ERROR.search(str(error))
        if told is None:
            raise
        raise OSError(int(told[2]), told[1].rpartition(": ")[2], str(path)) from None


def _read(path: Path, wanted: Layout) -> dict[str, np.ndarray]:
    """The arrays of a file in the order of `wanted`; nothing is allocated before all of it fits."""
    _check(path, wanted)
    with _opened(path) as file:
        return {name: file.get_tensor(name) for name in wanted}


def _check(path: Path, wanted: Layout) -> None:
    found = _contents(path)
    for name in [*wanted, *found]:
        ours, theirs = wanted.get(name), found.get(name)
        if ours != theirs:
            raise DamagedError(f"{path}: {name} is {_shown(theirs)}, and {_shown(ours)} in this program")


def _shown(layout: tuple[tuple[int, ...], str] | None) -> str:
    return f"{layout[1]}{list(layout[0])}" if layout else "missing"


def _contents(path: Path) -> Layout:
    with _opened(path) as file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
        return {
            name: (tuple(part.get_shape()), DTYPES.get(part.get_dtype(), part.get_dtype()))
            for name, part in slices.items()
        }


def _opened(path: Path) -> Any:
    """The file by its header, which the library bounds and checks. Raises `DamagedError`."""
    if path.is_symlink() or not path.is_file():
        raise DamagedError(f"{path}: it is missing, or no file")
    try:
        return safe_open(path, framework="numpy")
    except (SafetensorError, OSError) as error:
        raise DamagedError(f"{path}: it cannot be read ({error})") from None
