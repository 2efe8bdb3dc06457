"""What inputs are shifted and multiplied by, and the fingerprint that covers it."""

import numpy as np
import pytest

from regjax.data import dataset_digest, draw_split, fingerprint, fit_scaling
from regjax.data.dataset import Dataset, Scaling
from regjax.errors import UserError
from tests.data_fixtures import table


@pytest.mark.parametrize(("kind", "scale"), [("unit", 1 / 16), ("none", 1)])
def test_unit_maps_the_largest_pixel_to_one_and_none_changes_nothing(kind, scale):
    images = Dataset("images", np.array([[0, 4], [8, 12]], np.uint8), np.zeros(2, np.int32), 1, 0, 16)
    scaling = fit_scaling(images, np.array([0]), kind=kind)
    assert [part.tolist() for part in scaling] == [[0, 0], [scale, scale]]
    assert [part.dtype for part in scaling] == [np.float32, np.float32]


def test_standard_sees_the_training_rows_and_no_other_and_keeps_scale_one_for_a_constant():
    inputs = np.array([[1, 10, 0.1], [99, 99, 7], [3, 30, 0.1], [5, 50, 0.1]], np.float32)
    scaling = fit_scaling(table([2, 2])._replace(inputs=inputs), np.array([0, 2, 3]), kind="standard")
    assert [part.dtype for part in scaling] == [np.float32, np.float32]
    np.testing.assert_allclose(scaling.shift[:2], [3, 30], rtol=1e-7)
    np.testing.assert_allclose(scaling.scale[:2], [np.sqrt(3 / 8), np.sqrt(3 / 800)], rtol=1e-6)
    assert (scaling.shift[2], scaling.scale[2]) == (np.float32(0.1), 1)


@pytest.mark.parametrize("smallest", [1e-39, 1e-45])
def test_a_spread_that_the_program_flushes_to_zero_is_that_of_a_constant(smallest):
    inputs = np.array([[0], [smallest]], np.float32)
    scaling = fit_scaling(table([1, 1])._replace(inputs=inputs), np.array([0, 1]), kind="standard")
    assert scaling.scale[0] == 1
    assert 0 <= scaling.shift[0] <= np.float32(smallest)


def test_standard_is_exact_over_many_rows_far_from_zero():
    # Half below, at and half above the mean: the variance is 1/6. Summed in float32 they have another mean.
    inputs = (1_234_567 + 0.5 * (np.arange(9_999) % 3 - 1)).astype(np.float32)[:, None]
    dataset = Dataset("far", inputs, np.zeros(9_999, np.int32), 1, 0, None)
    scaling = fit_scaling(dataset, np.arange(9_999), kind="standard")
    assert scaling.shift[0] == 1_234_567
    np.testing.assert_allclose(scaling.scale, np.sqrt(6), rtol=1e-6)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("unit", r"data.scaling=unit: small is a table.*standard or none"),
        ("standart", r"data.scaling=standart: .*none, standard, unit.*'standard'\?"),
    ],
)
def test_unit_is_refused_for_tables_and_an_unknown_scaling_with_the_nearest_name(kind, message):
    with pytest.raises(UserError, match=f"^{message}"):
        fit_scaling(table([2, 2]), np.array([0]), kind=kind)


def run_identity(dataset, *, scaling=None, **split):
    parts = draw_split(dataset, **{"validation": 4, "split_seed": 0, "train_size": None} | split)
    return fingerprint(
        dataset_digest(dataset), parts, scaling or fit_scaling(dataset, parts.train, kind="none")
    )


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"inputs": table([10, 10]).inputs + np.float32(1e-3)},
        {"inputs": table([10, 10]).inputs.astype(np.float64)},
        {"inputs": table([10, 10]).inputs.view(np.int32)},
        {"inputs": table([10, 10]).inputs.reshape(60, 1)},
        {"labels": 1 - table([10, 10]).labels},
        {"num_classes": 3},
        {"pixel_max": 255},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_fingerprint_changes_with_every_part_of_the_dataset(change):
    dataset = table([10, 10])
    assert dataset_digest(dataset._replace(**change)) != dataset_digest(dataset)


def test_the_fingerprint_repeats_and_changes_with_the_split_and_the_scaling():
    dataset = table([10, 10])
    assert run_identity(dataset) == run_identity(table([10, 10]))
    assert len(run_identity(dataset)) == 64
    other_layout = dataset._replace(inputs=np.asfortranarray(dataset.inputs))
    assert run_identity(other_layout) == run_identity(dataset)
    ones = np.ones(3, np.float32)
    identities = {
        run_identity(dataset),
        run_identity(dataset, split_seed=1),
        run_identity(dataset, train_size=15),
        run_identity(dataset, scaling=Scaling(ones, ones)),
        run_identity(dataset, scaling=Scaling(0 * ones, 2 * ones)),
    }
    assert len(identities) == 5
