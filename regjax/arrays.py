"""Arrays in a folder: Orbax writes each in one piece, and it is read as the plain bytes that it is.

The only module that imports orbax.
"""

import json
import math
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import orbax.checkpoint as ocp

from regjax.manifests import DamagedError, read_json, read_manifest, verify

# Orbax's description of the tree, and zarr's of an array.
TREE, ZARRAY = "_METADATA", ".zarray"
# Of all arrays of a folder: far above any MLP, and less than brings a machine down.
MAX_BYTES = 2**34
# What an array takes on the disk beside its bytes: its folder, its description, the blocks' last parts.
BESIDE_AN_ARRAY = 2**14
# What the threads are saving at the moment, in bytes: the room that one has found is not another's.
_SAVING: dict[Path, int] = {}
_SAVING_LOCK = threading.Lock()

Arrays = Mapping[str, np.ndarray]


def write(folder: Path, arrays: Arrays) -> None:
    """Writes arrays into a folder that exists, each in a folder of its own. Raises `OSError`.

    By Orbax's handler (9 ms for a small net's variables). The Checkpointer around it takes 15 ms more, to
    coordinate hosts and threads that a run does not have, and two of them at once take each other's
    temporary folders.
    """
    with _room(folder, sum(array.nbytes for array in arrays.values()) + BESIDE_AN_ARRAY * (len(arrays) + 1)):
        _handler().save(folder, args=ocp.args.PyTreeSave(dict(arrays)))


def write_each(folder: Path, several: Sequence[Arrays]) -> list[Path]:
    """Writes several sets of arrays and gives their folders. One call takes a third of the time of many."""
    together = {f"{at}.{name}": array for at, arrays in enumerate(several) for name, array in arrays.items()}
    write(folder, together)
    description = json.loads((folder / TREE).read_text())
    (folder / TREE).unlink()
    places = []
    for at, arrays in enumerate(several):
        place = folder / str(at)
        place.mkdir()
        for name in arrays:
            (folder / f"{at}.{name}").rename(place / name)
        (place / TREE).write_text(json.dumps(_described(description, f"{at}.", arrays)))
        places.append(place)
    return places


def _described(together: Mapping[str, Any], prefix: str, names: Iterable[str]) -> dict[str, Any]:
    """Orbax's description of one set, from that of all."""
    entries = {}
    for name in names:
        entry = together["tree_metadata"][str((prefix + name,))]
        (key,) = entry["key_metadata"]
        entries[str((name,))] = entry | {"key_metadata": [key | {"key": name}]}
    return {**together, "tree_metadata": entries}


def read(folder: Path, wanted: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The arrays of a folder, as the plain bytes that they are; nothing is allocated before all of it fits.

    Orbax and tensorstore would do what their own metadata say, which anybody can write.
    """
    _check_files(folder, read_manifest(folder)["files"], wanted)
    verify(folder)
    return {
        name: np.fromfile(folder / _chunk(name, leaf), leaf.dtype).reshape(leaf.shape)
        for name, leaf in wanted.items()
    }


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


def _chunk(name: str, leaf: Any) -> str:
    """The one file with all entries of an array."""
    return f"{name}/{'.'.join('0' * len(leaf.shape))}"


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
