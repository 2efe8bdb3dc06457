"""Saves folders in one step, and verifies them. A folder's manifest has the SHA-256 of each file."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from regjax.files import remove, sha256

MANIFEST = "manifest.json"
SELECTED, STATES = Path("checkpoints") / "selected", Path("checkpoints") / "states"
# A manifest lists a few files and lanes, with 100 bytes each. A summary is even smaller.
MAX_JSON_BYTES = 2**24


class DamagedError(Exception):
    """A file has changed since it was written. The message names the file and the damage."""


def commit(final: Path, write: Callable[[Path], None], facts: Mapping[str, Any]) -> None:
    """Calls `write` with an empty folder, adds a manifest with `facts`, and replaces `final` by the folder.

    The folder is on the disk when this returns. A failure leaves `final` as it was, except in the last two
    steps, a removal and a rename. Raises `OSError`, also if `final` is a file or a link.
    """
    partial = final.with_name(f".{final.name}.partial")
    remove(partial)
    partial.mkdir(parents=True)
    try:
        write(partial)
        files = _files(partial)
        listed = {"facts": facts, "files": {name: sha256(path) for name, path in files.items()}}
        text = json.dumps(listed | {"sha256": _own_digest(listed)}, indent=1) + "\n"
        (partial / MANIFEST).write_text(text)
        for path in (*files.values(), partial / MANIFEST, partial):
            sync(path)
        if final.is_symlink():
            raise OSError(errno.ELOOP, "it is a link, and regjax follows no links", str(final))
        if final.exists():
            shutil.rmtree(final)
        os.replace(partial, final)
        sync(final.parent)
    except BaseException:
        remove(partial)
        raise


def sync(path: Path) -> None:
    """Flushes a file, or the entries of a folder, to the disk, so that they survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def verify(folder: Path) -> dict[str, Any]:
    """The facts in a folder's manifest. Raises `DamagedError` if a file differs from the manifest."""
    listed = _manifest(folder)
    found = _files(folder).keys() - {MANIFEST}
    for name, expected in listed["files"].items():
        check_file(folder / name, expected)
    for name in sorted(found - listed["files"].keys()):
        raise DamagedError(f"{folder / name}: the manifest does not list it")
    return listed["facts"]


def _manifest(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / MANIFEST
    listed = read_json(path)
    try:
        content = {"facts": dict(listed["facts"]), "files": dict(listed["files"])}
        expected = listed["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedError(f"{path}: it cannot be read ({error})") from None
    digest = _own_digest(content)
    if digest != expected:
        raise DamagedError(f"{path}: SHA-256 of its entries is {digest}, expected {expected}")
    for name in content["files"]:
        if type(name) is not str or Path(name).is_absolute() or ".." in Path(name).parts:
            raise DamagedError(f"{path}: it names {name}, and that lies outside the folder")
    return content


def read_json(path: Path) -> dict[str, Any]:
    """The object in a small JSON file. Raises `DamagedError` if the file is missing, too large or damaged."""
    if not path.is_file():
        raise DamagedError(f"{path}: it is missing")
    try:
        size = path.stat().st_size
        if size > MAX_JSON_BYTES:
            raise DamagedError(f"{path}: it has {size} bytes; at most {MAX_JSON_BYTES} are allowed")
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise DamagedError(f"{path}: it cannot be read ({error})") from None


def _own_digest(listed: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()


def _files(folder: Path) -> dict[str, Path]:
    """The files of a folder by name. Raises `DamagedError` if it is a link, or holds a link or a pipe."""
    paths = [folder, *sorted(folder.rglob("*"))]
    for path in paths:
        if path.is_symlink():
            raise DamagedError(f"{path}: it is a link, and regjax follows no links")
        if not (path.is_file() or path.is_dir()):
            raise DamagedError(f"{path}: it is neither a file nor a folder")
    return {path.relative_to(folder).as_posix(): path for path in paths if path.is_file()}


def check_file(path: Path, expected: str) -> None:
    """Raises `DamagedError` if a file is missing or has another SHA-256."""
    if not path.is_file():
        raise DamagedError(f"{path}: it is missing")
    digest = sha256(path)
    if digest != expected:
        raise DamagedError(f"{path}: SHA-256 is {digest}, expected {expected}")


def saved_folders(path: Path) -> set[Path]:
    """The saved folders in and below a path, with or without a manifest."""
    by_name = (*path.rglob(str(SELECTED)), *path.rglob(f"{STATES}/*-*"))
    found = {file.parent for file in path.rglob(MANIFEST)} | {folder for folder in by_name if folder.is_dir()}
    return {folder for folder in found if not folder.name.startswith(".")}
