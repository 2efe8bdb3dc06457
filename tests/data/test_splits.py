"""Which rows become training, validation and test rows."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies
from sklearn.model_selection import train_test_split

from regjax.data import draw_split
from regjax.data.splits import with_test_rows
from regjax.errors import UserError
from tests.data_fixtures import table


def split(dataset, validation=0.2, seed=0, train_size=None):
    return draw_split(dataset, validation=validation, split_seed=seed, train_size=train_size)


def test_the_parts_are_disjoint_sorted_and_cover_every_row():
    parts = split(table([30, 20, 50], test_rows=25))
    together = np.concatenate([parts.train, parts.validation, parts.test])
    assert sorted(together) == list(range(100))
    for part in parts:
        assert part.dtype == np.int32
        assert list(part) == sorted(part)
    assert list(parts.test) == list(range(75, 100))


@settings(deadline=None, database=None)
@given(
    sizes=strategies.lists(strategies.integers(2, 60), min_size=2, max_size=12),
    share=strategies.floats(0, 1),
    seed=strategies.integers(0, 2**31 - 1),
)
def test_a_count_is_what_scikit_learn_draws_from_the_rows_before_the_test_part(sizes, share, seed):
    rows, classes = sum(sizes), len(sizes)
    count = classes + round(share * (rows - 2 * classes))
    dataset = table(sizes)
    dataset = dataset._replace(
        inputs=np.tile(dataset.inputs, (2, 1)), labels=np.tile(dataset.labels, 2), test_rows=rows
    )
    train, validation = train_test_split(
        np.arange(rows), test_size=count, random_state=seed, stratify=dataset.labels[:rows]
    )
    parts = split(dataset, count, seed=seed)
    assert list(parts.train) == sorted(train)
    assert list(parts.validation) == sorted(validation)


@pytest.mark.parametrize(
    ("validation", "rows"), [(0.25, 25), (25, 25), (25.0, 25), (0, 0), (0.0, 0), ("first:25", 25)]
)
def test_shares_counts_and_first_rows_have_the_size_they_ask_for(validation, rows):
    parts = split(table([50, 50], test_rows=0), validation)
    assert (len(parts.validation), len(parts.train)) == (rows, 100 - rows)


def test_first_rows_and_the_test_part_come_in_file_order_and_not_by_seed():
    first, last = (split(table([50, 50], test_rows=10), rows, seed=3) for rows in ("first:7", "test"))
    assert [list(part) for part in (first.validation, first.train)] == [list(range(7)), list(range(7, 90))]
    assert [list(part) for part in (last.validation, last.train)] == [list(range(90, 100)), list(range(90))]
    assert len(last.test) == 0


def test_smaller_training_sets_keep_proportions_and_every_class_and_are_parts_of_larger_ones():
    dataset = table([60, 30, 10])
    parts = [split(dataset, 0.2, train_size=size) for size in (3, 10, 40, 79, 80)]
    assert [len(part.train) for part in parts] == [3, 10, 40, 79, 80]
    assert all(set(small.train) < set(large.train) for small, large in itertools.pairwise(parts))
    assert all(list(part.validation) == list(parts[-1].validation) for part in parts)
    assert list(np.bincount(dataset.labels[parts[0].train])) == [1, 1, 1]
    half, whole = (np.bincount(dataset.labels[parts[row].train]) for row in (2, 4))
    assert np.abs(half - whole / 2).max() <= 1


@pytest.mark.parametrize(
    ("validation", "train_size", "rows"), [(10, None, 10), (0, None, 20), ("test", 5, 5), (30, 20, 20)]
)
def test_the_sample_is_a_part_of_train_as_large_as_what_it_is_compared_with(validation, train_size, rows):
    parts = split(table([50, 50], test_rows=20), validation, train_size=train_size)
    assert len(set(parts.sample)) == len(parts.sample) == rows
    assert set(parts.sample) <= set(parts.train)
    assert split(table([500, 500]), "first:100").sample.max() > 900  # spread over train


def test_a_set_without_a_test_part_gives_a_stratified_share_and_keeps_the_order_of_the_rest():
    dataset = table([60, 30, 10])
    parted = with_test_rows(dataset, share=0.2, seed=5)
    rest, test = train_test_split(np.arange(100), test_size=0.2, random_state=5, stratify=dataset.labels)
    assert parted.test_rows == 20
    assert list(parted.inputs[:, 0]) == sorted(rest) + sorted(test)
    assert list(parted.labels) == [dataset.labels[int(row)] for row in parted.inputs[:, 0]]
    assert with_test_rows(parted, share=0.5, seed=0) is parted


@pytest.mark.parametrize("value", [500, 89, 1, 0.999, "first:90"])
def test_validations_that_leave_too_few_rows_are_refused_with_their_number(value):
    with pytest.raises(UserError, match=f"^data.validation={value}: .*90 rows"):
        split(table([50, 50], test_rows=10), value)


@pytest.mark.parametrize("train_size", [True, 0, -5, 1, 91])
def test_other_train_sizes_are_refused_with_the_limits(train_size):
    message = rf"^data.train_size={str(train_size).lower()}: must be a count from 2 .* to 90"
    with pytest.raises(UserError, match=message):
        split(table([50, 50]), 10, train_size=train_size)


def test_a_missing_test_part_a_class_of_one_row_and_another_test_share_are_refused():
    with pytest.raises(UserError, match=r"data.validation=test: small has no test rows"):
        split(table([50, 50]), "test")
    with pytest.raises(UserError, match="only one row of class 1"):
        split(table([50, 1]))
    for share in (0.0, 1.0, float("nan")):
        with pytest.raises(UserError, match=r"data.test_share=.*must be a share"):
            with_test_rows(table([50, 50]), share=share, seed=0)
