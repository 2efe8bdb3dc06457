"""Keeps decoded arrays: it takes seconds to read 70,000 prepared records, and a moment to read the array."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from regjax.data.dataset import Dataset
from regjax.data.integrity import file_sha256, wrong_sha256
from regjax.errors import UserError, printable
from regjax.files import one_process, replace_text, replacing, sha256

REMEDY = "Delete the file: the next run makes it again from the source."
FOLDER_REMEDY = "Name another folder with cache_dir=FOLDER or the environment's REGJAX_CACHE_DIR."
DIGITS_OF_SHA256 = 64


def through_cache(
    folder: Path, key: str, build: Callable[[], Dataset], *, name: str, state: Callable[[], str] = str
) -> Dataset:
    """The dataset that `folder` keeps under `key`. If there is none, `build` makes it, and `folder` keeps it.

    The key names the source, the dataset and its version. Other datasets on this machine may have the same
    name. Then `state` adds a text that tells their files apart. `build` may write these files. A process that
    waits for another one calls the dataset `name` in its message. Raises `UserError` if the kept file is
    damaged or the folder is unusable.
    """
    path = _path(folder, key + state())
    if (kept := _kept(path)) is not None:
        return kept
    with one_process(path.with_name(f".{path.name}.lock"), name=name, remedy=FOLDER_REMEDY):
        if (kept := _kept(path)) is not None:
            return kept
        dataset = build()
        path = _path(folder, key + state())
        try:
            write(path, dataset)
        except OSError as error:
            reason = f"{path}: the decoded data cannot be kept here ({error.strerror})."
            raise UserError(f"{reason} {FOLDER_REMEDY}") from error
        return dataset


def _path(folder: Path, key: str) -> Path:
    return folder / f"{quote(key, safe='')}.npz"


def hash_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def write(path: Path, dataset: Dataset) -> None:
    """Write the arrays and their SHA-256. The file of the SHA-256 appears first, each file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {
        field: np.asarray(value) for field, value in dataset._asdict().items() if value is not None
    }
    with replacing(path, "xb") as file:
        np.savez(file, **arrays)
        file.flush()
        # In the format of `sha256sum --check`.
        replace_text(hash_path(path), f"{sha256(Path(file.name))}  {path.name}\n")


def _kept(path: Path) -> Dataset | None:
    """The dataset that `write` wrote, or None. Raises `UserError` if the file is damaged or no dataset."""
    try:
        if not path.exists() or not hash_path(path).exists():
            return None
        with hash_path(path).open("rb") as file:
            expected = printable(file.read(DIGITS_OF_SHA256).decode("ascii", "replace"))
    except OSError as error:
        reason = f"{error.filename or path}: the decoded data cannot be read ({error.strerror})."
        raise UserError(f"{reason} {FOLDER_REMEDY}") from error
    if (found := file_sha256(path, remedy=REMEDY)) != expected:
        raise wrong_sha256(path, expected=expected, found=found, remedy=REMEDY)
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > path.stat().st_size:
                raise ValueError("its parts are larger than the file")
        with np.load(path, allow_pickle=False) as arrays:
            if "pixel_max" in arrays and "image_shape" not in arrays:  # written before shapes were kept
                return None
            return Dataset(
                name=str(arrays["name"]),
                inputs=arrays["inputs"],
                labels=arrays["labels"],
                num_classes=int(arrays["num_classes"]),
                test_rows=int(arrays["test_rows"]),
                pixel_max=int(arrays["pixel_max"]) if "pixel_max" in arrays else None,
                image_shape=tuple(map(int, arrays["image_shape"])) if "image_shape" in arrays else None,  # type: ignore[arg-type]
            )
    except (ValueError, KeyError, TypeError, OSError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: not a cached dataset ({error}). {REMEDY}") from error
