"""What every dataset that goes through TensorFlow Datasets shares: preparing and reading."""

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

# One by one, array records are read several times slower.
RECORDS_AT_ONCE = 1024


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep TFDS's progress bars, notices and log messages below an error off the terminal."""
    tfds.disable_progress_bar()
    verbosity = absl_logging.get_verbosity()
    absl_logging.set_verbosity(absl_logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        absl_logging.set_verbosity(verbosity)


def prepared(make: Callable[[], Any], obtain: Callable[[Any], None], *, name: str) -> Any:
    """The builder that `make` gives, prepared: by now, by another process, or here by `obtain`."""
    builder = make()
    if not builder.is_prepared():
        lock = Path(builder.data_dir_root) / "downloads" / f".{quote(name, safe='')}.lock"
        with one_process(lock, name=name, remedy="Name a writable folder as data.data_dir."):
            builder = make()
            if not builder.is_prepared():
                obtain(builder)
                builder = make()
    return builder


def downloaded(builder: Any, url: str, sha256: str) -> bool:
    """Whether the file at `url` lies in TFDS's download folder, where TFDS looks before it downloads."""
    resource = tfds.download.resource
    folder = builder.data_dir_root / "downloads" / builder.name
    return bool(resource.is_locally_cached(folder / resource.get_dl_fname(url, sha256)))


def damaged(folder: Path | str, cause: object) -> UserError:
    """The refusal of prepared files that TFDS or the reader of array records cannot make sense of."""
    reason = str(cause).partition("\n")[0].rstrip(".")
    return UserError(f"{folder}: its files are damaged ({reason}). Delete the folder: it is prepared again.")


def prepare(builder: Any, *, name: str, manual_dir: str | None) -> None:
    """Download and write a dataset as array records, with failures told as messages.

    Make the builder anew afterwards: another program, which knows no lock of ours, may have won the race to
    write the records.
    """
    config = tfds.download.DownloadConfig(manual_dir=manual_dir)
    try:
        builder.download_and_prepare(download_config=config, file_format="array_record")
    except NonMatchingChecksumError as error:
        told = "\n".join(str(error).splitlines()[:3])
        raise UserError(
            f"data.name={name}: {told}\n"
            "It is not used. Run again, or get the file elsewhere and pass its folder as data.manual_dir."
        ) from error
    except (requests.RequestException, tfds.download.DownloadError) as error:
        raise UserError(f"data.name={name}: the download failed ({error}). Run again later.") from error
    except OSError as error:
        if not builder.is_prepared():
            raise UserError(
                f"data.name={name}: cannot be prepared in {builder.data_dir} ({error}). "
                "Name a writable folder with enough space as data.data_dir."
            ) from error


def read_records(
    builder: Any, input_key: str, label_key: str, *, name: str, dtype: type[np.generic]
) -> tuple[Num[np.ndarray, "rows features"], Int32[np.ndarray, " rows"], int]:
    """Inputs, labels and the number of test rows, which come last; rows flattened, in the prepared order."""
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
            "Name another folder as data.data_dir, in which it is prepared as array records."
        ) from error
    except (RuntimeError, ValueError) as error:
        # The first where a record does not match its own hash, the second where the file ends before it.
        raise damaged(builder.data_dir, error) from error
