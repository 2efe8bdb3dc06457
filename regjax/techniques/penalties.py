"""Penalties: terms that are added to the loss."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Num, PyTree

# These read the weights before the first step. The program computes them only for these.
READ_INITIAL = frozenset({"l2_sp"})


class Seen(NamedTuple):
    """A penalty may read these values in a step: penalized weights, and the batch's logits and targets.

    `biases` are those of dense layers. `activations` are the outputs of each hidden layer's activation,
    before noise. `initial` has the weights before the first step, for the penalties in `READ_INITIAL`.
    """

    weights: list[Float[Array, "..."]]
    logits: Float[Array, "batch classes"]
    targets: Num[Array, "batch *classes"]
    biases: Sequence[Float[Array, " units"]] = ()
    activations: Sequence[Float[Array, "batch units"]] = ()
    initial: Sequence[Float[Array, "..."]] = ()

    @property
    def kernels(self) -> list[Float[Array, "inputs units"]]:
        """The weights without the biases that `penalty.biases` adds to them."""
        return [weight for weight in self.weights if weight.ndim == 2]


def l1(seen: Seen, *, strength: Float[Array, ""]) -> Float[Array, ""]:
    """`strength * sum(abs(w))`, strength >= 0, neutral at 0 (Tibshirani 1996).

    Its gradient at a weight of 0 is 0. JAX's gradient of `abs` is 1 there and would move the weight.
    """
    return strength * sum(_size(weight) for weight in seen.weights)


def l2(seen: Seen, *, strength: Float[Array, ""]) -> Float[Array, ""]:
    """`strength * sum(w**2)`, as in Keras, without a factor 1/2; strength >= 0, neutral at 0.

    It equals PyTorch's `weight_decay=2 * strength` under SGD and Adam. Under Adam it differs from AdamW's
    decoupled weight decay (Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101).
    """
    return strength * sum(jnp.square(weight).sum() for weight in seen.weights)


def group_lasso(seen: Seen, *, strength: Float[Array, ""]) -> Float[Array, ""]:
    """`strength * sum(sqrt(units) * norm(w[i, :]))` over the inputs i of each layer; neutral at 0.

    A group holds all weights that leave an input or a hidden unit, so whole inputs are switched off. Biases
    are in no group. The gradient of a group of zeros is 0. Yuan & Lin 2006,
    https://doi.org/10.1111/j.1467-9868.2005.00532.x. Scardapane et al. 2017, https://arxiv.org/abs/1607.00485,
    take these groups.
    """

    def norms(kernel: Float[Array, "inputs units"]) -> Float[Array, ""]:
        return math.sqrt(kernel.shape[1]) * _norms(kernel, axis=1).sum()

    return strength * sum(norms(kernel) for kernel in seen.kernels)


def orthogonal(seen: Seen, *, strength: Float[Array, ""]) -> Float[Array, ""]:
    """`strength * mean(abs(cosine))` over the pairs of units of a layer, summed over layers; neutral at 0.

    The cosine is between the incoming weights of two units. It is Keras' OrthogonalRegularizer with
    mode="columns". Keras' default, mode="rows", compares the weights that leave two inputs. Deviation from
    Brock et al. 2017, https://arxiv.org/abs/1609.07093: they sum abs(w.T @ w - 1), and divide by nothing.
    """

    def overlap(kernel: Float[Array, "inputs units"]) -> Float[Array, ""]:
        units = kernel.shape[1]
        norms = _norms(kernel, axis=0)
        directions = kernel / jnp.where(norms > 0, norms, 1)
        cosines = jnp.matmul(directions.T, directions, precision=lax.Precision.HIGHEST)
        return _size(jnp.where(jnp.eye(units, dtype=bool), 0, cosines)) / (units * (units - 1))

    return strength * sum((overlap(kernel) for kernel in seen.kernels if kernel.shape[1] > 1), jnp.zeros(()))


def activity_l1(seen: Seen, *, strength: Float[Array, ""]) -> Float[Array, ""]:
    """`strength * sum(abs(h)) / batch` over the hidden layers' outputs h, before noise; neutral at 0.

    It is Keras' activity_regularizer=L1 on each hidden layer. Glorot, Bordes & Bengio 2011,
    https://proceedings.mlr.press/v15/glorot11a.html.
    """
    return strength * sum((_size(hidden) / len(hidden) for hidden in seen.activations), jnp.zeros(()))


def activity_l2(seen: Seen, *, strength: Float[Array, ""]) -> Float[Array, ""]:
    """`strength * sum(h**2) / batch` over the hidden layers' outputs h, before noise; neutral at 0.

    It is Keras' activity_regularizer=L2 on each hidden layer. Merity, McCann & Socher 2017,
    https://arxiv.org/abs/1708.01009, take the outputs after dropout and the root of the sum.
    """
    squares = (jnp.square(hidden).sum() / len(hidden) for hidden in seen.activations)
    return strength * sum(squares, jnp.zeros(()))


def bias_penalty(seen: Seen, *, strength: Float[Array, ""]) -> Float[Array, ""]:
    """`strength * sum(b**2)` over the biases of dense layers; strength >= 0, neutral at 0.

    It is Keras' bias_regularizer=L2. Where `penalty.biases` is true, L1 and L2 penalize them too. Goodfellow,
    Bengio & Courville 2016, section 7.1, https://www.deeplearningbook.org.
    """
    return strength * sum((jnp.square(bias).sum() for bias in seen.biases), jnp.zeros(()))


def l2_sp(seen: Seen, *, strength: Float[Array, ""]) -> Float[Array, ""]:
    """`strength * sum((w - w0)**2)`; w0 are the weights before the first step; neutral at 0.

    Li, Grandvalet & Davoine 2018, https://arxiv.org/abs/1802.01483. Deviations: they take half of it, and w0
    are pre-trained weights.
    """
    pairs = zip(seen.weights, seen.initial, strict=True)
    return strength * sum(jnp.square(weight - start).sum() for weight, start in pairs)


def confidence_penalty(seen: Seen, *, strength: Float[Array, ""]) -> Float[Array, ""]:
    """`-strength * entropy(softmax(logits))`, the mean over rows; strength >= 0, neutral at 0.

    It is 0 or less: a network that is less sure has the lower loss. Pereyra et al. 2017,
    https://arxiv.org/abs/1701.06548.
    """
    logs = jax.nn.log_softmax(seen.logits)
    return strength * (jnp.exp(logs) * logs).sum(axis=1).mean()


def _size(values: Float[Array, "..."]) -> Float[Array, ""]:
    """`sum(abs(values))`, with a gradient of 0 at 0."""
    return (jnp.sign(values) * values).sum()


def _norms(kernel: Float[Array, "inputs units"], *, axis: int) -> Float[Array, "..."]:
    """The norms along an axis, with a gradient of 0 where they are 0."""
    squares = jnp.square(kernel).sum(axis=axis, keepdims=True)
    return jnp.where(squares > 0, jnp.sqrt(jnp.where(squares > 0, squares, 1)), 0)


def penalized(params: PyTree[Float[Array, "..."]], *, biases: bool) -> list[Float[Array, "..."]]:
    """All kernels and, with `biases`, the biases of dense layers."""
    return _dense(params, ("kernel", "bias") if biases else ("kernel",))


def dense_biases(params: PyTree[Float[Array, "..."]]) -> list[Float[Array, " units"]]:
    """The biases of dense layers."""
    return _dense(params, ("bias",))


def _dense(params: PyTree[Float[Array, "..."]], names: tuple[str, ...]) -> list[Float[Array, "..."]]:
    return [leaf for path, leaf in jax.tree.leaves_with_path(params) if _is_dense(path, names)]


def is_kernel(path: tuple[jax.tree_util.DictKey, ...]) -> bool:
    """Whether a parameter is a dense layer's kernel."""
    return _is_dense(path, ("kernel",))


def _is_dense(path: tuple[jax.tree_util.DictKey, ...], names: tuple[str, ...]) -> bool:
    return str(path[0].key).startswith("dense") and path[-1].key in names
