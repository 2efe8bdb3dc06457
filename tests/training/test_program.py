"""The training program: lanes, epochs, calls, divergence, and what it reports."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regjax.training import program
from regjax.training.streams import shuffled, stream
from tests.small import clusters, composed, lanes, train

EVERYTHING = (
    "model.hidden=[9,6]",
    "model.dropout=0.3",
    "model.input_dropout=0.1",
    "model.norm=batch",
    "penalty.l1=1e-4",
    "penalty.l2=1e-3",
    "optimizer=adamw",
    "optimizer.clip_norm=1",
    "schedule=cosine",
    "schedule.warmup_epochs=2",
    "early_stopping.patience=3",
    "trainer.batch_size=8",
    "trainer.epochs=12",
)


def group(*variants: tuple[str, ...], base: tuple[str, ...] = EVERYTHING, **sizes):
    configs = [composed(*base, *overrides) for overrides in variants]
    return lanes(clusters(), configs, **({"train": 42, "validation": 12} | sizes))


def assert_same_bits(first, second):
    for one, other in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        np.testing.assert_array_equal(one, other)


def of_lane(lane, state):
    return jax.tree.map(lambda leaf: leaf[lane], state)


def test_a_lane_has_the_bits_it_has_alone():
    variants = [("seed=1",), ("seed=2", "model.dropout=0.5"), ("seed=3", "optimizer.learning_rate=0.01")]
    together, _ = train(group(*variants))
    for lane, variant in enumerate(variants):
        alone, _ = train(group(variant))
        assert_same_bits(of_lane(lane, together), of_lane(0, alone))


def test_a_lane_has_the_same_bits_however_its_epochs_are_divided_among_calls():
    one = group(("seed=1",))
    assert_same_bits(*(train(one, epochs_per_call=count)[0] for count in (8, 5)))


@pytest.mark.slow
def test_the_epochs_of_a_call_are_at_most_what_its_records_hold():
    state, (record,) = train(group((), base=("trainer.epochs=200",)), epochs_per_call=1000, calls=1)
    assert state.epoch == program.RECORDS
    np.testing.assert_array_equal(record.epoch[0], np.arange(1, program.RECORDS + 1))


def test_a_diverged_lane_ends_and_leaves_its_neighbour_untouched():
    base = ("optimizer=sgd", "trainer.epochs=4", "model.hidden=[9]")
    state, records = train(group(("optimizer.learning_rate=1e30",), (), base=base))
    alone, _ = train(group((), base=base))
    assert list(state.diverged) == [True, False]
    assert int(state.epoch[0]) == 1
    assert not np.isfinite(records[0].validation.loss[0, 0])
    assert_same_bits(jax.tree.map(lambda leaf: leaf[1], state), jax.tree.map(lambda leaf: leaf[0], alone))


def test_a_lane_diverges_too_where_the_validation_loss_alone_is_not_finite():
    dataset = clusters()
    dataset.inputs[42:54] = np.inf
    config = composed("optimizer=sgd", "trainer.epochs=4", "model.hidden=[9]")
    state, (record,) = train(lanes(dataset, [config], train=42, validation=12), calls=1)
    assert np.isfinite([record.objective[0, 0], record.train.loss[0, 0]]).all()
    assert (bool(state.diverged[0]), int(state.epoch[0])) == (True, 1)


def kernel_norm(state):
    kernels = [layer["kernel"][0] for name, layer in state.variables.params.items()]
    return np.sqrt(sum((np.asarray(kernel, np.float64) ** 2).sum() for kernel in kernels))


def test_a_clipped_gradient_with_squares_that_overflow_moves_the_weights_by_rate_times_norm():
    """The penalty's gradient points along the weights, and is 1e19 times the data's."""
    base = ("penalty.l2=1e20", "optimizer=sgd", "optimizer.learning_rate=0.1", "optimizer.clip_norm=2")
    one = group((), base=(*base, "model.hidden=[9]", "trainer.batch_size=8", "trainer.epochs=1"))
    state, _ = train(one, calls=1)
    assert (int(state.step[0]), bool(state.diverged[0])) == (5, False)
    np.testing.assert_allclose(kernel_norm(state), kernel_norm(one.state) - 5 * 0.1 * 2, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adam", "rmsprop"])
def test_a_lane_diverges_where_the_squares_of_its_gradient_overflow_though_its_losses_are_finite(optimizer):
    """Adam and RMSprop would divide by infinity from then on, and nothing would move."""
    base = ("penalty.l2=1e24", f"optimizer={optimizer}", "model.hidden=[9]", "trainer.epochs=2")
    state, (record,) = train(group((), base=base), calls=1)
    assert np.isfinite([record.objective[0, 0], record.train.loss[0, 0], record.validation.loss[0, 0]]).all()
    assert (bool(state.diverged[0]), int(state.epoch[0])) == (True, 1)


def test_a_term_that_overflows_is_recorded_with_its_step():
    base = ("optimizer=sgd", "model.hidden=[9]", "trainer.batch_size=8")
    state, _ = train(group(("penalty.l2=1e38",), base=base))
    # The gradient of the penalty spoils the weights, so that the next step's data loss is not finite either.
    assert (int(state.blown["l2"][0]), int(state.blown["data"][0])) == (1, 2)


def test_the_steps_of_a_divergence_are_counted_over_epochs():
    rows = len(group(()).rows.train[0])
    growing = ("optimizer=sgd", "optimizer.learning_rate=1e4", "penalty.l2=1", f"trainer.batch_size={rows}")
    state, (record, *_) = train(
        group(growing, base=("model.hidden=[9]", "trainer.epochs=30")), epochs_per_call=30
    )
    for term, values in record.ledger.items():
        (bad,) = np.nonzero(~np.isfinite(values[0, : int(state.epoch[0])]))
        assert int(state.blown[term][0]) == (bad[0] + 1 if len(bad) else 0)
    assert int(state.epoch[0]) > 2


def test_the_ledger_sums_to_the_objective():
    _, records = train(group(()))
    record, seen = records[0], records[0].epoch > 0
    assert set(record.ledger) == {"data", "l1", "l2"}
    np.testing.assert_allclose(sum(record.ledger.values())[seen], record.objective[seen], rtol=1e-6)


@pytest.mark.slow
def test_side_by_side_lanes_agree_with_lone_ones_in_their_first_steps():
    variants = [("seed=1",), ("seed=2", "model.dropout=0.5"), ("seed=3", "optimizer.learning_rate=0.01")]
    base = (*EVERYTHING, "trainer.batch_size=4", "schedule.warmup_epochs=1")
    one_by_one, _ = train(group(*variants, base=base), epochs_per_call=1, calls=1)
    together, _ = train(group(*variants, base=base), epochs_per_call=1, calls=1, side_by_side=True)
    assert list(together.step) == [10, 10, 10]
    for lane in range(3):
        lone, beside = (
            np.concatenate([np.ravel(leaf[lane]) for leaf in jax.tree.leaves(state.variables.params)])
            for state in (one_by_one, together)
        )
        assert np.linalg.norm(lone - beside) <= 1e-5 * np.linalg.norm(lone)


@pytest.mark.slow
def test_side_by_side_lanes_end_each_at_their_own_epoch():
    variants = [("trainer.epochs=2",), ("trainer.epochs=5",), ("optimizer.learning_rate=1e30",)]
    base = ("optimizer=sgd", "model.hidden=[9]")
    state, (record, *_) = train(group(*variants, base=base), epochs_per_call=8, side_by_side=True)
    assert [int(epoch) for epoch in state.epoch] == [2, 5, 1]
    assert list(state.diverged) == [False, False, True]
    assert [list(lane[:6]) for lane in record.epoch] == [[1, 2, *[0] * 4], [1, 2, 3, 4, 5, 0], [1, *[0] * 5]]


@pytest.mark.slow
def test_a_refill_begins_the_fresh_lanes_anew_and_leaves_the_others_alone():
    old, new = group(("seed=1",), ("seed=2",)), group(("seed=1",), ("seed=3",))
    state, _ = train(old, epochs_per_call=2, calls=1)
    refilled = program.refill_lanes(
        state, new.numerics, jnp.array([False, True]), spec=old.spec, side_by_side=False
    )
    assert_same_bits(of_lane(0, refilled), of_lane(0, state))
    assert_same_bits(of_lane(1, refilled), of_lane(1, new.state))


@pytest.mark.slow
def test_one_lowering_serves_every_value_of_the_numerics():
    lowered = []

    @partial(jax.jit, static_argnames="spec")
    def trained(*arguments, spec):
        lowered.append(spec)
        return program.train_lanes(*arguments, spec=spec, side_by_side=False)

    other = ("seed=7", "model.dropout=0.6", "penalty.l2=1e-2", "early_stopping.patience=1")
    for overrides in [("seed=1",), other]:
        one = group(overrides)
        trained(*one[:4], jnp.int32(1), spec=one.spec)
    assert len(lowered) == 1


def test_an_epoch_visits_full_batches_of_distinct_training_rows():
    rows = jnp.arange(42, dtype=jnp.int32)
    orders = [shuffled(stream(jnp.uint32(3), "shuffle"), jnp.int32(epoch), rows) for epoch in range(3)]
    for order in orders:
        np.testing.assert_array_equal(np.sort(order), rows)
    assert len({tuple(np.asarray(order)) for order in orders}) == 3
    state, _ = train(group((), base=("trainer.batch_size=8", "trainer.epochs=3")))
    assert int(state.step[0]) == 3 * (42 // 8)


def test_variants_with_one_seed_share_initialisation_and_batch_order():
    plain = group((), base=("trainer.epochs=1",))
    noisy = group((), base=("trainer.epochs=1", "model.dropout=0.5", "model.norm=batch", "penalty.l2=0.1"))
    for layer in ("dense_0", "dense_1", "dense_2"):
        kernels = (each.state.variables.params[layer]["kernel"] for each in (plain, noisy))
        assert_same_bits(*kernels)


@pytest.mark.slow
def test_the_best_epoch_is_what_is_selected_and_not_the_last():
    base = ("model.hidden=[30]", "optimizer.learning_rate=0.05", "trainer.batch_size=6", "trainer.epochs=40")
    stopping = (*base, "early_stopping.patience=4", "seed=5")
    one = group((), base=stopping, train=18, validation=40)
    state, _ = train(one)
    best = int(state.stopping.best_epoch[0])
    assert 0 < best < int(state.epoch[0])
    variables, epoch = program.selected(state, one.numerics, side_by_side=False)
    assert int(epoch[0]) == best
    straight, _ = train(group((), base=(*base, "seed=5", f"trainer.epochs={best}"), train=18, validation=40))
    assert_same_bits(variables, straight.variables)


@pytest.mark.slow
def test_without_restoring_the_last_epoch_is_selected():
    one = group(("early_stopping.restore_best=false",))
    state, _ = train(one)
    variables, epoch = program.selected(state, one.numerics, side_by_side=False)
    assert state.best is None
    assert_same_bits((variables, epoch), (state.variables, state.epoch))


def test_evaluation_measures_each_part_on_all_its_rows():
    one = group((), base=("model.hidden=[]", "trainer.epochs=3", "trainer.evaluation_batch_size=5"))
    state, _ = train(one)
    test = jnp.arange(54, 60, dtype=jnp.int32)[None]
    variables, epochs, measured = program.evaluate_lanes(
        state, one.numerics, one.rows, test, one.data, spec=one.spec, side_by_side=False
    )
    assert_same_bits((variables, epochs), program.selected(state, one.numerics, side_by_side=False))
    layer = jax.tree.map(lambda leaf: np.asarray(leaf[0], np.float64), state.variables.params["dense_0"])
    logits = np.asarray(one.data.inputs, np.float64) @ layer["kernel"] + layer["bias"]
    losses = np.log(np.exp(logits).sum(1)) - logits[np.arange(60), one.data.labels]
    hits = logits.argmax(1) == np.asarray(one.data.labels)
    for part, rows in ((measured.train, slice(0, 42)), (measured.test, slice(54, 60))):
        np.testing.assert_allclose(part.loss[0], losses[rows].mean(), rtol=1e-5)
        np.testing.assert_allclose(part.accuracy[0], hits[rows].mean(), rtol=1e-6)


def test_the_test_rows_decide_nothing_before_the_closing_evaluation():
    dataset, config = clusters(), composed(*EVERYTHING)
    poisoned = dataset._replace(inputs=dataset.inputs.copy())
    poisoned.inputs[54:] = np.nan
    trained = [train(lanes(data, [config], train=42, validation=12))[0] for data in (dataset, poisoned)]
    assert_same_bits(*trained)
