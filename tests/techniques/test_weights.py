"""What penalties, constraints and decay do to a trained network, as their papers say."""

from functools import cache

import jax
import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import entropy

from regjax.techniques.penalties import dense_biases, penalized
from regjax.training import model
from regjax.training.state import Variables
from tests.small import Lanes, clusters, composed, lanes, train

pytestmark = pytest.mark.slow
SIGNAL, NOISE = 4, 6  # columns


@cache
def problem(*overrides: str) -> Lanes:
    """Clusters with columns of noise beside those that tell them apart."""
    dataset = clusters(rows=180, features=SIGNAL)
    noise = np.random.default_rng(5).normal(size=(180, NOISE)).astype(np.float32)
    dataset = dataset._replace(inputs=np.hstack([dataset.inputs, noise]))
    base = ("model.hidden=[16,16]", "trainer.batch_size=30", "trainer.epochs=100", "regularization=none")
    rate = "optimizer.learning_rate=0.01"
    return lanes(dataset, [composed(*base, rate, *overrides)], train=120, validation=60)


@cache
def trained(*overrides: str) -> dict:
    """The parameters that training ends with."""
    state, _ = train(problem(*overrides), epochs_per_call=50)
    return jax.tree.map(lambda leaf: leaf[0], state.variables.params)


def kernels(*overrides: str) -> list[np.ndarray]:
    return list(map(np.asarray, penalized(trained(*overrides), biases=False)))


def size_of_biases(*overrides: str) -> float:
    return float(np.linalg.norm(np.concatenate(dense_biases(trained(*overrides)))))


def size_of_kernels(*overrides: str) -> float:
    return float(np.linalg.norm(np.concatenate([kernel.ravel() for kernel in kernels(*overrides)])))


def logits_and_activations(*overrides: str) -> tuple[np.ndarray, list[np.ndarray]]:
    """On the training rows."""
    one = problem(*overrides)
    numerics = jax.tree.map(lambda leaf: leaf[0], one.numerics)
    given = ({}, Variables(trained(*overrides), {}), one.data.inputs[:120], {})
    logits, _, activations = model.train_logits(*given, numerics, spec=one.spec)
    return np.asarray(logits), [np.asarray(hidden) for hidden in activations]


def test_group_lasso_switches_off_columns_of_noise_that_l2_keeps():
    settled = ("schedule=cosine", "schedule.final_fraction=0")  # else steps of the learning rate remain
    lasso, l2 = (("penalty.group_lasso=0.02", *settled), ("penalty.l2=0.02", *settled))
    sizes = {given: np.linalg.norm(kernels(*given)[0], axis=1) for given in (lasso, l2)}
    share = {given: size[SIGNAL:].max() / size[:SIGNAL].max() for given, size in sizes.items()}
    assert share[lasso] < 0.03
    assert share[l2] > 0.1


def test_orthogonal_turns_units_apart():
    def cosine(kernel):
        directions = kernel / np.linalg.norm(kernel, axis=0)
        cosines = np.abs(directions.T @ directions)
        return (cosines.sum() - len(cosines)) / (cosines.size - len(cosines))

    plain, apart = (
        [cosine(kernel) for kernel in kernels(*given)] for given in ((), ("penalty.orthogonal=1",))
    )
    assert np.mean(apart) < 0.5 * np.mean(plain)
    assert apart[1] < 0.05  # 16 units of 16 inputs


def test_the_l1_penalty_of_activity_makes_units_silent_and_l2_makes_them_quiet():
    (_, plain), (_, silent), (_, quiet) = (
        logits_and_activations(*given)
        for given in ((), ("penalty.activity_l1=0.01",), ("penalty.activity_l2=0.01",))
    )
    assert np.mean([(hidden == 0).mean() for hidden in silent]) > 0.65
    assert np.mean([(hidden == 0).mean() for hidden in plain]) < 0.55
    assert np.square(quiet[0]).mean() < 0.3 * np.square(plain[0]).mean()


def test_the_penalty_and_the_decay_of_biases_shrink_these_alone():
    for given in ("penalty.bias_l2=0.1", "optimizer.bias_decay=1"):
        assert size_of_biases(given) < 0.6 * size_of_biases()
        assert size_of_kernels(given) > 0.9 * size_of_kernels()


def test_l2_sp_keeps_weights_near_their_start_where_l2_draws_them_to_zero():
    start = penalized(jax.tree.map(lambda leaf: leaf[0], problem().state.variables.params), biases=False)

    def distance(*overrides):
        pairs = zip(kernels(*overrides), start, strict=True)
        return np.sqrt(sum(np.square(kernel - begun).sum() for kernel, begun in pairs))

    near = distance("penalty.l2_sp=0.01")
    assert near < 0.7 * distance()
    assert near < 0.7 * distance("penalty.l2=0.01")


def test_l2_sp_starts_from_the_bits_of_the_initial_weights():
    frozen = ("optimizer=sgd", "optimizer.learning_rate=1e-30", "penalty.l2_sp=1", "trainer.epochs=1")
    _, (records,) = train(problem(*frozen))
    assert records.ledger["l2_sp"][0, 0] == 0


def test_the_confidence_penalty_makes_predictions_less_sure():
    plain, unsure = (
        entropy(softmax(logits_and_activations(*given)[0], axis=1), axis=1).mean()
        for given in ((), ("penalty.confidence=0.3",))
    )
    assert unsure > 2 * plain


def test_unit_norm_and_the_spectral_norm_hold_after_training():
    for kernel in kernels("constraint.unit_norm=1"):
        np.testing.assert_allclose(np.linalg.norm(kernel, axis=0), 1, rtol=1e-5)
    largest = [np.linalg.svd(kernel, compute_uv=False)[0] for kernel in kernels("constraint.spectral_norm=1")]
    assert np.max(largest) <= 1 + 1e-5
    assert np.min([np.linalg.svd(kernel, compute_uv=False)[0] for kernel in kernels()]) > 1.2


def test_the_proximal_step_makes_exact_zeros_where_l1_makes_none():
    proximal, l1 = kernels("constraint.proximal_l1=0.3"), kernels("penalty.l1=0.01")
    assert np.mean([(kernel == 0).mean() for kernel in proximal]) > 0.3
    assert all((kernel != 0).all() for kernel in l1)


def test_a_decay_that_falls_to_zero_leaves_larger_weights_than_one_that_stays():
    falls = (
        "optimizer.weight_decay=1",
        "optimizer.weight_decay_schedule=linear",
        "optimizer.weight_decay_final=0",
    )
    assert size_of_kernels("optimizer.weight_decay=1") < 0.9 * size_of_kernels(*falls)
    assert size_of_kernels(*falls) < 0.9 * size_of_kernels()
