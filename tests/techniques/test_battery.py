"""What holds for every technique. A new row of the table is found here by itself."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regjax.config import flatten
from regjax.saved import checkpoint
from regjax.saved.resolve import united
from regjax.sweep.lanes import stacked
from regjax.techniques import settings
from regjax.techniques.declaration import MIN_REAL, Hook, Number, Technique
from regjax.techniques.table import TABLE, rows
from regjax.training import inference, program
from regjax.training.epoch import evaluated
from regjax.training.state import Variables
from tests.small import ROOT, Lanes, begun, composed, train
from tests.techniques.variants import acts, ended, group, needed, on, outcome, same

NUMBERED = [(row, number) for row in TABLE for number in row.numbers.values()]
STRONG = [(row, row.strength) for row in TABLE if row.strength]
named = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
# By default the first technique of each hook, since the others take the same path.
FIRST = [next(rows(hook)).name for hook in Hook]
sampled = pytest.mark.parametrize(
    "row",
    [row if row.name in FIRST else pytest.param(row, marks=pytest.mark.slow) for row in TABLE],
    ids=[row.name for row in TABLE],
)


def with_numbers(given: list[tuple[Technique, Number]]) -> pytest.MarkDecorator:
    names = [f"{row.name}-{number.key}" for row, number in given]
    return pytest.mark.parametrize(("row", "number"), given, ids=names)


def text(one: Lanes, platform: str = "cpu") -> str:
    """The lowered training program."""
    lowered = jax.jit(program.train_lanes, static_argnames=("spec", "side_by_side")).trace(
        *one[:4], jnp.int32(1), spec=one.spec, side_by_side=platform != "cpu"
    )
    return lowered.lower(lowering_platforms=(platform,)).as_text()


def other_strength(row: Technique) -> tuple[str, ...]:
    """The row's file, with half of its number, or of a whole one the next."""
    number = row.strength
    if number is None:
        return on(row)
    value = flatten(composed(*on(row)))[number.key]
    return (*on(row), f"{number.key}={value + 1 if number.range.whole else value / 2}")


def ends(number: Number) -> list[float]:
    """The lowest and the highest legal value that is not neutral; 1,000 stands for no limit."""
    low, high = number.range.low, number.range.high
    if number.range.whole:
        return [int(low), int(high)]
    low = MIN_REAL if number.range.above or low == number.neutral else low
    high = float(np.nextafter(np.float32(high), np.float32(0))) if number.range.below else high
    return [low, high if high < math.inf else 1000.0]


@named
def test_a_technique_has_a_file_with_its_source_that_turns_it_on_alone(row):
    package, source, *_ = (ROOT / "conf" / "regularization" / f"{row.name}.yaml").read_text().splitlines()
    paper, _, link = row.source.rpartition(", ")
    assert package == "# @package _global_"
    assert source.startswith(f"# {paper}.")
    assert link.startswith("https://")
    values = flatten(composed(*on(row)))
    turned_on = {other.name for other in TABLE if settings.is_on(other, values)}
    assert turned_on == {row.name, *needed(row)}


@with_numbers(STRONG)
def test_at_its_neutral_value_or_null_a_technique_is_not_in_the_program(row, number):
    """The spec and the names of the numbers are all that the program depends on."""
    baseline = group(on(off=(row,)), shapes=True)
    for value in {number.neutral, None}:
        neutral = group((*on(row), f"{number.key}={'null' if value is None else value}"), shapes=True)
        assert neutral.spec == baseline.spec
        assert jax.tree.structure(neutral.numerics) == jax.tree.structure(baseline.numerics)


@pytest.mark.slow
@named
def test_a_technique_that_is_on_changes_the_result(row):
    assert acts(row, outcome(on(row)), outcome(on(off=(row,))))


@pytest.mark.slow
@named
def test_the_same_seed_gives_the_same_result_and_another_seed_another(row):
    first, again, other = (ended(group((*on(row), f"seed={seed}"))) for seed in (1, 1, 2))
    assert same(first, again)
    assert not same(first, other)


@pytest.mark.slow
@with_numbers(NUMBERED)
def test_training_stays_finite_at_both_ends_of_the_range(row, number):
    for value in ends(number):
        one = group((*on(row), f"{number.key}={value!r}"))
        state, (record,) = train(one, epochs_per_call=1, calls=1)
        # A decay of 1,000 multiplies weights by -299 a step: Adam's second moment overflows before them.
        assert np.isfinite([record.objective[0, 0], record.train.loss[0, 0]]).all()
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state.variables))


@pytest.mark.slow
@named
def test_a_technique_does_nothing_in_evaluation_unless_its_row_says_so(row):
    plain, one = group(on(off=(row,))), group(on(row))
    (variables, logits), (other, others) = predicted(one), predicted(plain)
    changed = jax.tree.structure(variables) != jax.tree.structure(other) or not np.array_equal(logits, others)
    assert changed == row.at_inference


def predicted(one: Lanes) -> tuple[Variables, np.ndarray]:
    """The variables that evaluation reads before the first epoch, and their logits."""
    state, numerics = jax.tree.map(lambda leaf: leaf[0], (one.state, one.numerics))
    variables = evaluated(state, numerics)
    given = variables, one.data.inputs, jnp.int32(0)
    return variables, np.asarray(inference.logits(*given, numerics=numerics, spec=one.spec))


@pytest.mark.slow
@named
def test_a_lane_has_the_bits_that_its_run_has_alone(row):
    variants = on(row), (*other_strength(row), "seed=3")
    together = outcome(*variants)
    for lane, variant in enumerate(variants):
        assert same([leaf[lane : lane + 1] for leaf in together], outcome(variant))


@sampled
def test_one_lowering_serves_every_strength(row):
    one, other = group(on(row), shapes=True), group(other_strength(row), shapes=True)
    assert one.spec == other.spec
    assert text(one) == text(other)


@pytest.mark.slow
@named
@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_the_program_lowers_for_every_platform(row, platform):
    assert "func.func public @main" in text(group(on(row), shapes=True), platform)


@pytest.mark.slow
@named
def test_a_run_that_is_saved_and_restored_goes_on_to_the_same_bits(row, tmp_path):
    one = group(on(row))
    state, _ = train(one, epochs_per_call=2, calls=1)
    checkpoint.save_lanes(tmp_path / "state", state, {})
    restored = checkpoint.restore_lanes(tmp_path / "state", program.blank_lanes(one.numerics, spec=one.spec))
    assert same(ended(one._replace(state=jax.tree.map(jnp.asarray, restored))), outcome(on(row)))


@pytest.mark.slow
@with_numbers(STRONG)
def test_where_another_run_has_it_on_its_absent_value_changes_last_digits_alone(row, number):
    if number.absent is None:
        pytest.skip(f"{row.name} is never compiled in for another run")
    without = group((*on(off=(row,)), "trainer.epochs=1"))
    with_it = group((*on(row), "trainer.epochs=1"))
    (spec, numerics), (other, _) = united(
        [(each.spec, jax.tree.map(lambda leaf: leaf[0], each.numerics)) for each in (without, with_it)]
    )
    assert spec == other == with_it.spec
    numerics = jax.device_put(stacked([numerics]))
    widened = without._replace(spec=spec, numerics=numerics, state=begun(numerics, spec))
    for one, two in zip(ended(without), ended(widened), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-5)
