"""The TensorFlow Datasets builder of the IDX sets; apart, because importing TFDS takes 0.6 s."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from regjax.data.idx import VERSION, IdxSet
from regjax.data.idx_files import read_idx
from regjax.data.integrity import verify_sha256

FILE_REMEDY = "Delete the file: the next run downloads it again."


@dataclasses.dataclass
class IdxConfig(tfds.core.BuilderConfig):
    """Which IDX set to build."""

    source: IdxSet | None = None


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

    @property
    def url_infos(self) -> dict[str, Any]:
        return {
            self.source.url + file.name: tfds.download.checksums.UrlInfo(file.size, file.sha256, file.name)
            for file in self.source.files
        }

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
        paths = []
        # One after the other: after a refusal no other download is left to hold up the exit with retries.
        for file in source.files:
            paths.append(Path(dl_manager.download(source.url + file.name)))
            # TFDS does not hash again what lies in its download folder.
            verify_sha256(paths[-1], expected=file.sha256, remedy=FILE_REMEDY)
        train_images, train_labels, test_images, test_labels = paths
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


def idx_builder(name: str, source: IdxSet, data_dir: str | None) -> RegjaxIdx:
    """The builder of the set `name`, whether it is prepared under `data_dir` or not."""
    return RegjaxIdx(data_dir=data_dir, config=IdxConfig(name=name, source=source))
