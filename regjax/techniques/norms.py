"""Norms of the outputs of a hidden layer, or of the weights into it, as Flax modules."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

# These norms subtract a mean over rows, and that cancels a bias. The bias' gradient would be rounding noise.
CANCEL_BIAS = frozenset({"batch_norm"})


def batch_norm(
    *, momentum: Float[Array, ""], epsilon: Float[Array, ""], groups: int, train: bool, **settings: Any
) -> nn.Module:
    """Batch norm. In training it takes the statistics of the batch, at inference the running statistics.

    The running statistics use the biased variance of the batch, as in Flax and Keras. PyTorch's variance is
    unbiased. `momentum` is the share of the old statistics: 1 minus the momentum of PyTorch. Ioffe & Szegedy
    2015, https://arxiv.org/abs/1502.03167.
    """
    del groups
    # Flax's annotations ask for Python floats, but traced numbers work too.
    numbers: Any = {"momentum": momentum, "epsilon": epsilon}
    return nn.BatchNorm(use_running_average=not train, use_fast_variance=False, **numbers, **settings)


def layer_norm(
    *, momentum: Float[Array, ""], epsilon: Float[Array, ""], groups: int, train: bool, **settings: Any
) -> nn.Module:
    """Layer norm over the units of a layer. It does the same in training and at inference.

    Ba, Kiros & Hinton 2016, https://arxiv.org/abs/1607.06450.
    """
    del momentum, groups, train
    numbers: Any = {"epsilon": epsilon}
    return nn.LayerNorm(use_fast_variance=False, **numbers, **settings)


def rms_norm(
    *, momentum: Float[Array, ""], epsilon: Float[Array, ""], groups: int, train: bool, **settings: Any
) -> nn.Module:
    """Divides by the root of the mean square over the units of a layer, without mean and offset.

    Zhang & Sennrich 2019, https://arxiv.org/abs/1910.07467. They add no epsilon.
    """
    del momentum, groups, train
    numbers: Any = {"epsilon": epsilon}
    return nn.RMSNorm(use_fast_variance=False, **numbers, **settings)


def group_norm(
    *, momentum: Float[Array, ""], epsilon: Float[Array, ""], groups: int, train: bool, **settings: Any
) -> nn.Module:
    """Layer norm over each of `groups` equal parts of a layer's units; scale and offset are those of a unit.

    Wu & He 2018, https://arxiv.org/abs/1803.08494.
    """
    del momentum, train
    numbers: Any = {"num_groups": groups, "epsilon": epsilon}
    return nn.GroupNorm(use_fast_variance=False, **numbers, **settings)


class weight_norm(nn.Module):  # noqa: N801 (named as its row)
    """The kernel `scale * v / ||v||`, where v is the trained kernel and ||v|| the norm of a unit's weights.

    The scale of a unit is a parameter. It begins as ||v||, so that the network begins as it would without.
    Penalties, decay and projections act on v. Salimans & Kingma 2016, https://arxiv.org/abs/1602.07868, take
    the first scale from a batch of data.
    """

    param_dtype: Any

    @nn.compact
    def __call__(self, kernel: Float[Array, "inputs units"]) -> Float[Array, "inputs units"]:
        """The weights that the layer multiplies by."""
        squares = jnp.square(kernel).sum(axis=0)
        lengths = jnp.sqrt(jnp.where(squares > 0, squares, 1))  # the gradient at 0 would be NaN
        scale = self.param("scale", lambda _: lengths.astype(self.param_dtype))
        return kernel * (scale / lengths)[None]
