"""Saves and restores selected parameters and training states. Each is one safetensors file."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from regjax.data.dataset import Scaling
from regjax.saved.manifest import SELECTED, DamagedError, commit, verify
from regjax.training.state import Variables

PARAMETERS, LANES = "parameters.safetensors", "lanes.safetensors"
OS_ERROR = re.compile(r"(.*) \(os error (\d+)\)")
# safetensors' names for the dtypes of states.
DTYPES = {"BOOL": "bool", "I32": "int32", "I64": "int64", "U32": "uint32", "F32": "float32", "F64": "float64"}


class Selected(NamedTuple):
    """The variables of the selected epoch, and the scaling of the inputs."""

    variables: Variables
    scaling: Scaling


def save_selected(directory: Path, selected: Selected, facts: Mapping[str, Any]) -> None:
    """Writes the selected parameters and their manifest, with `facts`, in one step. Raises `OSError`."""
    commit(directory / SELECTED, lambda folder: _write(folder / PARAMETERS, selected), facts)


def selected_facts(directory: Path) -> dict[str, Any]:
    """Verifies the folder of the selected parameters and returns its facts. Raises `DamagedError`."""
    return verify(directory / SELECTED)


def restore_selected(directory: Path, template: Selected) -> Selected:
    """The selected parameters. The leaves of `template` may be `jax.ShapeDtypeStruct`s.

    Call `selected_facts` first: it verifies the folder. Raises `DamagedError` if a name, shape or dtype
    differs from the template, or a number is not finite.
    """
    path = directory / SELECTED / PARAMETERS
    restored: Selected = _read(path, template)
    for name, leaf in _named(restored).items():
        if not np.isfinite(leaf).all():
            raise DamagedError(f"{path}: {name} has an entry that is not finite")
    return restored


def save_lanes(folder: Path, lanes: Any, facts: Mapping[str, Any]) -> None:
    """Writes stacked lanes and their manifest, with `facts`, in one step. Raises `OSError`."""
    commit(folder, lambda partial: _write(partial / LANES, lanes), facts)


def restore_lanes(folder: Path, template: Any) -> Any:
    """The stacked lanes of a folder. `template` may have another number of lanes.

    Raises `DamagedError` if a file is damaged, or a shape or dtype differs from the template.
    """
    verify(folder)
    return _read(folder / LANES, template, lanes=lanes_count(folder))


def check_lanes(folder: Path, template: Any) -> None:
    """Raises `DamagedError` if a shape or dtype of the lanes differs from the template."""
    _check(folder / LANES, template, lanes=lanes_count(folder))


def lanes_count(folder: Path) -> int:
    """The number of lanes in a folder. Raises `DamagedError` if its arrays have no first axis."""
    shapes = [shape for shape, _ in _contents(folder / LANES).values()]
    if not shapes or not shapes[0]:
        raise DamagedError(f"{folder / LANES}: it has no lanes")
    return shapes[0][0]


def _named(tree: Any) -> dict[str, Any]:
    """The leaves by their path in the tree, such as `variables.params.dense_0.kernel`."""
    leaves = jax.tree.leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in leaves}


def _write(path: Path, tree: Any) -> None:
    # safetensors reads the memory of every array as if it were in C order.
    arrays = {name: np.asarray(leaf, order="C") for name, leaf in _named(tree).items()}
    try:
        save_file(arrays, path)
        path.chmod(path.parent.stat().st_mode & 0o666)  # safetensors lets only the owner read it
    except SafetensorError as error:
        found = OS_ERROR.search(str(error))
        if found is None:
            raise
        raise OSError(int(found[2]), found[1].rpartition(": ")[2], str(path)) from None


def _read(path: Path, template: Any, *, lanes: int | None = None) -> Any:
    """The arrays of a file in the structure of `template`. Checks every shape before it allocates memory."""
    _check(path, template, lanes=lanes)
    with _opened(path) as file:
        arrays = [file.get_tensor(name) for name in _named(template)]
    return jax.tree.unflatten(jax.tree.structure(template), arrays)


def _check(path: Path, template: Any, *, lanes: int | None) -> None:
    found, wanted = _contents(path), {}
    for name, leaf in _named(template).items():
        shape = leaf.shape if lanes is None else (lanes, *leaf.shape[1:])
        wanted[name] = (shape, str(leaf.dtype))
    for name in [*wanted, *found]:
        ours, theirs = wanted.get(name), found.get(name)
        if ours != theirs:
            raise DamagedError(f"{path}: {name} is {_shown(theirs)}, and {_shown(ours)} in this program")


def _shown(layout: tuple[tuple[int, ...], str] | None) -> str:
    return f"{layout[1]}{list(layout[0])}" if layout else "missing"


def _contents(path: Path) -> dict[str, tuple[tuple[int, ...], str]]:
    """The shape and dtype of each array in a file."""
    with _opened(path) as file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
        return {
            name: (tuple(part.get_shape()), DTYPES.get(part.get_dtype(), part.get_dtype()))
            for name, part in slices.items()
        }


def _opened(path: Path) -> Any:
    """Opens a file. safetensors checks its header and its size. Raises `DamagedError`."""
    if path.is_symlink() or not path.is_file():
        raise DamagedError(f"{path}: it is missing, or not a file")
    try:
        return safe_open(path, framework="numpy")
    except (SafetensorError, OSError) as error:
        raise DamagedError(f"{path}: it cannot be read ({error})") from None
