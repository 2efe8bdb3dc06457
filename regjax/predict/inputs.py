"""Checks the rows that a user wants to predict. They are an array, or in a .npz or .npy file."""

import math
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
from jaxtyping import Num

from regjax.data.precision import check_finite
from regjax.errors import UserError

# The largest array in bytes. A zip archive of 4 MB can expand to so many.
MAX_BYTES = 2**32
NAME = "inputs"
NUMBERS = "iuf"  # NumPy's kinds: integers, unsigned ones and floats
NPY, ZIP = b"\x93NUMPY", b"PK"
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError, OSError)


def rows_of(given: object, num_features: int, name: str) -> Num[np.ndarray, "rows features"]:
    """The rows of an array, of nested lists or of a table of pandas. Images become flat.

    Raises `UserError` unless they are finite numbers with `num_features` features. It calls them `name`.
    """
    try:
        array = np.asarray(given)
    except ValueError:
        raise UserError(f"{name}: its rows differ in length") from None
    if array.dtype.kind not in NUMBERS:
        raise UserError(f"{name}: {_no_numbers(array.dtype)}")
    _check_shape(name, array.shape, num_features)
    rows = array.reshape(len(array), num_features)
    check_finite(rows, name)
    return rows


def read_rows(path: Path, num_features: int) -> Num[np.ndarray, "rows features"]:
    """The rows of a file. Images become flat. A .npz has the rows in its array `inputs` or in its only one.

    Raises `UserError` unless they are finite numbers with `num_features` features. It unpickles nothing, and
    reads no more bytes than the array's header says.
    """
    if not path.is_file():
        found = "it is a folder; name a file in it" if path.is_dir() else "there is no such file"
        raise UserError(f"--input={path}: {found}")
    try:
        with path.open("rb") as file:
            rows = _array(path, file, num_features)
    except DAMAGE as error:
        raise UserError(f"--input={path}: it cannot be read ({error})") from None
    check_finite(rows, f"--input={path}")
    return rows


def _array(path: Path, file: IO[bytes], num_features: int) -> np.ndarray:
    first = file.read(len(NPY))
    file.seek(0)
    if first == NPY:
        return _read(path, file, num_features)
    if not first.startswith(ZIP):
        remedy = f"write one with np.savez('new.npz', {NAME}=array)"
        raise UserError(f"--input={path}: it is neither a .npz nor a .npy file; {remedy}")
    with zipfile.ZipFile(file) as archive, archive.open(_member(path, archive.namelist())) as content:
        return _read(path, content, num_features)


def _member(path: Path, members: Sequence[str]) -> str:
    names = [member.removesuffix(".npy") for member in members]
    if names.count(NAME) != 1 and len(names) != 1:
        listed = f" ({', '.join(names[:5])})" if names else ""
        raise UserError(f"--input={path}: it has {len(names)} arrays{listed}; one must be called {NAME}")
    return members[names.index(NAME) if NAME in names else 0]


def _read(path: Path, file: IO[bytes], num_features: int) -> np.ndarray:
    """The rows of an array in .npy format. Raises `ValueError` if it is damaged."""
    version = np.lib.format.read_magic(file)
    if version not in HEADERS:
        raise ValueError(f"its format is {version}; NumPy saves plain numbers in format 1.0")
    shape, fortran_order, dtype = HEADERS[version](file)
    if dtype.kind not in NUMBERS:
        raise ValueError(_no_numbers(dtype))
    _check_shape(f"--input={path}", shape, num_features)
    size = math.prod(shape) * dtype.itemsize
    if size > MAX_BYTES:
        raise ValueError(f"its array {shape} takes {size} bytes; at most {MAX_BYTES} are allowed")
    content = file.read(size + 1)  # one more byte shows that the file is too long
    if len(content) != size:
        raise ValueError(f"its array {shape} takes {size} bytes, but the file has {len(content)} or more")
    array = np.frombuffer(content, dtype).reshape(shape, order="F" if fortran_order else "C")
    return array.reshape(len(array), num_features)


def _no_numbers(dtype: np.dtype) -> str:
    return f"its entries are of kind {dtype.str}; they must be integers or floats"


def _check_shape(name: str, shape: tuple[int, ...], num_features: int) -> None:
    if len(shape) < 2 or 0 in shape:
        allowed = "it must be rows x features or rows x height x width, with one row or more"
        raise UserError(f"{name}: its shape is {shape}; {allowed}")
    features = math.prod(shape[1:])
    if features != num_features:
        found = f"its rows have {features} features (its shape is {shape})"
        raise UserError(f"{name}: {found}, and the network takes {num_features}")
