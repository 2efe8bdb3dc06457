"""MNIST, Fashion-MNIST and KMNIST: four IDX files each, prepared by TFDS without TensorFlow."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from regjax.data.dataset import Dataset
from regjax.data.integrity import WrongContentError, verify_sha256
from regjax.errors import UserError, invalid, nearest

# Of the prepared records and of the cached arrays; raise it when either is made another way.
VERSION = "1.0.0"
PIXEL_MAX = 255


class IdxFile(NamedTuple):
    """A file as its publisher offers it; `size` in bytes."""

    name: str
    size: int
    sha256: str


class IdxSet(NamedTuple):
    """Train images, train labels, test images, test labels; where to get them, by URLs ending in a slash."""

    url: str
    files: tuple[IdxFile, IdxFile, IdxFile, IdxFile]
    mirrors: tuple[str, ...] = ()
    train_rows: int = 60_000
    test_rows: int = 10_000
    side: int = 28
    num_classes: int = 10


def _files(*facts: tuple[int, str]) -> tuple[IdxFile, IdxFile, IdxFile, IdxFile]:
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    first, second, third, fourth = (
        IdxFile(f"{name}-ubyte.gz", size, sha256) for name, (size, sha256) in zip(names, facts, strict=True)
    )
    return first, second, third, fourth


# Addresses, sizes and hashes are those that TensorFlow Datasets has registered for its own builders.
SETS: Mapping[str, IdxSet] = {
    "mnist": IdxSet(
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        _files(
            (9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
            (28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
            (1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
            (4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        ),
        mirrors=("https://ossci-datasets.s3.amazonaws.com/mnist/",),
    ),
    "fashion_mnist": IdxSet(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        _files(
            (26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
            (29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
            (4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
            (5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
        ),
        mirrors=("https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",),
    ),
    "kmnist": IdxSet(
        "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
        _files(
            (18165135, "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"),
            (29497, "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"),
            (3041136, "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"),
            (5120, "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"),
        ),
    ),
}


def load_idx(name: str, *, manual_dir: str | None, data_dir: str | None, mirror: str | None) -> Dataset:
    """One of the sets above, prepared by TFDS under `data_dir` if it is not there yet.

    Files are taken from `manual_dir` where it has them and downloaded otherwise, from `mirror` first where it
    is given, and verified either way.
    """
    source = _source(name)
    from regjax.data.idx_builder import idx_builder
    from regjax.data.preparation import damaged, prepare, prepared, quiet, read_records

    def obtain(builder: Any) -> None:
        folder = Path(builder.data_dir_root) / "downloads" / builder.name / name
        paths = source_files(name, manual_dir=manual_dir, folder=folder, mirror=mirror)
        prepare(idx_builder(name, source, data_dir, paths), name=name, manual_dir=None)

    with quiet():
        builder = prepared(lambda: idx_builder(name, source, data_dir), obtain, name=name)
        inputs, labels, test_rows = read_records(builder, "image", "label", name=name, dtype=np.uint8)
    if (len(labels), test_rows) != (source.train_rows + source.test_rows, source.test_rows):
        found = f"{len(labels)} rows, {test_rows} of them to test on, are not those of the set"
        raise damaged(builder.data_dir, found)
    return Dataset(name, inputs, labels, source.num_classes, test_rows, PIXEL_MAX)


def _source(name: str) -> IdxSet:
    if name not in SETS:
        allowed = f"data.source=idx has {', '.join(sorted(SETS))}"
        raise invalid("data.name", name, allowed, near=nearest(name, SETS))
    return SETS[name]


def given_files(name: str, manual_dir: str | None) -> dict[IdxFile, Path]:
    """The files of a set that `manual_dir` holds, each with its hash verified."""
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


def _verified(source: IdxSet, files: Sequence[IdxFile], folder: Path) -> dict[IdxFile, Path]:
    held = {file: folder / file.name for file in files if (folder / file.name).exists()}
    for file, path in held.items():
        remedy = f"Replace it by the file at {source.url}{file.name}, or delete it to have it downloaded."
        try:
            verify_sha256(path, expected=file.sha256, remedy=remedy)
        except WrongContentError as error:
            others = [name for name, other in SETS.items() if other != source and error.found in _sums(other)]
            if not others:
                raise
            allowed = f"{path.name} is of {others[0]} there, which data={others[0]} has; name another folder"
            raise invalid("data.manual_dir", folder, allowed) from None
    return held


def _sums(source: IdxSet) -> list[str]:
    return [file.sha256 for file in source.files]


def source_files(name: str, *, manual_dir: str | None, folder: Path, mirror: str | None) -> tuple[Path, ...]:
    """Where the set's four files lie, verified: in `manual_dir`, or else in `folder`, downloaded if need be.

    Where the two hold all, nothing is asked of the network. Raises `UserError` where a file cannot be
    downloaded, with the steps to take by hand.
    """
    source = _source(name)
    given = given_files(name, manual_dir)
    others = [file for file in source.files if file not in given]
    held = given | _verified(source, others, folder)
    missing = [file for file in others if file not in held]
    if missing:
        from regjax.data.download import DownloadError, download

        first = () if mirror is None else (mirror,)
        try:
            download(missing, (*first, source.url, *source.mirrors), folder)
        except DownloadError as error:
            raise UserError(manual_steps(name, source, missing, str(error))) from error
    return tuple(held.get(file, folder / file.name) for file in source.files)


def manual_steps(name: str, source: IdxSet, missing: list[IdxFile], reasons: str) -> str:
    """What to tell a user whose machine cannot download the missing files."""
    addresses = "\n".join(f"  {source.url}{file.name}" for file in source.files)
    variable = " or set REGJAX_MNIST_DIR=FOLDER" if name == "mnist" else ""
    return (
        f"data.name={name}: not on this machine yet (missing: {', '.join(file.name for file in missing)}), "
        f"and it cannot be downloaded:\n{reasons}\n"
        f"Get these four files where there is a network:\n{addresses}\n"
        f"put them in one folder, unchanged, and pass data.manual_dir=FOLDER{variable}."
    )
