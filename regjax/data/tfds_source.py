"""Loads the other classification datasets of TensorFlow Datasets (TFDS), by their names there."""

import contextlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from google.protobuf.json_format import ParseError
from tensorflow_datasets.core.read_only_builder import builder_from_files
from tensorflow_datasets.core.registered import DatasetNotFoundError

from regjax.data.dataset import Dataset
from regjax.data.download import unreachable
from regjax.data.preparation import damaged, prepare, prepared, quiet, read_records
from regjax.errors import UserError, invalid, nearest

# name, name/config, name:version or name/config:version. With "namespace:name", TFDS would ask other hubs.
NAME = re.compile(r"\w+(/\w[\w.+-]*)?(:\d+\.[\d*]+\.[\d*]+)?")


def load_tfds(name: str, *, manual_dir: str | None, data_dir: str | None) -> Dataset:
    """The dataset `name` in the order of its records. TFDS prepares it under `data_dir` unless it is there.

    Images of 8 bits are flattened. Vectors of numbers become float32, or float64 if float32 would round them.
    The function reads only the splits "train" and "test". Raises `UserError` if the dataset is unknown,
    unusable or cannot be obtained.

    regjax checks that the server answers. Then TFDS downloads by itself, and regjax cannot limit that. TFDS
    tries a failing server ten times, over minutes. It waits for a silent server without limit, and follows 30
    redirects. It accepts any content of a file without a registered hash.
    """
    try:
        with quiet():
            return _load(name, manual_dir=manual_dir, data_dir=data_dir)
    except ImportError as error:
        raise missing_package(name, error) from error


def missing_package(name: str, error: ImportError) -> UserError:
    """The error for a dataset if TFDS's code for it imports a package that is not installed."""
    # TFDS raises the error again in other words. The error's cause names the module.
    cause: BaseException | None = error
    while isinstance(cause, ImportError) and cause.name is None:
        cause = cause.__cause__
    package = cause.name.partition(".")[0] if isinstance(cause, ImportError) and cause.name else "a package"
    if package == "tensorflow":
        package, command = "TensorFlow", "pip install -e '.[tensorflow]'"
    else:
        command = f"pip install {package}"
    return UserError(
        f"data.name={name}: TFDS needs {package} for this dataset. It is not installed. Run: {command}"
    )


def _load(name: str, *, manual_dir: str | None, data_dir: str | None) -> Dataset:
    def obtain(builder: Any) -> None:
        _check_obtainable(name, builder, manual_dir)
        prepare(builder, name=name, manual_dir=manual_dir)

    info = named_builder(name, data_dir).info
    input_key, label_key = _supervised_keys(name, info)
    pixel_max = _pixel_max(name, info.features[input_key])
    builder = prepared(lambda: named_builder(name, data_dir), obtain, name=name)
    exact = np.result_type(info.features[input_key].np_dtype, np.float32)  # float64 also for int32 and int64
    dtype = np.uint8 if pixel_max else exact.type
    inputs, labels, test_rows = read_records(builder, input_key, label_key, name=name, dtype=dtype)
    num_classes = builder.info.features[label_key].num_classes
    if len(labels) and not 0 <= labels.min() <= labels.max() < num_classes:
        raise UserError(f"data.name={name}: some of its rows have no label, so regjax cannot train on it.")
    shape = tuple(builder.info.features[input_key].shape) if pixel_max else None
    return Dataset(name, inputs, labels, num_classes, test_rows, pixel_max, image_shape=shape)


def named_builder(name: str, data_dir: str | None) -> Any:
    """TFDS's builder of the dataset `name`. If TFDS has no code for it, the builder reads its folder.

    Raises `UserError` for an unknown name, config or version. Raises `ImportError` if the dataset needs
    TensorFlow.
    """
    plain = re.split("[/:]", name)[0]
    folder = Path(data_dir or tfds.core.constants.DATA_DIR) / plain
    if not NAME.fullmatch(name):
        raise invalid("data.name", name, "not a dataset of TensorFlow Datasets")
    try:
        return _from_code_or_folder(name, data_dir)
    except DatasetNotFoundError as error:
        if plain in (others := _sets_of_tensorflow()):
            raise ImportError(name="tensorflow") from error
        prepared_here = (path.name for path in folder.parent.glob("*"))
        known = [*tfds.list_builders(with_community_datasets=False), *others, *prepared_here]
        allowed = f"not a dataset of TensorFlow Datasets, and not prepared in {folder}"
        raise invalid("data.name", name, allowed, near=nearest(plain, known)) from error
    except ParseError as error:
        raise damaged(folder, error) from error
    except (ValueError, AssertionError) as error:
        # ValueError: an unknown config. AssertionError: an unknown version.
        message = str(error).rpartition('}": ')[2]
        reason = message.partition("\n")[0].partition(" Here are")[0].rstrip(".")
        raise invalid("data.name", name, f"refused by TensorFlow Datasets: {reason}") from error


def _from_code_or_folder(name: str, data_dir: str | None) -> Any:
    """A builder from TFDS's code. If that cannot be imported here, the builder reads the prepared folder."""
    try:
        return tfds.builder(name, data_dir=data_dir)  # it reads the folder itself if there is no code
    except ImportError:
        with contextlib.suppress(DatasetNotFoundError):
            return builder_from_files(name, data_dir=data_dir)
        raise


def _sets_of_tensorflow() -> set[str]:
    """The datasets that TFDS lists only if TensorFlow is installed. TFDS's packages import their classes."""
    packages = Path(tfds.__file__).parent.glob("*/__init__.py")
    imports = "\n".join(path.read_text("utf-8") for path in packages if path.parent.name != "core")
    classes = re.findall(r"^from tensorflow_datasets\.\S+ import (\w+)$", imports, re.MULTILINE)
    return set(map(tfds.core.naming.camelcase_to_snakecase, classes))


def _supervised_keys(name: str, info: Any) -> tuple[str, str]:
    """The names of the input and of the label. Raises `UserError` unless the label is a class."""
    keys = info.supervised_keys
    if keys is None or len(keys) != 2 or not all(isinstance(key, str) for key in keys):
        raise invalid("data.name", name, "this dataset does not name one input and one label to learn from")
    input_key, label_key = keys
    if not isinstance(info.features[label_key], tfds.features.ClassLabel):
        raise invalid("data.name", name, f"its label {label_key!r} is not a class")
    return input_key, label_key


def _pixel_max(name: str, feature: Any) -> int | None:
    """255 for images of one size, None for vectors of numbers. Raises `UserError` for anything else."""
    shape = feature.shape
    fixed = shape is not None and None not in shape
    if isinstance(feature, tfds.features.Image) and fixed and feature.np_dtype == np.uint8:
        return 255
    vector = type(feature) is tfds.features.Tensor and fixed and len(shape) == 1
    if vector and np.dtype(feature.np_dtype).kind in "iuf":
        return None
    allowed = "its inputs must be images of one size with 8 bits a pixel, or vectors of numbers"
    raise invalid("data.name", name, f"{allowed}, but are {feature!r}")


def _check_obtainable(name: str, builder: Any, manual_dir: str | None) -> None:
    """Raises `UserError` if `manual_dir` or the network is missing. TFDS would notice that late."""
    folder = None if manual_dir is None else Path(manual_dir).expanduser()
    if folder is not None and not folder.is_dir():
        raise invalid("data.manual_dir", manual_dir, "no such folder")
    if folder is None and builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
        steps = builder.MANUAL_DOWNLOAD_INSTRUCTIONS.strip()
        raise UserError(f"data.name={name}: get its files by hand, and pass data.manual_dir=FOLDER.\n{steps}")
    # TFDS registers the files of all configs together. If one of them is here, the others probably are too.
    resource, downloads = tfds.download.resource, builder.data_dir_root / "downloads" / builder.name
    for url, fact in (builder.url_infos or {}).items():
        downloaded = resource.is_locally_cached(downloads / resource.get_dl_fname(url, fact.checksum))
        if downloaded or (folder and (folder / (fact.filename or "")).is_file()):
            return
    first = next((url for url in builder.url_infos or {} if url.startswith("http")), None)
    if first and (reason := unreachable([first]).get(first)):
        raise UserError(
            f"data.name={name}: not on this machine yet, and it cannot be downloaded: {reason}.\n"
            "Prepare it where there is a network, and pass the folder that has it as data.data_dir."
        )
