"""Which inputs are refused, and what of float64 reaches the network."""

import numpy as np
import pytest

from regjax.data import dataset_digest, fit_scaling
from regjax.data.precision import check_finite, in_float32
from regjax.errors import UserError
from tests.data_fixtures import load_under, table

ROWS = np.arange(40)
ALTERNATING = np.tile([0.0, 10.0], 20)


def held(*columns):
    inputs = np.stack(columns, axis=1)
    assert inputs.dtype == np.float64
    return in_float32(table([20, 20])._replace(inputs=inputs))


def network_inputs(dataset, kind):
    """What the network takes, computed in float32."""
    shift, scale = fit_scaling(dataset, ROWS, kind=kind)
    return (dataset.inputs - shift) * scale


@pytest.mark.parametrize("offset", [1.7e9, -1.7e9, 1e15])
def test_a_column_with_a_large_offset_is_scaled_as_exactly_as_one_without(offset):
    near, far = held(ALTERNATING), held(offset + ALTERNATING)
    assert far.inputs.dtype == np.float32
    np.testing.assert_array_equal(network_inputs(far, "standard"), network_inputs(near, "standard"))
    np.testing.assert_allclose(network_inputs(far, "standard")[:, 0], np.tile([-1.0, 1.0], 20), rtol=1e-6)
    np.testing.assert_allclose(network_inputs(far, "none")[:, 0], offset + ALTERNATING, rtol=2.0**-23)


def test_other_columns_keep_the_bits_of_float32():
    draw = np.random.default_rng(0)
    columns = [draw.normal(mean, 1, 40) for mean in (0, 3, 1000)]
    dataset = held(*columns, np.full(40, 0.1), np.full(40, 0.0), 1.7e9 + ALTERNATING)
    for column, values in enumerate(columns):
        np.testing.assert_array_equal(dataset.inputs[:, column], values.astype(np.float32))
    assert list(np.flatnonzero(dataset.offset)) == [5]
    alone = held(*columns)
    assert alone.offset is None
    of_float32 = table([20, 20])._replace(inputs=alone.inputs)
    assert in_float32(of_float32) is of_float32
    assert dataset_digest(alone) == dataset_digest(of_float32)
    assert dataset_digest(dataset) != dataset_digest(dataset._replace(offset=2 * dataset.offset))


@pytest.mark.parametrize(
    "column",
    [
        np.full(40, 0.1),
        np.full(40, 1.7e9 + 1 / 3),
        np.where(ALTERNATING > 0, 0.1 + 0.2, 0.3),  # which differ by rounding alone
        np.where(ALTERNATING > 0, 1e-39, 0.0),  # which XLA flushes to 0
        np.where(ALTERNATING > 0, 1e-300, 0.0),
    ],
)
def test_a_constant_column_stays_constant(column):
    np.testing.assert_allclose(network_inputs(held(column), "standard"), 0, atol=1e-38)


@pytest.mark.parametrize("entry", [np.nan, np.inf, -np.inf, 1e39])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_entry_that_is_no_number_of_float32_is_refused_by_its_place(entry, dtype):
    inputs = np.zeros((6, 4))
    inputs[3, 2] = entry
    with np.errstate(over="ignore"), pytest.raises(UserError) as refused:
        check_finite(inputs.astype(dtype), "here")
    assert str(refused.value).startswith("here: row 3, column 2 (both counted from 0) is ")


def test_a_loaded_set_is_in_float32_with_the_numbers_of_its_source(tmp_path):
    from sklearn.datasets import load_wine

    dataset = load_under(tmp_path, "sklearn", "wine")
    assert (dataset.inputs.dtype, dataset.offset) == (np.float32, None)
    of_source = load_wine().data.astype(np.float32)
    assert sorted(map(bytes, dataset.inputs)) == sorted(map(bytes, of_source))
