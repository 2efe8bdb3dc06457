"""The sets that come with scikit-learn, and what every source shares."""

import numpy as np
import pytest
from sklearn import datasets

from regjax.data.embedded import load_embedded
from regjax.errors import UserError
from tests.data_fixtures import load_under


@pytest.mark.parametrize(
    ("name", "shape", "classes", "pixel_max", "dtype"),
    [
        ("digits", (1797, 64), 10, 16, np.uint8),
        ("breast_cancer", (569, 30), 2, None, np.float64),
        ("wine", (178, 13), 3, None, np.float64),
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


def test_the_test_part_follows_its_own_seed_and_share(tmp_path):
    first, again, other = (load_under(tmp_path, "sklearn", "wine", test_seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.inputs, again.inputs)
    assert not np.array_equal(first.inputs[-36:], other.inputs[-36:])
    assert load_under(tmp_path, "sklearn", "wine", test_share=0.5).test_rows == 89


@pytest.mark.parametrize(
    ("source", "name", "message"),
    [
        (
            "sklearn",
            "digit",
            r"data.name=digit: data.source=sklearn has breast_cancer, digits, wine.*'digits'\?",
        ),
        ("idx", "mnits", r"data.name=mnits: data.source=idx has fashion_mnist, kmnist, mnist.*'mnist'\?"),
        ("keras", "x", "data.source=keras: must be one of idx, sklearn, tfds"),
    ],
)
def test_an_unknown_source_or_name_is_refused_with_the_choices(tmp_path, source, name, message):
    with pytest.raises(UserError, match=f"^{message}"):
        load_under(tmp_path, source, name)
