"""The TensorFlow Datasets builder of the IDX sets; apart, because importing TFDS takes 0.6 s."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from google.protobuf.json_format import ParseError

from regjax.data.idx_files import read_idx
from regjax.data.idx_sets import VERSION, IdxSet
from regjax.data.preparation import damaged


@dataclasses.dataclass
class IdxConfig(tfds.core.BuilderConfig):
    """Which IDX set to build, and from which files, verified, in the order of the set's."""

    source: IdxSet | None = None
    paths: tuple[Path, ...] = ()


class RegjaxIdx(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """Images and labels of one IDX set, in file order.

    TFDS's own builders of these sets need TensorFlow (600 MB) to unpack gzip and to encode `features.Image`,
    and shuffle the rows; `data.validation=first:N` means the order of the files.
    """

    name = "regjax_idx"
    VERSION = tfds.core.Version(VERSION)

    @property
    def source(self) -> IdxSet:
        return self.builder_config.source

    def _info(self) -> Any:
        side = self.source.side
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Tensor(shape=(side, side), dtype=np.uint8, encoding="bytes"),
                    "label": tfds.features.ClassLabel(num_classes=self.source.num_classes),
                }
            ),
            supervised_keys=("image", "label"),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        source = self.source
        train_images, train_labels, test_images, test_labels = self.builder_config.paths
        return {
            "train": self._generate_examples(train_images, train_labels, source.train_rows),
            "test": self._generate_examples(test_images, test_labels, source.test_rows),
        }

    def _generate_examples(self, image_path: Path, label_path: Path, rows: int) -> Iterator[tuple[int, Any]]:
        side = self.source.side
        images = read_idx(image_path, (rows, side, side))
        labels = read_idx(label_path, (rows,))
        for row in range(rows):
            yield row, {"image": images[row], "label": labels[row]}


def idx_builder(name: str, source: IdxSet, data_dir: str | None, paths: tuple[Path, ...] = ()) -> RegjaxIdx:
    """The builder of the set `name`; it needs `paths` where it is not prepared under `data_dir` yet."""
    config = IdxConfig(name=name, source=source, paths=paths)
    try:
        return RegjaxIdx(data_dir=data_dir, config=config)
    except (ParseError, ValueError, AssertionError) as error:
        # It reads what is prepared already, and asserts that version and config are its own.
        root = Path(data_dir or tfds.core.constants.DATA_DIR)
        raise damaged(root / RegjaxIdx.name / name / VERSION, error) from error
