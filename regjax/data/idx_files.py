"""The IDX format of MNIST and its relatives: a magic number, the sizes, then one byte per value, in gzip.

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


def read_idx(path: Path, shape: tuple[int, ...]) -> UInt8[np.ndarray, "..."]:
    """The array in a gzipped IDX file of unsigned bytes, refused unless it has exactly this shape."""
    magic = bytes([0, 0, UNSIGNED_BYTE, len(shape)])
    size = math.prod(shape)
    try:
        with gzip.open(path) as file:
            header = file.read(4 + 4 * len(shape))
            _check_header(path, header, magic, shape)
            # One byte more than expected tells a file that is too long, without unpacking all of it.
            content = file.read(size + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _refusal(path, f"not a complete gzip file ({error})") from error
    if len(content) != size:
        found = "more" if len(content) > size else str(len(content))
        raise _refusal(path, f"expected {size} bytes after the header, found {found}")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _check_header(path: Path, header: bytes, magic: bytes, shape: tuple[int, ...]) -> None:
    if header[:4] != magic:
        raise _refusal(
            path, f"expected the IDX magic number {magic.hex()}, found {header[:4].hex() or 'nothing'}"
        )
    if len(header) < 4 + 4 * len(shape):
        raise _refusal(path, "the IDX header is cut short")
    found = struct.unpack(f">{len(shape)}I", header[4:])
    if found != shape:
        raise _refusal(path, f"expected the sizes {_sizes(shape)}, found {_sizes(found)}")


def _sizes(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _refusal(path: Path, reason: str) -> UserError:
    return UserError(f"{path}: {reason}. Delete the file and get it again.")
