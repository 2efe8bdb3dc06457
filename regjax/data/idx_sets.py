"""The facts about MNIST, Fashion-MNIST and KMNIST: where their files are, and how large they are."""

from collections.abc import Mapping
from typing import NamedTuple

# The version of the prepared records and of the cached arrays. Raise it if the way to make either changes.
VERSION = "1.0.0"


class IdxFile(NamedTuple):
    """A file as its publisher offers it. `size` is in bytes."""

    name: str
    size: int
    sha256: str


class IdxSet(NamedTuple):
    """A dataset. `files` are train images, train labels, test images and test labels. URLs end in a slash."""

    url: str
    files: tuple[IdxFile, ...]
    mirrors: tuple[str, ...] = ()
    train_rows: int = 60_000
    test_rows: int = 10_000
    side: int = 28
    num_classes: int = 10


def _files(*facts: tuple[int, str]) -> tuple[IdxFile, ...]:
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    return tuple(IdxFile(f"{name}-ubyte.gz", *fact) for name, fact in zip(names, facts, strict=True))


# TensorFlow Datasets registers the same addresses, sizes and hashes for its own builders.
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
