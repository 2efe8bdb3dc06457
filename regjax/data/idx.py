"""MNIST, Fashion-MNIST and KMNIST: four IDX files each, prepared by TFDS without TensorFlow."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from regjax.data.dataset import Dataset
from regjax.data.idx_sets import SETS, IdxFile, IdxSet
from regjax.data.integrity import file_sha256, wrong_sha256
from regjax.errors import UserError, invalid, nearest


def load_idx(
    name: str, *, given: Mapping[IdxFile, Path], data_dir: str | None, mirror: str | None
) -> Dataset:
    """One of `idx_sets.SETS`. TFDS prepares it under `data_dir`, unless it is there already.

    `load_idx` takes the files in `given` as they are. It downloads the others, from `mirror` first if there
    is one, and verifies them.
    """
    # TFDS takes 0.6 s to import.
    from regjax.data.idx_builder import idx_builder
    from regjax.data.preparation import damaged, prepare, prepared, quiet, read_records

    source = _source(name)

    def obtain(builder: Any) -> None:
        folder = Path(builder.data_dir_root) / "downloads" / builder.name / name
        paths = source_files(name, given=given, folder=folder, mirror=mirror)
        prepare(idx_builder(name, source, data_dir, paths), name=name, manual_dir=None)

    with quiet():
        builder = prepared(lambda: idx_builder(name, source, data_dir), obtain, name=name)
        inputs, labels, test_rows = read_records(builder, "image", "label", name=name, dtype=np.uint8)
    if (len(labels) - test_rows, test_rows) != (source.train_rows, source.test_rows):
        raise damaged(builder.data_dir, f"{len(labels)} rows with {test_rows} test rows")
    return Dataset(
        name,
        inputs,
        labels,
        source.num_classes,
        test_rows,
        pixel_max=255,
        image_shape=(source.side, source.side, 1),
    )


def given_files(name: str, manual_dir: str | None) -> dict[IdxFile, Path]:
    """The verified files of a dataset in `manual_dir`. Raises `UserError` if the folder has none of them."""
    source = _source(name)
    if manual_dir is None:
        return {}
    folder = Path(manual_dir).expanduser()
    if not folder.is_dir():
        raise invalid("data.manual_dir", manual_dir, "no such folder")
    held = _verified(source, source.files, folder)
    if not held:
        names = ", ".join(file.name for file in source.files)
        raise invalid("data.manual_dir", manual_dir, f"it has none of the files of {name}: {names}")
    return held


def source_files(
    name: str, *, given: Mapping[IdxFile, Path], folder: Path, mirror: str | None
) -> tuple[Path, ...]:
    """The paths of the dataset's four verified files. A file is `given`, lies in `folder`, or is downloaded.

    If all four are on this machine, the function does not use the network. If a file cannot be downloaded, it
    raises `UserError` with the steps to take by hand.
    """
    source = _source(name)
    others = [file for file in source.files if file not in given]
    held = {**given, **_verified(source, others, folder)}
    missing = [file for file in others if file not in held]
    if missing:
        from regjax.data.download import DownloadError, download

        first = () if mirror is None else (mirror,)
        try:
            download(missing, (*first, source.url, *source.mirrors), folder)
        except DownloadError as error:
            raise UserError(_manual_steps(name, source, missing, str(error))) from error
    return tuple(held.get(file, folder / file.name) for file in source.files)


def _source(name: str) -> IdxSet:
    if name not in SETS:
        allowed = f"data.source=idx has {', '.join(sorted(SETS))}"
        raise invalid("data.name", name, allowed, near=nearest(name, SETS))
    return SETS[name]


def _verified(source: IdxSet, files: Sequence[IdxFile], folder: Path) -> dict[IdxFile, Path]:
    """The files that `folder` has. Raises `UserError` if the content of one is wrong."""
    held = {file: folder / file.name for file in files if (folder / file.name).exists()}
    for file, path in held.items():
        remedy = f"Replace it by the file at {source.url}{file.name}, or delete it: then regjax downloads it."
        found = file_sha256(path, remedy=remedy)
        if found == file.sha256:
            continue
        for other, facts in SETS.items():
            if facts != source and found in {file.sha256 for file in facts.files}:
                allowed = f"{path.name} is a file of {other}; use data={other}, or name another folder"
                raise invalid("data.manual_dir", folder, allowed)
        raise wrong_sha256(path, expected=file.sha256, found=found, remedy=remedy)
    return held


def _manual_steps(name: str, source: IdxSet, missing: Sequence[IdxFile], reasons: str) -> str:
    """The message if this machine cannot download the missing files."""
    addresses = "\n".join(f"  {source.url}{file.name}" for file in source.files)
    variable = " or set REGJAX_MNIST_DIR=FOLDER" if name == "mnist" else ""
    return (
        f"data.name={name}: not on this machine yet (missing: {', '.join(file.name for file in missing)}), "
        f"and it cannot be downloaded:\n{reasons}\n"
        f"Get these four files where there is a network:\n{addresses}\n"
        f"put them in one folder, unchanged, and pass data.manual_dir=FOLDER{variable}."
    )
