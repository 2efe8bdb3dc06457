"""Other TFDS datasets: what is accepted, what is refused, and what is said when something is missing."""

import functools
import io
import sys
from importlib.util import find_spec
from typing import ClassVar

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from regjax.errors import UserError
from tests.data_fixtures import NOWHERE, load_under


class RowsBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Sets of `rows[split]` pairs of input and label, in that order."""

    VERSION = tfds.core.Version("1.2.3")
    name = "rows_builder"
    inputs = tfds.features.Tensor(shape=(3,), dtype=np.float32)
    label = tfds.features.ClassLabel(num_classes=2)
    keys = ("features", "label")
    rows: ClassVar = {}

    def _info(self):
        features = tfds.features.FeaturesDict({"features": self.inputs, "label": self.label})
        return tfds.core.DatasetInfo(
            builder=self, features=features, supervised_keys=self.keys, disable_shuffling=True
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split) for split in self.rows}

    def _generate_examples(self, split):
        for row, (features, label) in enumerate(self.rows[split]):
            yield row, {"features": features, "label": label}


@pytest.fixture
def load_tfds(tmp_path):
    return functools.partial(load_under, tmp_path, "tfds")


def vectors(count, start=0):
    return [(np.arange(3, dtype=np.float32) + row, row % 2) for row in range(start, start + count)]


IMAGES = np.random.default_rng(5).integers(0, 256, (6, 4, 5), dtype=np.uint8)


class RegjaxTestVectors(RowsBuilder):
    rows: ClassVar = {"train": vectors(20), "test": vectors(6, start=100), "validation": vectors(4, start=50)}


class RegjaxTestImages(RowsBuilder):
    inputs = tfds.features.Image(shape=(4, 5, 1))

    def _generate_examples(self, split):
        for row, image in enumerate(IMAGES):
            # The bytes of a file: TFDS would encode an array with TensorFlow.
            Image.fromarray(image).save(file := io.BytesIO(), "png")
            file.seek(0)
            yield row, {"features": file, "label": row % 2}

    rows: ClassVar = {"train": []}


class RegjaxTestUnlabelled(RowsBuilder):
    rows: ClassVar = {"train": vectors(4), "test": [(np.zeros(3, np.float32), -1)]}


class RegjaxTestUnsupervised(RowsBuilder):
    keys = None


class RegjaxTestRegression(RowsBuilder):
    label = tfds.features.Tensor(shape=(), dtype=np.float32)


class RegjaxTestText(RowsBuilder):
    inputs = tfds.features.Text()


class RegjaxTestAnySize(RowsBuilder):
    inputs = tfds.features.Image(shape=(None, None, 3))


class RegjaxTestTrainless(RowsBuilder):
    rows: ClassVar = {"everything": vectors(4)}


class RegjaxTestImporting(RowsBuilder):
    def _split_generators(self, dl_manager):
        import no_such_package

        return {"train": no_such_package}


class RegjaxTestRemote(RowsBuilder):
    rows: ClassVar = {"train": vectors(4)}
    url_infos: ClassVar = {f"{NOWHERE}rows.csv": tfds.download.checksums.UrlInfo(3, "0" * 64, "rows.csv")}


class RegjaxTestManual(RowsBuilder):
    MANUAL_DOWNLOAD_INSTRUCTIONS = "Write to the authors for rows.csv."


class OwnRows(RowsBuilder, skip_registration=True):
    """A set that TFDS knows by its folder alone."""


class Iris(OwnRows, skip_registration=True):
    """A prepared set by the name of one whose code needs TensorFlow."""


def prepare_own(cls, folder, rows):
    builder = type(cls.__name__, (cls,), {"rows": {"train": rows}}, skip_registration=True)(data_dir=folder)
    builder.download_and_prepare(file_format="array_record")


@pytest.mark.parametrize(
    ("cls", "name"), [(OwnRows, "own_rows"), (OwnRows, "own_rows:1.2.3"), (Iris, "iris")]
)
def test_a_prepared_set_is_read_from_its_folder_without_its_builder(load_tfds, tmp_path, cls, name):
    for folder, start in (("tfds", 0), ("others", 7)):  # of one name, and read through one cache
        prepare_own(cls, tmp_path / folder, vectors(20, start))
        dataset = load_tfds(name, data_dir=str(tmp_path / folder))
        np.testing.assert_array_equal(sorted(dataset.inputs[:, 0]), np.arange(start, start + 20))
        again = load_tfds(name, data_dir=str(tmp_path / folder))
        np.testing.assert_array_equal(again.inputs, dataset.inputs)
    with pytest.raises(UserError, match="Did you mean"):
        load_tfds(f"{cls.name}s")


def test_whole_numbers_that_float32_would_round_are_read_as_they_are(load_tfds, tmp_path):
    exact = {"inputs": tfds.features.Tensor(shape=(1,), dtype=np.int64)}
    cls = type("OwnRows", (OwnRows,), exact, skip_registration=True)
    labels = np.arange(20) % 2
    prepare_own(cls, tmp_path / "tfds", [(np.array([1_700_000_000 + 10 * label]), label) for label in labels])
    dataset = load_tfds("own_rows")
    np.testing.assert_array_equal(dataset.inputs[:, 0] + dataset.offset, 1_700_000_000 + 10 * dataset.labels)


@pytest.mark.skipif(find_spec("tensorflow") is not None, reason="with TensorFlow these sets can be had")
@pytest.mark.parametrize("name", ["iris", "german_credit_numeric", "iris:2.1.0"])
def test_sets_that_need_tensorflow_are_named_as_such(load_tfds, name):
    with pytest.raises(
        UserError, match=rf"^data.name={name}: TFDS needs TensorFlow for this dataset.*pip inst"
    ):
        load_tfds(name)


def test_vectors_become_float32_rows_in_silence_with_the_test_split_last(load_tfds, capfd, caplog):
    dataset = load_tfds("regjax_test_vectors")
    assert (*capfd.readouterr(), caplog.messages) == ("", "", [])
    numbers = [*range(20), *range(100, 106)]
    np.testing.assert_array_equal(dataset.inputs, [[row, row + 1, row + 2] for row in numbers])
    np.testing.assert_array_equal(dataset.labels, [row % 2 for row in numbers])
    assert (dataset.inputs.dtype, dataset.labels.dtype) == (np.float32, np.int32)
    assert (dataset.num_classes, dataset.test_rows, dataset.pixel_max) == (2, 6, None)


def test_images_become_flat_uint8_rows(load_tfds):
    dataset = load_tfds("regjax_test_images", test_share=0.4)
    assert (dataset.inputs.dtype, dataset.inputs.shape, dataset.pixel_max) == (np.uint8, (6, 20), 255)
    assert sorted(map(bytes, dataset.inputs)) == sorted(image.tobytes() for image in IMAGES)


def test_the_second_load_comes_from_the_cache(load_tfds, monkeypatch):
    first = load_tfds("regjax_test_images")
    monkeypatch.setitem(sys.modules, "regjax.data.tfds_source", None)
    second = load_tfds("regjax_test_images", test_share=0.5)
    assert (first.test_rows, second.test_rows) == (2, 3)


def test_records_in_a_format_of_tensorflow_are_refused_with_the_way_out(load_tfds, tmp_path):
    load_tfds("regjax_test_vectors")
    (info,) = (tmp_path / "tfds").rglob("dataset_info.json")
    info.write_text(info.read_text().replace("array_record", "tfrecord"))
    with pytest.raises(UserError, match=r"a format that only TensorFlow reads.*data.data_dir"):
        load_tfds("regjax_test_vectors", cache_dir=str(tmp_path / "another"))


@pytest.mark.parametrize("name", ["../escaped", "huggingface:cifar10", "cifar10/..", "cifar10:latest"])
def test_names_of_another_form_are_refused(load_tfds, name, tmp_path):
    with pytest.raises(UserError, match=rf"^data.name={name}: not a dataset of TensorFlow Datasets"):
        load_tfds(name)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("cifar1O", r"Did you mean 'cifar10'\?"),
        ("cifar1O/full:1.0.0", r"Did you mean 'cifar10'\?"),
        ("iriss", r"not prepared in .*/tfds/iriss\. Did you mean 'iris'\?"),
        ("cifar10/lite", "BuilderConfig lite not found"),
        ("cifar10:9.9.9", "cannot be loaded at version 9.9.9, only: 3"),
        ("regjax_test_unsupervised", "does not name one input and one label"),
        ("regjax_test_regression", "its label 'label' is not a class"),
        ("regjax_test_text", "images of one size .* or vectors of numbers, but are Text"),
        ("regjax_test_any_size", "images of one size .*, but are Image"),
        ("regjax_test_trainless", "no 'train' split"),
        ("regjax_test_unlabelled", "some of its rows have no label"),
        ("regjax_test_manual", r"pass data.manual_dir=FOLDER.\nWrite to the authors"),
        ("regjax_test_importing", r"TFDS needs no_such_package .*pip install no_such_package"),
        ("regjax_test_remote", r"rows.csv cannot be reached .*\n.*data.data_dir"),
    ],
)
def test_sets_that_cannot_be_used_are_refused_with_the_reason(load_tfds, name, reason):
    with pytest.raises(UserError, match=rf"^data.name={name}: .*{reason}"):
        load_tfds(name)


def test_a_file_in_the_manual_folder_needs_no_network_and_the_folder_must_exist(load_tfds, tmp_path):
    with pytest.raises(UserError, match=f"data.manual_dir={tmp_path}/gone: no such folder"):
        load_tfds("regjax_test_manual", manual_dir=str(tmp_path / "gone"))
    (tmp_path / "rows.csv").write_text("abc")
    assert len(load_tfds("regjax_test_remote", manual_dir=str(tmp_path), test_share=0.5).labels) == 4


def test_a_missing_tensorflow_is_told_with_the_command(load_tfds, monkeypatch):
    # TFDS encodes arrays as images with TensorFlow, which None in sys.modules makes impossible to import.
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    monkeypatch.setattr(RegjaxTestImages, "_generate_examples", RowsBuilder._generate_examples)
    monkeypatch.setattr(RegjaxTestImages, "rows", {"train": [(IMAGES[0][..., None], 0)]})
    with pytest.raises(UserError) as refusal:
        load_tfds("regjax_test_images")
    assert str(refusal.value) == (
        "data.name=regjax_test_images: TFDS needs TensorFlow for this dataset. It is not installed. "
        "Run: pip install -e '.[tensorflow]'"
    )
