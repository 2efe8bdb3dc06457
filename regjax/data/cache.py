"""Decoded arrays, kept once: 70,000 prepared records take seconds to read, the cached array a moment."""

import math
import os
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from regjax.data.dataset import Dataset
from regjax.data.integrity import file_sha256, wrong_sha256
from regjax.errors import UserError, printable
from regjax.files import one_process, sha256

REMEDY = "Delete the file: the next run makes it again from the source."
FOLDER_REMEDY = "Name another folder with cache_dir=FOLDER or the environment's REGJAX_CACHE_DIR."
DIGITS_OF_SHA256 = 64


def through_cache(folder: Path, key: str, build: Callable[[], Dataset], *, name: str) -> Dataset:
    """The dataset that `folder` keeps under `key`. Where there is none, `build` makes it and it is kept.

    The key names the source, the set and its version. A process that must wait for another one calls the
    dataset `name` in its message. Raises `UserError` where what is kept is damaged or the folder is unusable.
    """
    path = folder / f"{quote(key, safe='')}.npz"
    if (kept := _kept(path)) is not None:
        return kept
    with one_process(path.with_name(f".{path.name}.lock"), name=name, remedy=FOLDER_REMEDY):
        if (kept := _kept(path)) is not None:
            return kept
        dataset = build()
        try:
            write(path, dataset)
        except OSError as error:
            reason = f"{path}: the decoded data cannot be kept here ({error.strerror})."
            raise UserError(f"{reason} {FOLDER_REMEDY}") from error
        return dataset


def _kept(path: Path) -> Dataset | None:
    try:
        return read(path) if path.exists() and hash_path(path).exists() else None
    except OSError as error:
        reason = f"{error.filename or path}: the decoded data cannot be read ({error.strerror})."
        raise UserError(f"{reason} {FOLDER_REMEDY}") from error


def hash_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def write(path: Path, dataset: Dataset) -> None:
    """Write under a temporary name, then rename: no reader meets half a file. Several processes may write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    temporary_hash = hash_path(temporary)
    arrays: dict[str, Any] = {
        field: np.asarray(value) for field, value in dataset._asdict().items() if value is not None
    }
    try:
        with temporary.open("xb") as file:
            np.savez(file, **arrays)
        # In the format of `sha256sum --check`. The hash gets its name before the file does.
        temporary_hash.write_text(f"{sha256(temporary)}  {path.name}\n", encoding="ascii")
        os.replace(temporary_hash, hash_path(path))
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
        temporary_hash.unlink(missing_ok=True)


def read(path: Path) -> Dataset:
    """Read what `write` wrote. Reading takes no more memory than the file has bytes.

    Raises `UserError` where the hash beside the file is another one, or the content is no dataset.
    """
    with hash_path(path).open("rb") as file:
        expected = printable(file.read(DIGITS_OF_SHA256).decode("ascii", "replace"))
    if (found := file_sha256(path, remedy=REMEDY)) != expected:
        raise wrong_sha256(path, expected=expected, found=found, remedy=REMEDY)
    try:
        _check_sizes(path)
        with np.load(path, allow_pickle=False) as arrays:
            dataset = Dataset(
                name=str(arrays["name"]),
                inputs=arrays["inputs"],
                labels=arrays["labels"],
                num_classes=int(arrays["num_classes"]),
                test_rows=int(arrays["test_rows"]),
                pixel_max=int(arrays["pixel_max"]) if "pixel_max" in arrays else None,
            )
        _check_rows(dataset)
    except (ValueError, KeyError, TypeError, OSError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: not a cached dataset ({error}). {REMEDY}") from error
    return dataset


def _check_sizes(path: Path) -> None:
    """Raises `ValueError` where an array would take more memory than the file has bytes for it."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > path.stat().st_size:
            raise ValueError("its parts are larger than the file")
        for member in members:
            if member.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"{member.filename} is compressed")
            with archive.open(member) as file:
                version = np.lib.format.read_magic(file)
                if version != (1, 0):
                    raise ValueError(f"{member.filename} is of format {version}")
                shape, _, dtype = np.lib.format.read_array_header_1_0(file)
                stated, held = math.prod(shape) * dtype.itemsize, member.file_size - file.tell()
            if stated != held:
                raise ValueError(f"{member.filename} states {stated} bytes and has {held}")


def _check_rows(dataset: Dataset) -> None:
    """Raises `ValueError` where the arrays' shapes do not fit together."""
    inputs, labels = dataset.inputs, dataset.labels
    if inputs.ndim != 2 or labels.shape != inputs.shape[:1] or not 0 <= dataset.test_rows <= len(labels):
        raise ValueError(f"inputs {inputs.shape}, labels {labels.shape}, {dataset.test_rows} test rows")
