"""A folder that is whole: written aside, listed with each file's SHA-256, moved into place in one step."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from regjax.disk import remove, sha256

MANIFEST = "manifest.json"
SELECTED, STATES = Path("checkpoints") / "selected", Path("checkpoints") / "states"
# A manifest lists some files and lanes, of 100 bytes each: this is far above any.
MAX_JSON_BYTES = 2**24


class DamagedError(Exception):
    """A folder that is not as it was written; the message names the file, what is expected and found."""


def commit(final: Path, write: Callable[[Path], None], facts: Mapping[str, Any]) -> None:
    """Lets `write` fill a folder, adds its manifest with `facts`, and puts it in the place of `final`.

    Until the last steps, a removal and a rename, `final` is what it was before; where something fails it
    stays so. Where it is no folder, or a link, that is an `OSError`; of a leftover, no kind matters.
    """
    partial = final.with_name(f".{final.name}.partial")
    remove(partial)
    partial.mkdir(parents=True)
    try:
        write(partial)
        listed = {
            "facts": facts,
            "files": {str(path.relative_to(partial)): sha256(path) for path in _files(partial)},
        }
        text = json.dumps(listed | {"sha256": _own_digest(listed)}, indent=1) + "\n"
        (partial / MANIFEST).write_text(text)
        if final.is_symlink():
            raise OSError(errno.ELOOP, "it is a link, which is never followed", str(final))
        if final.exists():
            shutil.rmtree(final)  # nothing of what is no folder
        os.replace(partial, final)
    except BaseException:
        remove(partial)  # on a full disk above all
        raise


def put_on_disk(folder: Path) -> None:
    """Has all files of a folder on the disk when it returns, so that a power cut does not take them."""
    for path in [*_files(folder), folder, folder.parent]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def verify(folder: Path) -> dict[str, Any]:
    """The facts of a folder, every file of which is as it was written. Raises `DamagedError`."""
    listed = read_manifest(folder)
    found = {str(path.relative_to(folder)): path for path in _files(folder)}
    found.pop(MANIFEST, None)
    for name, expected in listed["files"].items():
        found.pop(name, None)
        check_file(folder / name, expected)
    if found:
        raise DamagedError(f"{next(iter(found.values()))}: it is not in the manifest")
    facts: dict[str, Any] = listed["facts"]
    return facts


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest itself, unverified. Raises `DamagedError` where it is missing or cannot be read."""
    path = folder / MANIFEST
    listed = read_json(path)
    try:
        content = {"facts": dict(listed["facts"]), "files": dict(listed["files"])}
        own = listed["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedError(f"{path}: it cannot be read ({error})") from None
    if own != _own_digest(content):
        raise DamagedError(f"{path}: SHA-256 of its entries is {_own_digest(content)}, expected {own}")
    for name in content["files"]:
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise DamagedError(f"{path}: it names {name}, which lies outside")
    return content


def read_json(path: Path) -> dict[str, Any]:
    """The entries of a small file. Raises `DamagedError` where it is missing, too large or holds none."""
    if not path.is_file():
        raise DamagedError(f"{path}: it is missing")
    try:
        size = path.stat().st_size
        if size > MAX_JSON_BYTES:
            raise DamagedError(f"{path}: it has {size} bytes, and may have {MAX_JSON_BYTES}")
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise DamagedError(f"{path}: it cannot be read ({error})") from None


def _own_digest(listed: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()


def _files(folder: Path) -> list[Path]:
    """All files below a folder. Raises `DamagedError` for a link, which may lead anywhere, or a device."""
    paths = sorted(folder.rglob("*"))
    for path in paths:
        if path.is_symlink():
            raise DamagedError(f"{path}: it is a link, which is never followed")
        if not (path.is_file() or path.is_dir()):
            raise DamagedError(f"{path}: it is neither a file nor a folder")
    return [path for path in paths if path.is_file()]


def check_file(path: Path, expected: str) -> None:
    """Raises `DamagedError` where a file is missing or has another SHA-256."""
    if not path.is_file():
        raise DamagedError(f"{path}: it is missing")
    digest = sha256(path)
    if digest != expected:
        raise DamagedError(f"{path}: SHA-256 is {digest}, expected {expected}")


def saved_folders(path: Path) -> set[Path]:
    """The folders in and below a path that were saved, by their manifest or where it is missing by place."""
    by_manifest = {file.parent for file in path.rglob(MANIFEST)}
    by_place = {folder for folder in path.rglob(str(SELECTED)) if folder.is_dir()}
    states = {folder for folder in path.rglob(f"{STATES}/*-*") if folder.is_dir()}
    return {folder for folder in by_manifest | by_place | states if not folder.name.startswith(".")}
