"""Rows that a user has in a .npz or .npy file, which is read as plain numbers or not at all."""

import math
import re
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Literal, NamedTuple

import numpy as np
from jaxtyping import Num

from regjax.errors import UserError

# What an array may take in memory: 1.3 million rows of 784 floats. A zip archive of 4 MB can claim as much.
MAX_BYTES = 2**32
# Rows whose copy in float64 is held at a time, while they are looked at.
ROWS_AT_ONCE = 4096
NAME = "inputs"
NPY, ZIP = b"\x93NUMPY", b"PK"
# The header that NumPy writes for plain arrays. It is matched, not evaluated.
HEADER = re.compile(
    r"\{\s*'descr'\s*:\s*'([^']*)'\s*,\s*'fortran_order'\s*:\s*(True|False)\s*,"
    r"\s*'shape'\s*:\s*\(([\d\s,]{0,200})\)\s*,?\s*\}\s*"
)
NUMBERS = re.compile(r"[<>|=][ui][1248]|[<>|=]f[248]")
READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 1
DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, NotImplementedError, OSError)


class Layout(NamedTuple):
    """How the bytes of an array are to be read, and how many there are after the header."""

    dtype: np.dtype
    shape: tuple[int, ...]
    order: Literal["C", "F"]
    header: int
    bytes: int


def read_rows(path: Path, num_features: int) -> Num[np.ndarray, "rows features"]:
    """The rows of a file, images flattened: the array `inputs` of a .npz, or the only one; or a .npy.

    Raises `UserError` where they are not finite numbers of so many features. Nothing is unpickled; nothing is
    allocated before its size is known, within bounds, and the file's own.
    """
    if not path.is_file():
        found = "it is a folder; name a file in it" if path.is_dir() else "there is no such file"
        raise UserError(f"--input={path}: {found}")
    try:
        with path.open("rb") as file:
            rows = _array(path, file, num_features)
    except DAMAGE as error:
        raise UserError(f"--input={path}: it cannot be read ({error})") from None
    _check_finite(path, rows)
    return rows


def _array(path: Path, file: IO[bytes], num_features: int) -> np.ndarray:
    first = file.read(len(NPY))
    file.seek(0)
    if first == NPY:
        return _read(path, file, path.stat().st_size, num_features)
    if not first.startswith(ZIP):
        raise UserError(
            f"--input={path}: it is neither a .npz nor a .npy file; write one with "
            f"np.savez('new.npz', {NAME}=array)"
        )
    with zipfile.ZipFile(file) as archive:
        member = _member(path, archive.infolist())
        with archive.open(member) as content:
            return _read(path, content, member.file_size, num_features)


def _member(path: Path, members: Sequence[zipfile.ZipInfo]) -> zipfile.ZipInfo:
    names = [member.filename.removesuffix(".npy") for member in members]
    if names.count(NAME) != 1 and len(names) != 1:
        listed = f" ({', '.join(names[:5])})" if names else ""
        raise UserError(f"--input={path}: of its {len(names)} arrays{listed} one must be called {NAME}")
    member = members[names.index(NAME) if NAME in names else 0]
    if member.flag_bits & ENCRYPTED or member.compress_type not in READABLE:
        raise ValueError("it is encrypted, or compressed in a way that NumPy does not write")
    return member


def _read(path: Path, file: IO[bytes], size: int, num_features: int) -> np.ndarray:
    """The rows of a .npy content of `size` bytes. Raises ValueError where it is none."""
    layout = _layout(file)
    _check_shape(path, layout.shape, num_features)
    if layout.bytes > MAX_BYTES:
        raise ValueError(f"its array {layout.shape} takes {layout.bytes} bytes, and may take {MAX_BYTES}")
    if layout.header + layout.bytes != size:
        raise ValueError(f"its array {layout.shape} takes {layout.bytes} bytes of {size - layout.header}")
    content = file.read(layout.bytes)
    if len(content) != layout.bytes:
        raise ValueError(f"it ends after {len(content)} of {layout.bytes} bytes")
    array = np.frombuffer(content, layout.dtype).reshape(layout.shape, order=layout.order)
    return array.reshape(len(array), num_features)


def _layout(file: IO[bytes]) -> Layout:
    magic = file.read(10)
    if magic[:6] != NPY or magic[6:8] != b"\x01\x00":
        raise ValueError("it is no array of NumPy's format 1.0, in which plain numbers are saved")
    (length,) = struct.unpack("<H", magic[8:])
    found = HEADER.fullmatch(file.read(length).decode("latin1"))
    if not found:
        raise ValueError("its header is not that of an array of numbers")
    kind, fortran, shape = found.groups()
    if not NUMBERS.fullmatch(kind):
        raise ValueError(f"its entries are of kind {kind}; integers and floats are read, and no objects")
    dtype, sizes = np.dtype(kind), tuple(int(size) for size in shape.replace(",", " ").split())
    return Layout(
        dtype=dtype,
        shape=sizes,
        order="F" if fortran == "True" else "C",
        header=len(magic) + length,
        bytes=math.prod(sizes) * dtype.itemsize,
    )


def _check_shape(path: Path, shape: tuple[int, ...], num_features: int) -> None:
    if len(shape) < 2 or 0 in shape:
        raise UserError(
            f"--input={path}: its shape is {shape}; it must be rows x features or rows x height x width, "
            "with one row or more"
        )
    features = math.prod(shape[1:])
    if features != num_features:
        raise UserError(
            f"--input={path}: its rows have {features} features (its shape is {shape}), "
            f"and the network takes {num_features}"
        )


def _check_finite(path: Path, rows: np.ndarray) -> None:
    largest = np.finfo(np.float32).max
    for first in range(0, len(rows), ROWS_AT_ONCE):
        whole = (np.abs(rows[first : first + ROWS_AT_ONCE].astype(np.float64)) <= largest).all(axis=1)
        if not whole.all():
            number = first + int(np.argmin(whole))
            raise UserError(
                f"--input={path}: row {number} (counted from 0) has an entry that is NaN, infinite or too "
                "large for float32"
            )
