"""Decoded arrays, kept once: 70,000 prepared records take seconds to read, their cached array a moment."""

import math
import os
import re
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from regjax.data.integrity import file_sha256, wrong_sha256
from regjax.disk import sha256
from regjax.errors import UserError
from regjax.locks import one_process
from regjax.types import Dataset

AGAIN = "it is made again from the source by the next run."
REMEDY = f"Delete the file: {AGAIN}"
DIGITS = 64
SHA256 = re.compile(rf"[0-9a-f]{{{DIGITS}}}")
FOLDER_REMEDY = "Name another folder with cache_dir=FOLDER or the environment's REGJAX_CACHE_DIR."


def through_cache(folder: Path, key: str, build: Callable[[], Dataset], *, name: str) -> Dataset:
    """The dataset kept in `folder` under `key`, or else the one that `build` makes, which is then kept.

    The key names the source, the set and its version; `name` is what a process that waits for it calls it.
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
    """What is kept here, or None. Raises `UserError` also where the system does not let it be read."""
    try:
        return read(path) if path.exists() and hash_path(path).exists() else None
    except OSError as error:
        reason = f"{error.filename or path}: the decoded data cannot be read ({error.strerror})."
        raise UserError(f"{reason} {FOLDER_REMEDY}") from error


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
        temporary_hash.write_text(f"{sha256(temporary)}  {path.name}\n", encoding="ascii")
        os.replace(temporary_hash, hash_path(path))
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
        temporary_hash.unlink(missing_ok=True)


def read(path: Path) -> Dataset:
    """Read what `write` wrote; refused where the hash beside it is another, or the content is no dataset.

    No more memory is asked for than the file has bytes: nothing in it may be compressed, nor an array state
    another size than it has.
    """
    for file in (path, hash_path(path)):
        if file.is_symlink():
            raise UserError(f"{file}: a link, which is not followed here. {REMEDY}")
        if not file.is_file():  # a pipe would be waited for
            raise UserError(f"{file}: not a file. Delete it: {AGAIN}")
    expected = _vouched(hash_path(path))
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


def _vouched(path: Path) -> str:
    with path.open("rb") as file:
        digest = file.read(DIGITS).decode("ascii", "replace")
    if not SHA256.fullmatch(digest):
        raise UserError(f"{path}: it does not begin with a SHA-256. {REMEDY}")
    return digest


def _check_sizes(path: Path) -> None:
    """Raises `ValueError` where reading the file's arrays would take more bytes than it has."""
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
    """Raises `ValueError` where the arrays do not belong together."""
    inputs, labels = dataset.inputs, dataset.labels
    if inputs.ndim != 2 or labels.shape != inputs.shape[:1] or not 0 <= dataset.test_rows <= len(labels):
        parts = f"inputs {inputs.shape}, labels {labels.shape}, {dataset.test_rows} test rows"
        raise ValueError(f"its parts do not fit together: {parts}")
