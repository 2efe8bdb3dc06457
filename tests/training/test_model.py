"""The network's forward pass against NumPy in float64, its initial values, and its noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from regjax.data.dataset import Split
from regjax.saved.resolve import resolve
from regjax.training import model
from regjax.training.state import Variables
from tests.small import clusters, composed

KEY = jax.random.key(11)
ROWS, FEATURES, CLASSES = 40, 7, 5

# Closed forms. GELU: the tanh form of Hendrycks & Gimpel 2016; SELU: constants of Klambauer et al. 2017.
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805
ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "gelu": lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "silu": lambda x: x * special.expit(x),
    "tanh": np.tanh,
    "sigmoid": special.expit,
    "selu": lambda x: SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * np.expm1(x)),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
}


def network(*overrides, features=FEATURES, classes=CLASSES):
    """The static spec and the numerics of a network, and variables that are random everywhere."""
    dataset = clusters(features=features, classes=classes)
    rows = np.arange(len(dataset.labels), dtype=np.int32)
    split = Split(train=rows, sample=rows[:0], validation=rows[:0], test=rows[:0])
    spec, numerics = resolve(composed(*overrides), dataset, split)
    numerics = jax.tree.map(
        lambda x: jnp.asarray(x, jnp.float32 if x.dtype.kind == "f" else x.dtype), numerics
    )
    random = np.random.default_rng(1)

    def fill(path, leaf):
        values = (
            random.uniform(0.5, 1.5, leaf.shape) if path[-1].key == "var" else random.normal(size=leaf.shape)
        )
        return jnp.asarray(values, jnp.float32)

    return spec, numerics, jax.tree.map_with_path(fill, model.init(KEY, numerics, spec=spec))


def batch(features=FEATURES):
    return jnp.asarray(np.random.default_rng(2).normal(size=(ROWS, features)), jnp.float32)


def forward(variables, inputs, *, activation="relu", norm="none", residual=False, train=False):
    """NumPy's logits in float64, and the mean and the biased variance before each norm."""
    params = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), variables.params)
    running = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), variables.batch_stats)
    outputs, moments = np.asarray(inputs, np.float64), []
    depth = sum(name.startswith("dense") for name in params) - 1
    for layer in range(depth):
        incoming, dense = outputs, params[f"dense_{layer}"]
        outputs = outputs @ dense["kernel"] + dense.get("bias", 0)
        if norm != "none":
            axis = 0 if norm == "batch" else 1
            mean, var = outputs.mean(axis=axis, keepdims=True), outputs.var(axis=axis, keepdims=True)
            moments.append((mean.ravel(), var.ravel()))
            if norm == "batch" and not train:
                mean, var = running[f"norm_{layer}"]["mean"], running[f"norm_{layer}"]["var"]
            scale, offset = params[f"norm_{layer}"]["scale"], params[f"norm_{layer}"]["bias"]
            outputs = (outputs - mean) / np.sqrt(var + 1e-3) * scale + offset
        outputs = ACTIVATIONS[activation](outputs)
        outputs = outputs + incoming if residual and incoming.shape == outputs.shape else outputs
    return outputs @ params[f"dense_{depth}"]["kernel"] + params[f"dense_{depth}"].get("bias", 0), moments


def resnet(variables, inputs):
    """NumPy's logits in float64 of the tabular ResNet at inference, with batch norm, as its paper has it."""
    dense, norm = {}, {}
    for name, leaf in variables.params.items():
        kind, at = name.split("_")
        (dense if kind == "dense" else norm)[int(at)] = {
            key: np.asarray(x, np.float64) for key, x in leaf.items()
        }

    def linear(at, x):
        return x @ dense[at]["kernel"] + dense[at].get("bias", 0)

    def batch_norm(at, x):
        running = variables.batch_stats[f"norm_{at}"]
        standard = (x - np.asarray(running["mean"])) / np.sqrt(np.asarray(running["var"], np.float64) + 1e-3)
        return standard * norm[at]["scale"] + norm[at]["bias"]

    x = linear(0, np.asarray(inputs, np.float64))
    for at in range(1, len(dense) - 1, 2):
        x = x + linear(at + 1, np.maximum(linear(at, batch_norm(at, x)), 0))
    last = len(dense) - 1
    return linear(last, np.maximum(batch_norm(last, x), 0))


def relative_error(ours, expected):
    return np.linalg.norm(ours - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_logits_with_each_activation(activation):
    spec, numerics, variables = network("model.hidden=[9,6]", f"model.activation={activation}")
    expected, _ = forward(variables, batch(), activation=activation)
    assert relative_error(model.logits(variables, batch(), numerics, spec=spec), expected) < 1e-6


def test_without_hidden_layers_the_network_is_linear():
    spec, numerics, variables = network("model.hidden=[]")
    assert set(variables.params) == {"dense_0"}
    expected, _ = forward(variables, batch())
    assert relative_error(model.logits(variables, batch(), numerics, spec=spec), expected) < 1e-6


@pytest.mark.parametrize(
    ("override", "biased"),
    [("model.norm=batch", [2]), ("model.norm=layer", [0, 1, 2]), ("model.use_bias=false", [])],
)
def test_dense_layers_have_biases_but_before_batch_norm_and_where_they_are_off(override, biased):
    params = network("model.hidden=[9,6]", override)[2].params
    assert [at for at in range(3) if "bias" in params[f"dense_{at}"]] == biased


def test_the_resnet_is_that_of_gorishniy_et_al():
    overrides = "model.hidden=[6,9,6,4,6]", "model.norm=batch", "model.residual=true", "model.block=resnet"
    spec, numerics, variables = network(*overrides)
    assert set(variables.batch_stats) == {"norm_1", "norm_3", "norm_5"}
    # A sum's bias is cancelled by the norms that follow it.
    assert [at for at in range(6) if "bias" in variables.params[f"dense_{at}"]] == [1, 3, 5]
    ours = model.logits(variables, batch(), numerics, spec=spec)
    assert relative_error(ours, resnet(variables, batch())) < 1e-6


def test_a_residual_sum_joins_layers_of_the_same_width_and_no_others():
    # 7 features: the sums are at the first, the second and the fourth layer, not at 7 -> 5 nor at the logits.
    spec, numerics, variables = network("model.hidden=[7,7,5,5]", "model.residual=true")
    ours = model.logits(variables, batch(), numerics, spec=spec)
    assert relative_error(ours, forward(variables, batch(), residual=True)[0]) < 1e-6
    assert relative_error(ours, forward(variables, batch())[0]) > 0.1


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_a_norm_stands_between_the_dense_layer_and_the_activation(norm):
    spec, numerics, variables = network("model.hidden=[9,6]", f"model.norm={norm}", "model.norm_epsilon=1e-3")
    inference = model.logits(variables, batch(), numerics, spec=spec)
    assert relative_error(inference, forward(variables, batch(), norm=norm)[0]) < 2e-6
    training, *_ = model.train_logits({}, variables, batch(), {}, numerics, spec=spec)
    assert relative_error(training, forward(variables, batch(), norm=norm, train=True)[0]) < 2e-6


def test_running_statistics_move_towards_the_batch_by_one_minus_the_momentum():
    overrides = ("model.hidden=[9,6]", "model.norm=batch", "model.norm_momentum=0.7")
    spec, numerics, variables = network(*overrides)
    _, updated, _ = model.train_logits({}, variables, batch(), {}, numerics, spec=spec)
    _, moments = forward(variables, batch(), norm="batch", train=True)
    for layer, (mean, var) in enumerate(moments):
        old, new = variables.batch_stats[f"norm_{layer}"], updated[f"norm_{layer}"]
        np.testing.assert_allclose(new["mean"], 0.7 * old["mean"] + 0.3 * mean, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(new["var"], 0.7 * old["var"] + 0.3 * var, rtol=1e-5)


def test_biases_start_at_zero_and_a_norm_as_the_identity_on_what_is_standardised():
    _, numerics, _ = network()
    spec, _, _ = network("model.hidden=[9]", "model.norm=batch")
    variables = model.init(KEY, numerics, spec=spec)
    expected = {"scale": np.ones(9), "bias": np.zeros(9)}
    jax.tree.map(np.testing.assert_array_equal, variables.params["norm_0"], expected)
    expected = {"norm_0": {"mean": np.zeros(9), "var": np.ones(9)}}
    jax.tree.map(np.testing.assert_array_equal, variables.batch_stats, expected)
    np.testing.assert_array_equal(variables.params["dense_1"]["bias"], np.zeros(CLASSES))


def survivors(*overrides):
    """Logits of a network of identities on ones: 0 for a dropped unit, a power of 2 for the others."""
    width = 40
    spec, numerics, variables = network(
        f"model.hidden=[{width},{width}]", *overrides, features=width, classes=width
    )
    layer = {"kernel": jnp.eye(width), "bias": jnp.zeros(width)}
    variables = Variables(dict.fromkeys(variables.params, layer), {})
    given = ({"dropout": KEY}, variables, jnp.ones((50, width)), numerics.strengths, numerics)
    return np.asarray(model.train_logits(*given, spec=spec)[0])


def test_dropout_acts_on_the_layers_that_are_asked_for_each_with_its_own_mask():
    clean = survivors()
    np.testing.assert_array_equal(clean, np.ones((50, 40)))
    alone = [
        survivors("model.input_dropout=0.5"),
        survivors("model.dropout=[0.5,0]"),
        survivors("model.dropout=[0,0.5]"),
    ]
    for one, other in zip(alone, alone[1:] + alone[:1], strict=True):
        assert set(np.unique(one)) == {0.0, 2.0}
        # Independent masks agree in half of 2,000 units; the standard deviation of the share is 0.011.
        assert abs((one == other).mean() - 0.5) < 5 * 0.5 / np.sqrt(2000)
    together = survivors("model.input_dropout=0.5", "model.dropout=0.5")
    np.testing.assert_array_equal(together, alone[0] * alone[1] * alone[2])


def test_inference_ignores_dropout():
    noisy = ("model.hidden=[9,6]", "model.dropout=0.9", "model.input_dropout=0.9")
    spec, numerics, variables = network(*noisy)
    expected, _ = forward(variables, batch())
    assert relative_error(model.logits(variables, batch(), numerics, spec=spec), expected) < 1e-6


# Variances from the papers: Glorot & Bengio 2010, He et al. 2015, LeCun et al. 1998; 300 inputs, 200 outputs.
VARIANCES = {"glorot": 2 / (300 + 200), "he": 2 / 300, "lecun": 1 / 300}


@pytest.mark.parametrize(("family", "law"), [("glorot", "uniform"), ("he", "normal"), ("lecun", "uniform")])
def test_an_initial_kernel_has_the_variance_and_the_bounds_of_its_law(family, law):
    kernel = initial_kernel(f"model.kernel_init={family}_{law}")
    stddev = np.sqrt(VARIANCES[family])
    # Normal laws are cut at two standard deviations of the normal, and widened to the stated variance again.
    unit = stats.uniform(-1, 2) if law == "uniform" else stats.truncnorm(-2, 2)
    bound = unit.support()[1] * stddev / unit.std()
    assert 0.99 * bound < np.abs(kernel).max() <= bound * (1 + 1e-6)
    assert_moments(kernel, stddev, kurtosis=3 + unit.stats("k"))


def test_a_normal_initial_kernel_has_the_stated_standard_deviation():
    kernel = initial_kernel("model.kernel_init=normal", "model.init_stddev=0.03")
    assert np.abs(kernel).max() > 3.5 * 0.03
    assert_moments(kernel, 0.03, kurtosis=3)


def initial_kernel(*overrides):
    spec, numerics, _ = network("model.hidden=[200]", *overrides, features=300)
    kernel = np.asarray(model.init(KEY, numerics, spec=spec).params["dense_0"]["kernel"], np.float64)
    assert kernel.shape == (300, 200)
    return kernel


def assert_moments(sample, stddev, *, kurtosis):
    """Mean 0 and the variance, both within five standard deviations of their estimates."""
    assert abs(sample.mean()) < 5 * stddev / np.sqrt(sample.size)
    assert abs(sample.var() / stddev**2 - 1) < 5 * np.sqrt((kurtosis - 1) / sample.size)


@pytest.mark.parametrize(
    "overrides",
    [
        ("model.dropout=0.5", "model.norm=layer", "model.use_bias=false", "model.activation=tanh"),
        ("model.norm=batch", "penalty.l2=0.1", "optimizer=sgd", "trainer.batch_size=8"),
    ],
)
def test_initial_kernels_depend_on_the_key_and_the_place_alone(overrides):
    plain, other = (
        model.init(KEY, numerics, spec=spec).params
        for spec, numerics, _ in (network("model.hidden=[9,6]"), network("model.hidden=[9,6]", *overrides))
    )
    for layer in ("dense_0", "dense_1", "dense_2"):
        np.testing.assert_array_equal(plain[layer]["kernel"], other[layer]["kernel"])


def rounded(values):
    """To bfloat16, in float64."""
    return np.asarray(jnp.asarray(values, jnp.bfloat16), np.float64)


def test_bfloat16_rounds_the_factors_of_each_product_and_sums_in_float32():
    spec, numerics, variables = network("model.hidden=[]", "model.use_bias=false", "precision=bfloat16")
    weights = jnp.asarray(np.random.default_rng(3).normal(size=(ROWS, CLASSES)), jnp.float32)

    def weighted(variables):
        logits = model.logits(variables, batch(), numerics, spec=spec)
        return (weights * logits).sum(), logits

    gradient, logits = jax.grad(weighted, has_aux=True)(variables)
    kernel = variables.params["dense_0"]["kernel"]
    assert logits.dtype == jnp.float32
    assert relative_error(logits, rounded(batch()) @ rounded(kernel)) < 1e-6
    expected = rounded(batch()).T @ rounded(weights)
    assert relative_error(gradient.params["dense_0"]["kernel"], expected) < 1e-6
