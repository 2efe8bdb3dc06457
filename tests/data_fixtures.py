"""Small datasets and IDX files with known content, for the tests of the data package."""

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np

from regjax.data import load
from regjax.data.dataset import Dataset
from regjax.data.idx_sets import SETS, IdxFile, IdxSet

NAMES = tuple(file.name for file in SETS["mnist"].files)
NOWHERE = "http://127.0.0.1:9/"


def load_under(folder: Path, source: str, name: str, **changes: object) -> Dataset:
    """Load a set whose records go to `folder`/tfds, and its arrays to `folder`/cache."""
    folders = {"data_dir": str(folder / "tfds"), "cache_dir": str(folder / "cache"), "manual_dir": None}
    return load(source, name, **folders | {"mirror": None, "test_share": 0.2, "test_seed": 0} | changes)


def table(class_sizes: list[int], *, test_rows: int = 0) -> Dataset:
    """Rows whose first feature is the row number, classes mixed by a fixed permutation."""
    labels = np.repeat(np.arange(len(class_sizes), dtype=np.int32), class_sizes)
    labels = np.random.default_rng(7).permutation(labels)
    inputs = np.tile(np.arange(len(labels), dtype=np.float32)[:, None], (1, 3))
    return Dataset("small", inputs, labels, len(class_sizes), test_rows, None)


def idx_bytes(
    array: np.ndarray, *, magic: bytes | None = None, sizes: tuple[int, ...] | None = None
) -> bytes:
    """A gzipped IDX file, by the format's description; header fields can be set wrong."""
    header = magic or bytes([0, 0, 8, array.ndim])
    sizes = sizes or array.shape
    return gzip.compress(header + struct.pack(f">{len(sizes)}I", *sizes) + array.tobytes(), mtime=0)


def tiny_arrays() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Six training and four test images of 2 x 2 pixels in three classes."""
    draw = np.random.default_rng(3)
    return (
        draw.integers(0, 256, (6, 2, 2), dtype=np.uint8),
        np.array([0, 1, 2, 2, 1, 0], np.uint8),
        draw.integers(0, 256, (4, 2, 2), dtype=np.uint8),
        np.array([2, 1, 0, 1], np.uint8),
    )


def tiny_set(folder: Path, url: str = NOWHERE) -> IdxSet:
    """Write the four files into `folder`, and state their true sizes and hashes."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, content in zip(NAMES, map(idx_bytes, tiny_arrays()), strict=True):
        (folder / name).write_bytes(content)
        files.append(IdxFile(name, len(content), hashlib.sha256(content).hexdigest()))
    return IdxSet(url, tuple(files), train_rows=6, test_rows=4, side=2, num_classes=3)
