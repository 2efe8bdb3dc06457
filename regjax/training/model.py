"""The multilayer perceptron, in Flax Linen. No other module imports Flax."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Key

from regjax.training.noise import dropout
from regjax.training.spec import Numerics, StaticSpec
from regjax.training.state import Variables


def _half(left: Float[Array, "rows inner"], right: Float[Array, "inner columns"]) -> Array:
    return jnp.matmul(
        left.astype(jnp.bfloat16), right.astype(jnp.bfloat16), preferred_element_type=jnp.float32
    )


@jax.custom_vjp
def bfloat16_product(
    inputs: Float[Array, "batch features"], kernel: Float[Array, "features units"]
) -> Float[Array, "batch units"]:
    """The matrix product with inputs rounded to bfloat16 and sums in float32; its gradient is computed alike.

    `DotAlgorithmPreset.BF16_BF16_F32` does not do this on CPU: XLA accepts it and computes in float32.
    """
    return _half(inputs, kernel)


def _bfloat16_forward(inputs: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return _half(inputs, kernel), (inputs, kernel)


def _bfloat16_backward(saved: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    inputs, kernel = saved
    return _half(gradient, kernel.T), _half(inputs.T, gradient)


bfloat16_product.defvjp(_bfloat16_forward, _bfloat16_backward)


PRECISIONS: dict[str, Any] = {
    "float32": {"precision": lax.Precision.HIGHEST},
    "tf32": {"precision": lax.DotAlgorithmPreset.TF32_TF32_F32},
    "bfloat16": {"dot_general": lambda inputs, kernel, *_, **__: bfloat16_product(inputs, kernel)},
}


class MLP(nn.Module):
    """Dense layers, each followed by norm, activation, dropout and (at equal width only) the residual sum.

    The norm comes before the activation, and a layer before batch norm has no bias (Ioffe & Szegedy 2015).
    The running statistics of batch norm use the biased batch variance, as in Flax and Keras. The last layer
    is dense and gives logits.
    """

    spec: StaticSpec
    numerics: Numerics

    @nn.compact
    def __call__(
        self, inputs: Float[Array, "batch features"], key: Key[Array, ""] | None, *, train_norm: bool
    ) -> Float[Array, "batch classes"]:
        """Dropout is on if there is a `key`. `train_norm`: batch norm uses and records batch statistics."""
        spec, strengths = self.spec, self.numerics.strengths
        outputs = inputs
        if key is not None and "input_dropout" in spec.active:
            outputs = dropout(jax.random.fold_in(key, 0), strengths.input_dropout, outputs)
        for layer, width in enumerate(spec.hidden):
            incoming = outputs
            # Batch norm subtracts the mean and so cancels a bias, whose gradient would be rounding noise.
            dense = self._dense(layer, width, use_bias=spec.use_bias and spec.norm != "batch")
            outputs = self._norm(layer, dense(incoming), train=train_norm)
            outputs = getattr(nn, spec.activation)(outputs)
            if key is not None and spec.dropout_layers[layer]:
                outputs = dropout(jax.random.fold_in(key, layer + 1), strengths.dropout[layer], outputs)
            if spec.residual and incoming.shape == outputs.shape:
                outputs = outputs + incoming
        return self._dense(len(spec.hidden), spec.num_classes, use_bias=spec.use_bias)(outputs)

    def _dense(self, layer: int, width: int, *, use_bias: bool) -> nn.Module:
        spec = self.spec
        stddev = (self.numerics.init_stddev,) if spec.kernel_init == "normal" else ()
        return nn.Dense(
            width,
            use_bias=use_bias,
            kernel_init=getattr(nn.initializers, spec.kernel_init)(*stddev),
            param_dtype=jnp.result_type(float),
            name=f"dense_{layer}",
            **PRECISIONS[spec.precision],
        )

    def _norm(self, layer: int, outputs: Array, *, train: bool) -> Array:
        # Flax's annotations ask for Python floats, but traced numbers work too.
        numbers: Any = self.numerics.norm
        shared = {"epsilon": numbers.epsilon, "use_fast_variance": False, "name": f"norm_{layer}"}
        shared["param_dtype"] = jnp.result_type(float)
        if self.spec.norm == "batch":
            return nn.BatchNorm(use_running_average=not train, momentum=numbers.momentum, **shared)(outputs)
        return nn.LayerNorm(**shared)(outputs) if self.spec.norm == "layer" else outputs


def init(key: Key[Array, ""], numerics: Numerics, *, spec: StaticSpec) -> Variables:
    """Fresh variables. A kernel depends on the key, its layer and its shape, not on other layers."""
    dtype = jnp.result_type(float)
    inputs = jnp.zeros((1, spec.num_features), dtype)
    variables = MLP(spec, numerics).init(key, inputs, None, train_norm=False)
    # Flax starts running statistics in float32, whatever the type of the parameters.
    batch_stats = jax.tree.map(lambda leaf: leaf.astype(dtype), variables.get("batch_stats", {}))
    return Variables(variables["params"], batch_stats)


def train_logits(
    key: Key[Array, ""],
    variables: Variables,
    inputs: Float[Array, "batch features"],
    numerics: Numerics,
    *,
    spec: StaticSpec,
) -> tuple[Float[Array, "batch classes"], Any]:
    """Logits in training, with noise, and the new running statistics."""
    logits, updated = MLP(spec, numerics).apply(
        variables._asdict(), inputs, key, train_norm=True, mutable=["batch_stats"]
    )
    return logits, updated.get("batch_stats", {})


def logits(
    variables: Variables,
    inputs: Float[Array, "batch features"],
    numerics: Numerics,
    *,
    spec: StaticSpec,
    key: Key[Array, ""] | None = None,
) -> Float[Array, "batch classes"]:
    """Logits at inference: normalised by running statistics, and without noise.

    With a key, under one draw of the dropout masks (Gal & Ghahramani 2016,
    https://proceedings.mlr.press/v48/gal16.html).
    """
    outputs: Array = MLP(spec, numerics).apply(variables._asdict(), inputs, key, train_norm=False)  # type: ignore[assignment]
    return outputs
