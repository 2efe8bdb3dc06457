"""The sets that come with scikit-learn, and what every source shares."""

import numpy as np
import pytest
from sklearn import datasets

from regjax.data import load
from regjax.data.embedded import load_embedded
from regjax.errors import UserError


def load_set(source, name, tmp_path, **changes):
    options = {
        "manual_dir": None,
        "data_dir": None,
        "mirror": None,
        "cache_dir": str(tmp_path),
        "test_share": 0.2,
        "test_seed": 0,
    }
    return load(source, name, **options | changes)


@pytest.mark.parametrize(
    ("name", "shape", "classes", "pixel_max", "dtype"),
    [
        ("digits", (1797, 64), 10, 16, np.uint8),
        ("breast_cancer", (569, 30), 2, None, np.float32),
        ("wine", (178, 13), 3, None, np.float32),
    ],
)
def test_each_set_has_its_published_size_and_scikit_learns_values(name, shape, classes, pixel_max, dtype):
    dataset = load_embedded(name)
    original = getattr(datasets, f"load_{name}")()
    assert dataset.inputs.shape == shape
    assert dataset.inputs.dtype == dtype
    assert (dataset.num_classes, dataset.pixel_max, dataset.test_rows) == (classes, pixel_max, 0)
    np.testing.assert_allclose(dataset.inputs, original.data, rtol=1e-7)
    np.testing.assert_array_equal(dataset.labels, original.target)
    assert dataset.labels.dtype == np.int32


def test_a_loaded_set_ends_with_a_stratified_test_part(tmp_path):
    dataset = load_set("sklearn", "wine", tmp_path)
    # 178 rows in classes of 59, 71 and 48: a fifth of each, 36 rows together.
    assert dataset.test_rows == 36
    np.testing.assert_allclose(np.bincount(dataset.labels[-36:]), [59 / 5, 71 / 5, 48 / 5], atol=1)


def test_the_test_part_follows_its_own_seed_and_share(tmp_path):
    first, again, other = (load_set("sklearn", "wine", tmp_path, test_seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.inputs, again.inputs)
    assert not np.array_equal(first.inputs[-36:], other.inputs[-36:])
    assert load_set("sklearn", "wine", tmp_path, test_share=0.5).test_rows == 89


def test_an_unknown_name_is_refused_with_the_nearest_one(tmp_path):
    with pytest.raises(
        UserError, match=r"^data.name=digit: data.source=sklearn has breast_cancer, digits, wine.*'digits'\?"
    ):
        load_set("sklearn", "digit", tmp_path)


def test_an_unknown_source_is_refused_with_the_choices(tmp_path):
    with pytest.raises(UserError, match=r"^data.source=keras: must be one of idx, sklearn, tfds"):
        load_set("keras", "x", tmp_path)
