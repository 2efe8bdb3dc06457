"""Saves and restores variables and training states; the only module that imports orbax."""

import math
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import orbax.checkpoint as ocp

from regjax.manifests import SELECTED, DamagedError, commit, put_on_disk, read_json, read_manifest, verify
from regjax.types import Scaling, Variables

# Orbax's description of the tree, and zarr's of an array.
TREE, ZARRAY = "_METADATA", ".zarray"
# Of all arrays of a selected network: far above any MLP, and less than brings a machine down.
MAX_BYTES = 2**34
# What an array takes on the disk beside its bytes: its folder, its description, the blocks' last parts.
BESIDE_A_LEAF = 2**14
# What the threads are saving at the moment, in bytes: the room that one has found is not another's.
_SAVING: dict[Path, int] = {}
_SAVING_LOCK = threading.Lock()


class Selected(NamedTuple):
    """What a run selected: its network's variables, and how inputs are scaled before they enter it."""

    variables: Variables
    scaling: Scaling


def save_selected(directory: Path, selected: Selected, facts: Mapping[str, Any]) -> None:
    """Writes what a run selected below its directory in one step, over that of an earlier attempt."""
    arrays = _arrays(selected)
    facts = dict(facts) | {"leaves": _leaves(arrays, first_axis=0)}
    commit((directory / SELECTED).resolve(), _writer(arrays), facts)


def selected_facts(directory: Path) -> dict[str, Any]:
    """The facts that were saved with what a run selected. Raises `DamagedError`."""
    facts: dict[str, Any] = read_manifest(_selected_folder(directory))["facts"]
    return facts


def restore_selected(directory: Path, template: Selected) -> Selected:
    """What a run selected, in the shapes and dtypes of `template`, which may be `jax.ShapeDtypeStruct`s.

    Raises `DamagedError` where a file is not as it was written, or of another shape, dtype or size than the
    template asks for, or holds what is not finite.
    """
    folder, wanted = _selected_folder(directory), _arrays(template)
    _check_leaves(folder, read_manifest(folder)["facts"].get("leaves"), _leaves(wanted, first_axis=0))
    arrays = _read(folder, wanted)
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise DamagedError(f"{folder / name}: it has an entry that is not finite")
    return jax.tree.unflatten(jax.tree.structure(template), list(arrays.values()))


def _arrays(selected: Selected) -> dict[str, Any]:
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


def _check_files(folder: Path, listed: Iterable[str], wanted: Mapping[str, Any]) -> None:
    """Raises `DamagedError` where the files are not these arrays, each in one piece and uncompressed."""
    sizes = {_chunk(name, leaf): math.prod(leaf.shape) * leaf.dtype.itemsize for name, leaf in wanted.items()}
    if sum(sizes.values()) > MAX_BYTES:
        raise DamagedError(f"{folder}: its arrays have {sum(sizes.values())} bytes, and may have {MAX_BYTES}")
    names = {TREE, *sizes, *(f"{name}/{ZARRAY}" for name in wanted)}
    for name in sorted(names ^ set(listed)):
        told = "lists it, where it does not belong" if name in set(listed) else "does not list it"
        raise DamagedError(f"{folder / name}: the manifest {told}")
    for name, leaf in wanted.items():
        _check_zarray(folder / name / ZARRAY, leaf)
    for name, size in sizes.items():
        found = (folder / name).stat().st_size if (folder / name).is_file() else None
        if found not in (None, size):
            raise DamagedError(f"{folder / name}: it has {found} bytes, expected {size}")


def _check_zarray(path: Path, leaf: Any) -> None:
    found, shape = read_json(path), list(leaf.shape)
    dtype = np.dtype(leaf.dtype).str
    plain = {
        "shape": shape,
        "chunks": shape,
        "dtype": dtype,
        "compressor": None,
        "filters": None,
        "order": "C",
    }
    for entry, value in plain.items():
        if found.get(entry, "missing") != value:
            raise DamagedError(f"{path}: its {entry} is {found.get(entry, 'missing')}, expected {value}")


def _read(folder: Path, wanted: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The arrays of a folder, as the plain bytes that they are; nothing is allocated before all of it fits.

    Orbax and tensorstore would do what their own metadata say, which anybody can write.
    """
    _check_files(folder, read_manifest(folder)["files"], wanted)
    verify(folder)
    return {
        name: np.fromfile(folder / _chunk(name, leaf), leaf.dtype).reshape(leaf.shape)
        for name, leaf in wanted.items()
    }


def _chunk(name: str, leaf: Any) -> str:
    """The one file with all entries of an array."""
    return f"{name}/{'.'.join('0' * len(leaf.shape))}"


def save_lanes(folder: Path, lanes: Any, facts: Mapping[str, Any]) -> None:
    """Writes stacked lanes with `facts` in one step: a vector a lane for each dtype, the table of leaves."""
    packed = _packed(lanes)
    count = len(next(iter(packed.values())))
    leaves = _leaves(lanes, first_axis=1)
    commit(folder, _writer(packed), dict(facts) | {"count": count, "leaves": leaves})
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
    vectors = _read(folder, wanted)
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


def _writer(tree: Any) -> Callable[[Path], None]:
    """Orbax's handler writes the files (9 ms for a small net's variables).

    The Checkpointer around it takes 15 ms more, to coordinate hosts and threads that a run does not have, and
    two of them at once take each other's temporary folders.
    """

    def write(folder: Path) -> None:
        leaves = jax.tree.leaves(tree)
        with _room(folder, sum(leaf.nbytes for leaf in leaves) + BESIDE_A_LEAF * (len(leaves) + 1)):
            _handler().save(folder, args=ocp.args.PyTreeSave(tree))

    return write


@contextmanager
def _room(folder: Path, size: int) -> Iterator[None]:
    """Room for so many bytes beside what other threads are saving at the moment. Raises `OSError`."""
    try:
        with _SAVING_LOCK:
            _SAVING[folder] = size
            _find_room(folder, sum(_SAVING.values()))
        yield
    finally:
        with _SAVING_LOCK:
            del _SAVING[folder]


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


def _handler() -> ocp.PyTreeCheckpointHandler:
    # One folder an array: nothing to merge afterwards. Plain bytes: weights shrink by 8 %, and what is not
    # compressed is no larger in memory than on the disk.
    return ocp.PyTreeCheckpointHandler(use_ocdbt=False, use_compression=False)
