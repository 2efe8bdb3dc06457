"""Saves which test rows a run classified right, with one bit for each row."""

import zipfile
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from regjax.saved.directory import HITS
from regjax.saved.manifest import DamagedError

Hits = Bool[np.ndarray, " test"]


def write_hits(directory: Path, hits: Hits) -> None:
    """Writes a bit for each test row, in the order of the split's test rows, and the number of rows.

    The file need not appear in one step: nobody reads it before the summary says that the run has ended.
    """
    with (directory / HITS).open("xb") as file:
        np.savez(file, bits=np.packbits(hits), rows=len(hits))


def read_hits(directory: Path) -> Hits | None:
    """Whether the run classified each test row right. None without a file: older runs have none.

    Nor do runs without test rows. Read the summary first: that checks the file's SHA-256. Raises
    `DamagedError` if the file holds something else.
    """
    path = directory / HITS
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if sum(member.file_size for member in arrays.zip.infolist()) > path.stat().st_size:
                raise ValueError("its parts are larger than the file")
            bits, rows = arrays["bits"], int(arrays["rows"])
        if bits.dtype != np.uint8 or bits.shape != (-(-rows // 8),):
            raise ValueError(f"it has {bits.dtype}{list(bits.shape)} for {rows} rows")
    except (OSError, ValueError, TypeError, LookupError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DamagedError(f"{path}: it cannot be read ({error})") from None
    return np.unpackbits(bits, count=rows).astype(bool)
