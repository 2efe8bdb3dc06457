"""The multilayer perceptron, in Flax Linen. Only this module and the norms import Flax."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Key

from regjax.techniques import hooks
from regjax.techniques.declaration import Hook
from regjax.techniques.norms import CANCEL_BIAS
from regjax.techniques.passes import Keys
from regjax.techniques.schedules import Strengths, strengths_at
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
    """The matrix product, and its gradient, with inputs rounded to bfloat16 and sums in float32.

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

# Flax keeps what a module sows under the first name only for a caller that asks for it.
SOWN, ACTIVATIONS = "intermediates", "activations"


class MLP(nn.Module):
    """Dense layers. Each is followed by the norm, the activation, noise and (at equal widths) a residual sum.

    With `spec.resnet` it is the tabular ResNet of Gorishniy et al. 2021, https://arxiv.org/abs/2106.11959: a
    dense layer, blocks `x + dense(activation(dense(norm(x))))`, then norm and activation. Noise follows each
    of its activations and of its other dense layers. Deviation: theirs spares the first one, as
    `model.dropout=[0,...]` does.

    A layer before batch norm has no bias (Ioffe & Szegedy 2015). The last layer is dense and returns logits.
    """

    spec: StaticSpec
    numerics: Numerics

    @nn.compact
    def __call__(
        self,
        inputs: Float[Array, "batch features"],
        keys: Keys | None,
        strengths: Strengths,
        *,
        train_norm: bool,
    ) -> Float[Array, "batch classes"]:
        """`keys` turn noise on. With `train_norm`, batch norm uses and records batch statistics."""
        outputs = hooks.noisy(keys, inputs, strengths)
        hidden = self._resnet if self.spec.resnet else self._layers
        outputs = hidden(keys, outputs, strengths, train=train_norm)
        return self._dense(keys, strengths, len(self.spec.hidden))(outputs)

    def _layers(self, keys: Keys | None, outputs: Array, strengths: Strengths, *, train: bool) -> Array:
        for layer in range(len(self.spec.hidden)):
            incoming = outputs
            outputs = self._dense(keys, strengths, layer)(incoming)
            outputs = self._activated(self._norm(layer, outputs, train=train))
            outputs = hooks.noisy(keys, outputs, strengths, layer=layer)
            if layer in self.spec.blocks:
                outputs = self._block(keys, outputs, strengths, layer) + incoming
        return outputs

    def _resnet(self, keys: Keys | None, outputs: Array, strengths: Strengths, *, train: bool) -> Array:
        outputs = hooks.noisy(keys, self._dense(keys, strengths, 0)(outputs), strengths, layer=0)
        for layer in self.spec.blocks:
            incoming = outputs
            outputs = self._dense(keys, strengths, layer)(self._norm(layer, incoming, train=train))
            outputs = hooks.noisy(keys, self._activated(outputs), strengths, layer=layer)
            outputs = self._dense(keys, strengths, layer + 1)(outputs)
            outputs = hooks.noisy(keys, outputs, strengths, layer=layer + 1)
            outputs = self._block(keys, outputs, strengths, layer) + incoming
        return self._activated(self._norm(len(self.spec.hidden), outputs, train=train))

    def _activated(self, outputs: Array) -> Array:
        outputs = getattr(nn, self.spec.activation)(outputs)
        self.sow(SOWN, ACTIVATIONS, outputs)
        return outputs

    def _block(self, keys: Keys | None, outputs: Array, strengths: Strengths, layer: int) -> Array:
        """The outputs of the residual block that begins with a layer, before its sum."""
        blocks = self.spec.blocks
        return hooks.block(keys, outputs, strengths, number=blocks.index(layer) + 1, blocks=len(blocks))

    def _dense(self, keys: Keys | None, strengths: Strengths, layer: int) -> nn.Module:
        """A dense layer. The last one gives the logits."""
        spec, last = self.spec, layer == len(self.spec.hidden)
        inner = spec.resnet and layer in spec.blocks  # an activation stands between it and the next norm
        cancelled = bool(CANCEL_BIAS & spec.active) and not (last or inner)
        stddev = (self.numerics.init_stddev,) if spec.kernel_init == "normal" else ()
        precision = dict(PRECISIONS[spec.precision])
        product = precision.pop("dot_general", lax.dot_general)
        norm = None if last else hooks.norm_of(Hook.KERNEL_NORM, spec.active)
        normed = norm(param_dtype=jnp.result_type(float), name=f"norm_{layer}") if norm else None

        def dot_general(inputs: Array, kernel: Array, *dimensions: Any, **settings: Any) -> Array:
            kernel = normed(kernel) if normed else kernel
            kernel = hooks.noisy_kernel(keys, kernel, strengths, layer=layer)
            outputs: Array = product(inputs, kernel, *dimensions, **settings)
            return outputs

        return nn.Dense(
            spec.num_classes if last else spec.hidden[layer],
            use_bias=spec.use_bias and not cancelled,
            kernel_init=getattr(nn.initializers, spec.kernel_init)(*stddev),
            param_dtype=jnp.result_type(float),
            name=f"dense_{layer}",
            dot_general=dot_general,
            **precision,
        )

    def _norm(self, layer: int, outputs: Array, *, train: bool) -> Array:
        norm = hooks.norm_of(Hook.NORM, self.spec.active)
        settings = {"param_dtype": jnp.result_type(float), "name": f"norm_{layer}"}
        settings |= {"groups": self.spec.norm_groups}
        return norm(**self.numerics.norm._asdict(), train=train, **settings)(outputs) if norm else outputs


def init(key: Key[Array, ""], numerics: Numerics, *, spec: StaticSpec) -> Variables:
    """New variables. A kernel depends on the key, its layer and its shape, not on other layers."""
    dtype = jnp.result_type(float)
    inputs = jnp.zeros((1, spec.num_features), dtype)
    variables = MLP(spec, numerics).init(key, inputs, None, {}, train_norm=False)
    # Flax starts running statistics in float32, whatever the type of the parameters.
    batch_stats = jax.tree.map(lambda leaf: leaf.astype(dtype), variables.get("batch_stats", {}))
    return Variables(variables["params"], batch_stats)


def train_logits(
    keys: Keys | None,
    variables: Variables,
    inputs: Float[Array, "batch features"],
    strengths: Strengths,
    numerics: Numerics,
    *,
    spec: StaticSpec,
) -> tuple[Float[Array, "batch classes"], Any, tuple[Float[Array, "batch units"], ...]]:
    """Logits in training, with noise of the given strengths, the new running statistics, and the activations
    of each hidden layer.
    """
    logits, updated = MLP(spec, numerics).apply(
        _collections(variables), inputs, keys, strengths, train_norm=True, mutable=["batch_stats", SOWN]
    )
    return logits, updated.get("batch_stats", {}), updated.get(SOWN, {}).get(ACTIVATIONS, ())


def logits(
    variables: Variables,
    inputs: Float[Array, "batch features"],
    numerics: Numerics,
    *,
    spec: StaticSpec,
    keys: Keys | None = None,
) -> Float[Array, "batch classes"]:
    """Logits at inference: batch norm takes the running statistics, and there is no noise.

    With `keys` there is one draw of noise, at the strengths at the end of training (Gal & Ghahramani 2016,
    https://proceedings.mlr.press/v48/gal16.html).
    """
    network = MLP(spec, numerics)
    strengths = strengths_at(jnp.ones(()), numerics.strengths, schedules=spec.schedules)
    outputs: Array = network.apply(_collections(variables), inputs, keys, strengths, train_norm=False)  # type: ignore[assignment]
    return outputs


def _collections(variables: Variables) -> dict[str, Any]:
    """As Flax takes them."""
    return {"params": variables.params, "batch_stats": variables.batch_stats}
