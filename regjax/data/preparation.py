"""Prepares and reads a dataset with TensorFlow Datasets (TFDS)."""

import contextlib
import io
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import requests
import tensorflow_datasets as tfds
from absl import logging as absl_logging
from jaxtyping import Int32, Num
from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError

from regjax.errors import UserError
from regjax.files import one_process

# Reading array records one by one would be several times slower.
RECORDS_AT_ONCE = 1024


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep TFDS's progress bars and notices off the terminal. Of its log messages, only errors appear."""
    tfds.disable_progress_bar()
    verbosity = absl_logging.get_verbosity()
    absl_logging.set_verbosity(absl_logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        absl_logging.set_verbosity(verbosity)


def prepared(make: Callable[[], Any], obtain: Callable[[Any], None], *, name: str) -> Any:
    """A builder of a prepared dataset. If no process has prepared the dataset yet, `obtain` does.

    `make` makes the builder. It makes a new one after the wait for another process, and after `obtain`, since
    only a new one reads the files that were written.
    """
    builder = make()
    if not builder.is_prepared():
        lock = Path(builder.data_dir_root) / "downloads" / f".{quote(name, safe='')}.lock"
        with one_process(lock, name=name, remedy="Name a writable folder as data.data_dir."):
            builder = make()
            if not builder.is_prepared():
                obtain(builder)
                builder = make()
    return builder


def damaged(folder: Path | str, cause: object) -> UserError:
    """The error for prepared files that TFDS or its reader of array records cannot read."""
    reason = str(cause).partition("\n")[0].rstrip(".")
    return UserError(f"{folder}: its files are damaged ({reason}). Delete the folder, and run again.")


def prepare(builder: Any, *, name: str, manual_dir: str | None) -> None:
    """Download a dataset and write it as array records. Raises `UserError` if TFDS fails."""
    config = tfds.download.DownloadConfig(manual_dir=manual_dir)
    try:
        builder.download_and_prepare(download_config=config, file_format="array_record")
    except (NonMatchingChecksumError, requests.RequestException, tfds.download.DownloadError) as error:
        reason = "\n".join(str(error).splitlines()[:3])  # the later lines advise authors of datasets
        raise UserError(
            f"data.name={name}: the download failed: {reason}\n"
            "Run again later, or get the file elsewhere and pass its folder as data.manual_dir."
        ) from error
    except OSError as error:
        raise UserError(
            f"data.name={name}: cannot be prepared in {builder.data_dir} ({error}). "
            "Name a writable folder with enough space as data.data_dir."
        ) from error


def read_records(
    builder: Any, input_key: str, label_key: str, *, name: str, dtype: type[np.generic]
) -> tuple[Num[np.ndarray, "rows features"], Int32[np.ndarray, " rows"], int]:
    """Flattened inputs, labels and the number of test rows, in the prepared order. Test rows come last."""
    if "train" not in builder.info.splits:
        raise UserError(
            f"data.name={name}: no 'train' split in {builder.data_dir}. "
            "If an earlier preparation was cut off, delete the folder and run again."
        )
    splits = [split for split in ("train", "test") if split in builder.info.splits]
    rows = [builder.info.splits[split].num_examples for split in splits]
    shape = builder.info.features[input_key].shape
    inputs = np.empty((sum(rows), math.prod(shape)), dtype)
    labels = np.empty(sum(rows), np.int32)
    row = 0
    for split in splits:
        for record in _records(builder, split, name=name):
            inputs[row] = record[input_key].reshape(-1)
            labels[row] = record[label_key]
            row += 1
    return inputs, labels, sum(rows[1:])


def _records(builder: Any, split: str, *, name: str) -> Iterator[dict[str, Any]]:
    try:
        source = builder.as_data_source(split)
        for first in range(0, len(source), RECORDS_AT_ONCE):
            yield from source.__getitems__(range(first, min(first + RECORDS_AT_ONCE, len(source))))
    except NotImplementedError as error:
        raise UserError(
            f"data.name={name}: {builder.data_dir} holds it in a format that only TensorFlow reads. "
            "Name another folder as data.data_dir: TFDS then writes array records there."
        ) from error
    except (RuntimeError, ValueError) as error:
        # RuntimeError: a record does not match its own hash. ValueError: the file ends too early.
        raise damaged(builder.data_dir, error) from error
