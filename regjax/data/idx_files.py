"""Reads gzipped IDX files, the format of MNIST: a magic number, the sizes, then one byte per value.

Format: http://yann.lecun.com/exdb/mnist (LeCun, Cortes and Burges, 1998).
"""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from regjax.errors import UserError

# The magic number's third byte is the type, its fourth the number of dimensions.
UNSIGNED_BYTE = 0x08
REMEDY = "Delete the file and get it again."


def read_idx(path: Path, shape: tuple[int, ...]) -> UInt8[np.ndarray, "..."]:
    """The array in a gzipped IDX file of unsigned bytes. Raises `UserError` unless it has exactly `shape`."""
    header = struct.pack(f">4B{len(shape)}I", 0, 0, UNSIGNED_BYTE, len(shape), *shape)
    size = math.prod(shape)
    try:
        with gzip.open(path) as file:
            found = file.read(len(header))
            # One more byte shows whether the file is too long. So there is no need to unpack all of it.
            content = file.read(size + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path}: not a complete gzip file ({error}). {REMEDY}") from error
    if found != header:
        difference = f"expected the IDX header {header.hex(' ', 4)}, found {found.hex(' ', 4) or 'nothing'}"
        raise UserError(f"{path}: {difference}. {REMEDY}")
    if len(content) != size:
        number = "more" if len(content) > size else len(content)
        raise UserError(f"{path}: expected {size} bytes after the header, found {number}. {REMEDY}")
    return np.frombuffer(content, np.uint8).reshape(shape)
