"""Techniques that change each kernel after its update."""

from typing import Any

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from regjax.techniques.overflow import norm_and_scale

# A trace bounds the spectral norm. Each squaring of its matrix doubles the order of the bound.
SQUARINGS = 6


def max_norm(
    kernel: Float[Array, "inputs units"], rate: Float[Array, ""], *, limit: Float[Array, ""]
) -> Float[Array, "inputs units"]:
    """Scales the incoming weights of each unit to a norm of at most `limit` > 0; neutral: null.

    The learning `rate` does not matter. Srivastava et al. 2014,
    https://jmlr.org/papers/v15/srivastava14a.html. Deviation from Keras' MaxNorm: a unit within the limit
    keeps its bits, and Keras divides by norm + 1e-7 there too.
    """
    del rate
    norms, scales = _incoming_norms(kernel)
    shortened = kernel * scales * (limit / jnp.where(norms > 0, norms, 1))
    return jnp.where(norms / scales > limit, shortened, kernel)


def unit_norm(
    kernel: Float[Array, "inputs units"], rate: Float[Array, ""], *, share: Float[Array, ""]
) -> Float[Array, "inputs units"]:
    """Brings the norm of each unit's incoming weights to 1, by the `share` in [0, 1] of its distance from 1.

    Neutral at 0; at 1 every norm is 1, as in Keras' UnitNorm. Weights of zeros stay. It is Keras'
    MinMaxNorm(1, 1, share) without the 1e-7 in its division. Salimans & Kingma 2016,
    https://arxiv.org/abs/1602.07868. Deviation: their weight norm learns the length, which is 1 here.
    """
    del rate
    norms, scales = _incoming_norms(kernel)
    wanted = share + (1 - share) * (norms / scales)
    return kernel * scales * (wanted / jnp.where(norms > 0, norms, 1))


def spectral_norm(
    kernel: Float[Array, "inputs units"], rate: Float[Array, ""], *, limit: Float[Array, ""]
) -> Float[Array, "inputs units"]:
    """Scales a kernel to a largest singular value of at most `limit` > 0; neutral: null.

    A Schatten norm of order 256 bounds that value from above. With n units it is at most n^(1/256) times as
    large: 2 % for 160 units. So the limit always holds, and a kernel may end up to 2 % below it. Gouk et al.
    2021, https://doi.org/10.1007/s10994-020-05929-w. Deviation: they estimate the value by power iteration,
    which stays below it.
    """
    del rate
    bound = _schatten_norm(kernel)
    return jnp.where(bound > limit, kernel * (limit / bound), kernel)


def proximal_l1(
    kernel: Float[Array, "inputs units"], rate: Float[Array, ""], *, strength: Float[Array, ""]
) -> Float[Array, "inputs units"]:
    """Soft-thresholding: `sign(w) * max(abs(w) - rate * strength, 0)`; strength >= 0, neutral at 0.

    `rate` is the learning rate. Under plain SGD it minimizes the loss with L1 in it, and weights become
    exactly 0. Adam and others scale the gradient: under them it is a decoupled shrinkage with another
    optimum. Daubechies, Defrise & De Mol 2004, https://doi.org/10.1002/cpa.20042.
    """
    return jnp.sign(kernel) * jnp.maximum(jnp.abs(kernel) - rate * strength, 0)


def _incoming_norms(kernel: Float[Array, "inputs units"]) -> tuple[Array, Array]:
    """The norm of each unit's incoming weights times a scale, and the scale."""
    return norm_and_scale(kernel, lambda leaf: jnp.sqrt(jnp.square(leaf).sum(axis=0, keepdims=True)))


def _schatten_norm(kernel: Float[Array, "inputs units"]) -> Float[Array, ""]:
    """`sum(s**p) ** (1 / p)` over the singular values s, with `p = 4 * 2**SQUARINGS`; NaN for zeros.

    The eigenvalues of `kernel.T @ kernel` are the squares of s. Each squaring of a matrix squares its
    eigenvalues, and its trace sums them. The matrix keeps a trace of 1; `log` has the logarithm of the rest.
    """
    largest = jnp.abs(kernel).max()  # divided by it, the squares fit into float32
    tall = (kernel if kernel.shape[0] > kernel.shape[1] else kernel.T) / largest
    power, log = _of_trace_1(_product(tall.T, tall), 0.0)
    for _ in range(SQUARINGS):
        power, log = _of_trace_1(_product(power, power), 2 * log)
    order = 4 * 2**SQUARINGS
    return largest * jnp.exp((2 * log + jnp.log(jnp.square(power).sum())) / order)


def _of_trace_1(matrix: Float[Array, "n n"], log: Any) -> tuple[Float[Array, "n n"], Float[Array, ""]]:
    trace = jnp.trace(matrix)
    return matrix / trace, log + jnp.log(trace)


def _product(left: Float[Array, "n m"], right: Float[Array, "m n"]) -> Float[Array, "n n"]:
    return jnp.matmul(left, right, precision=lax.Precision.HIGHEST)
