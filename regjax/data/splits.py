"""The rows that a run trains on, validates on and, once at the end, tests on."""

import math

import numpy as np
from jaxtyping import Bool, Int

from regjax.data.dataset import Dataset, Split
from regjax.errors import UserError, invalid
from regjax.validation import first_rows, is_count

# The dimension has no name, because one call takes parts of several lengths.
Rows = Int[np.ndarray, "_"]


def draw_split(
    dataset: Dataset, *, validation: float | int | str, split_seed: int, train_size: int | None
) -> Split:
    """Draw training and validation rows from the rows before the test rows.

    `validation` is what `check_validation` accepts. A share in (0, 1) or a count is stratified by label.
    "first:N" takes the first N rows in file order. "test" takes the test rows, and the split then has no test
    rows. 0 takes none. `train_size` keeps that many training rows, stratified, some of every class. The rows
    of a smaller size are all among those of a larger size. Raises `UserError` if a value leaves too few rows.
    """
    pool = np.arange(len(dataset.labels) - dataset.test_rows, dtype=np.int32)
    test = np.arange(len(pool), len(dataset.labels), dtype=np.int32)
    if isinstance(validation, str):
        train, held_out, test = _named_rows(dataset, pool, test, validation)
    else:
        # scikit-learn rounds a share up too.
        count = int(validation) if is_count(validation) else math.ceil(validation * len(pool))
        key = "data.validation"
        train, held_out = _stratified(dataset, pool, count, seed=split_seed, key=key, value=validation)
    if train_size is not None:
        train = _subsample(dataset, train, train_size, seed=split_seed)
    wanted = len(held_out) or len(test) or len(train)
    # The second number of the seed makes this draw independent of the draw for train_size.
    sample = np.random.default_rng([split_seed, 1]).permutation(train)[:wanted]
    return Split(train=train, sample=np.sort(sample), validation=held_out, test=test)


def missing_classes(dataset: Dataset, split: Split) -> dict[str, list[int]]:
    """The classes without a row in a part of the split, for each part that has rows."""
    parts = {"training": split.train, "validation": split.validation, "test": split.test}
    found = {}
    for part, rows in parts.items():
        sizes = np.bincount(dataset.labels[rows], minlength=dataset.num_classes)
        if len(rows) and not sizes.all():
            found[part] = np.flatnonzero(sizes == 0).tolist()
    return found


def with_test_rows(dataset: Dataset, *, share: float, seed: int) -> Dataset:
    """Move a stratified `share` of the rows to the end as test rows, unless the dataset has test rows."""
    if dataset.test_rows:
        return dataset
    if not 0 < share < 1:
        raise invalid("data.test_share", share, "must be a share in (0, 1)")
    rows = np.arange(len(dataset.labels), dtype=np.int32)
    count = math.ceil(share * len(rows))
    rest, test = _stratified(dataset, rows, count, seed=seed, key="data.test_share", value=share)
    order = np.concatenate([rest, test])
    return dataset._replace(inputs=dataset.inputs[order], labels=dataset.labels[order], test_rows=len(test))


def _named_rows(dataset: Dataset, pool: Rows, test: Rows, validation: str) -> tuple[Rows, Rows, Rows]:
    if validation == "test":
        if not len(test):
            raise invalid("data.validation", validation, f"{dataset.name} has no test rows")
        return pool, test, test[:0]
    count = first_rows(validation)
    if count >= len(pool):
        raise invalid("data.validation", validation, f"it leaves none of the {len(pool)} rows to train on")
    return pool[count:], pool[:count], test


def _stratified(
    dataset: Dataset, rows: Rows, count: int, *, seed: int, key: str, value: object
) -> tuple[Rows, Rows]:
    """Draw `count` rows, each class in proportion. Returns the other rows and these, both in file order."""
    if count == 0:
        return rows, rows[:0]
    classes = dataset.num_classes
    if count < classes or len(rows) - count < classes:
        left = f"{count} of {len(rows)} rows leaves {max(len(rows) - count, 0)} to train on"
        needed = f"{dataset.name} has {classes} classes, and each part needs at least that many rows"
        raise invalid(key, value, f"{left}; {needed}")
    labels = dataset.labels[rows]
    scarce = [int(label) for label, size in enumerate(np.bincount(labels)) if size == 1]
    if scarce:
        raise UserError(
            f"{key}={value}: {dataset.name} has only one row of class {scarce[0]}, and two parts need two."
        )
    drawn = _drawn_in_proportion(labels, count, seed=seed)
    return rows[~drawn], rows[drawn]


def _drawn_in_proportion(labels: Rows, count: int, *, seed: int) -> Bool[np.ndarray, "_"]:
    """Whether each row is drawn. scikit-learn's stratified `train_test_split` draws the same `count` rows.

    It uses the random numbers in the same order. It does not import scikit-learn, since that takes longer
    than training on digits.
    """
    random = np.random.RandomState(seed)
    _, classes, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    kept = _in_proportion(sizes, len(labels) - count, random)
    parts = _in_proportion(sizes - kept, count, random)
    drawn = np.zeros(len(labels), bool)
    for label, (size, first, number) in enumerate(zip(sizes, kept, parts, strict=True)):
        members = np.flatnonzero(classes == label)[random.permutation(size)]
        drawn[members[first : first + number]] = True
    return drawn


def _in_proportion(sizes: Rows, count: int, random: np.random.RandomState) -> Rows:
    """Divides `count` in proportion to `sizes`. It rounds the largest remainders up, and draws among ties."""
    exact = sizes / sizes.sum() * count
    shares = np.floor(exact)
    remainders = exact - shares
    for remainder in np.unique(remainders)[::-1]:
        missing = int(count - shares.sum())
        if missing <= 0:
            break
        tied = np.flatnonzero(remainders == remainder)
        shares[random.choice(tied, min(len(tied), missing), replace=False)] += 1
    return shares.astype(int)


def _subsample(dataset: Dataset, train: Rows, train_size: int, *, seed: int) -> Rows:
    """The first `train_size` rows of an order that keeps all classes in proportion from its start on.

    scikit-learn's function refuses sizes close to the whole, and its small samples lose small classes.
    """
    classes = dataset.num_classes
    if not classes <= train_size <= len(train):
        limits = f"{classes} (the classes) to {len(train)} (the rows left by data.validation)"
        raise invalid("data.train_size", train_size, f"must be a count from {limits}")
    shuffled = np.random.default_rng([seed, 0]).permutation(train)
    labels = dataset.labels[shuffled]
    progress = np.empty(len(train))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        progress[members] = np.arange(len(members)) / len(members)
    chosen = np.argsort(progress, kind="stable")[:train_size]
    return np.sort(shuffled[chosen])
