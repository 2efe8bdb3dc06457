"""The TensorFlow Datasets (TFDS) builder of the IDX datasets. Importing TFDS takes 0.6 s."""

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
    """The IDX dataset to build, and the paths of its verified files, in the order of `source.files`."""

    source: IdxSet | None = None
    paths: tuple[Path, ...] = ()


class RegjaxIdx(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """Images and labels of one IDX dataset, in file order. `data.validation=first:N` relies on this order.

    TFDS's own builders of these datasets shuffle the rows. They also need TensorFlow (600 MB) to unpack gzip
    and to encode `features.Image`.
    """

    name = "regjax_idx"
    VERSION = tfds.core.Version(VERSION)

    def _info(self) -> Any:
        source = self.builder_config.source
        image = tfds.features.Tensor(shape=(source.side,) * 2, dtype=np.uint8, encoding="bytes")
        label = tfds.features.ClassLabel(num_classes=source.num_classes)
        features = tfds.features.FeaturesDict({"image": image, "label": label})
        return tfds.core.DatasetInfo(
            builder=self, features=features, supervised_keys=("image", "label"), disable_shuffling=True
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        source = self.builder_config.source
        train_images, train_labels, test_images, test_labels = self.builder_config.paths
        return {
            "train": self._generate_examples(train_images, train_labels, source.train_rows),
            "test": self._generate_examples(test_images, test_labels, source.test_rows),
        }

    def _generate_examples(self, image_path: Path, label_path: Path, rows: int) -> Iterator[tuple[int, Any]]:
        side = self.builder_config.source.side
        images = read_idx(image_path, (rows, side, side))
        labels = read_idx(label_path, (rows,))
        for row in range(rows):
            yield row, {"image": images[row], "label": labels[row]}


def idx_builder(name: str, source: IdxSet, data_dir: str | None, paths: tuple[Path, ...] = ()) -> RegjaxIdx:
    """The builder of the dataset `name`. It needs `paths` unless `data_dir` has the prepared dataset."""
    config = IdxConfig(name=name, source=source, paths=paths)
    try:
        return RegjaxIdx(data_dir=data_dir, config=config)
    except (ParseError, ValueError, AssertionError) as error:
        # TFDS reads a prepared dataset, and asserts that it has the version and config of the builder.
        root = Path(data_dir or tfds.core.constants.DATA_DIR)
        raise damaged(root / RegjaxIdx.name / name / VERSION, error) from error
