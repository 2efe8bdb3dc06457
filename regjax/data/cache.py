"""Decoded arrays, kept once: 70,000 prepared records take seconds to read, their cached array a moment."""

import os
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from regjax.data.integrity import file_sha256, verify_sha256
from regjax.errors import UserError
from regjax.types import Dataset

REMEDY = "Delete the file: it is made again from the source by the next run."


def through_cache(folder: Path, key: str, build: Callable[[], Dataset]) -> Dataset:
    """The dataset kept in `folder` under `key`, or else the one that `build` makes, which is then kept.

    The key names the source, the set and its version.
    """
    path = folder / f"{quote(key, safe='')}.npz"
    if path.exists() and hash_path(path).exists():
        return read(path)
    dataset = build()
    try:
        write(path, dataset)
    except OSError as error:
        raise UserError(
            f"{path}: the decoded data cannot be kept here ({error.strerror}). "
            "Name another folder with cache_dir=FOLDER or the environment's REGJAX_CACHE_DIR."
        ) from error
    return dataset


def hash_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def write(path: Path, dataset: Dataset) -> None:
    """Write under a temporary name, then move: no reader meets half a file, however many processes write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    temporary_hash = hash_path(temporary)
    arrays: dict[str, Any] = {
        field: np.asarray(value) for field, value in dataset._asdict().items() if value is not None
    }
    try:
        with temporary.open("xb") as file:
            np.savez(file, **arrays)
        # In the format of `sha256sum --check`, and in place before the file that it vouches for.
        temporary_hash.write_text(f"{file_sha256(temporary)}  {path.name}\n", encoding="ascii")
        os.replace(temporary_hash, hash_path(path))
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
        temporary_hash.unlink(missing_ok=True)


def read(path: Path) -> Dataset:
    """Read what `write` wrote; refused where the hash beside it is another, or the content is no dataset."""
    expected = hash_path(path).read_text(encoding="ascii", errors="replace").partition(" ")[0]
    verify_sha256(path, expected=expected, remedy=REMEDY)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return Dataset(
                name=str(arrays["name"]),
                inputs=arrays["inputs"],
                labels=arrays["labels"],
                num_classes=int(arrays["num_classes"]),
                test_rows=int(arrays["test_rows"]),
                pixel_max=int(arrays["pixel_max"]) if "pixel_max" in arrays else None,
            )
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: not a cached dataset ({error}). {REMEDY}") from error
