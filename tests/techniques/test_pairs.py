"""Any two techniques act together, and each acts beside all others."""

import functools
import itertools

import jax
import numpy as np
import pytest

from regjax.techniques import settings
from regjax.techniques.declaration import Hook, Technique
from regjax.techniques.table import TABLE
from tests.techniques.variants import acts, ended, group, needed, on

pytestmark = pytest.mark.slow

BY_NAME = {row.name: row for row in TABLE}
# These have a value without effect, so one program has them all, and each of its lanes has some of them on.
NUMERIC = tuple(row for row in TABLE if row.strength and row.strength.absent is not None)
FIXED = tuple(row for row in TABLE if row not in NUMERIC)
# What some techniques need is on in all lanes.
SHARED = ("model.residual=true", "model.norm_groups=2", "model.activation=tanh")


def compatible(*rows: Technique) -> bool:
    """Whether no two rows set one key, and none excludes another."""
    keys = [key for row in rows for key in settings.keys_of(row)]
    names = {row.name for row in rows}
    return len(keys) == len(set(keys)) and not any(names & row.excludes.keys() for row in rows)


def others(*rows: Technique) -> tuple[Technique, ...]:
    """As many of the other numeric techniques as can be on beside some."""
    found: list[Technique] = []
    for row in NUMERIC:
        if row not in rows and row.name not in needed(*rows) and compatible(*rows, *found, row):
            found.append(row)
    return tuple(found)


@functools.cache
def ended_lanes(*names: str) -> dict[frozenset[str], list[np.ndarray]]:
    """What each lane ends with, by its techniques beside those of `names`, which are on in all lanes.

    The lanes have all other techniques on, alone and (if no other is on in all lanes) in pairs.
    """
    fixed = [BY_NAME[name] for name in names]
    free = [row for row in NUMERIC if row.name not in needed(*fixed) and compatible(*fixed, row)]
    chosen = [(), *((row,) for row in free), others(*fixed)]
    if not fixed:
        chosen += [pair for pair in itertools.combinations(free, 2) if compatible(*pair)]
        chosen += [rows for row in free for rows in (others(row), (row, *others(row)))]
    chosen = list({frozenset(row.name for row in rows): rows for rows in chosen}.values())
    ends = ended(group(*((*on(*fixed, *rows), *SHARED) for rows in chosen), union=True))
    assert all(np.isfinite(leaf).all() for leaf in ends)
    jax.clear_caches()
    return {
        frozenset(row.name for row in rows): [leaf[lane] for leaf in ends] for lane, rows in enumerate(chosen)
    }


def test_numeric_techniques_act_in_pairs():
    acted = ended_lanes()
    pairs = [names for names in acted if len(names) == 2]
    assert len(pairs) > 600
    for names in pairs:
        for name in names:
            # With some techniques validation never gets worse.
            if BY_NAME[name].hook is not Hook.EPOCH_END:
                assert acts(BY_NAME[name], acted[names], acted[names - {name}]), f"{name} with {names}"


@pytest.mark.parametrize("row", NUMERIC, ids=lambda row: row.name)
def test_a_numeric_technique_acts_beside_all_others(row):
    beside = frozenset(other.name for other in others(row))
    assert acts(row, ended_lanes()[beside | {row.name}], ended_lanes()[beside])


@pytest.mark.parametrize("row", FIXED, ids=lambda row: row.name)
def test_numeric_techniques_act_beside_another(row):
    acted = ended_lanes(row.name)
    for names in (names for names in acted if len(names) == 1):
        (name,) = names
        if BY_NAME[name].hook is not Hook.EPOCH_END:
            assert acts(BY_NAME[name], acted[names], acted[frozenset()]), name


@pytest.mark.parametrize(
    "pair",
    [pair for pair in itertools.combinations(FIXED, 2) if compatible(*pair)],
    ids=lambda pair: "-".join(row.name for row in pair),
)
def test_techniques_without_a_value_of_no_effect_act_in_pairs(pair):
    both = ended(group((*on(*pair), *SHARED)))
    assert all(np.isfinite(leaf).all() for leaf in both)
    for row, other in (pair, pair[::-1]):
        if other.name not in needed(row) and other.hook is not Hook.EPOCH_END:
            assert acts(other, both, ended(group((*on(row, off=(other,)), *SHARED))))
