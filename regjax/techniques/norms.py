"""Norms of the outputs of a hidden layer, as Flax modules."""

from typing import Any

import flax.linen as nn
from jaxtyping import Array, Float

# These norms subtract a mean over rows, and that cancels a bias. The bias' gradient would be rounding noise.
CANCEL_BIAS = frozenset({"batch_norm"})


def batch_norm(
    *, momentum: Float[Array, ""], epsilon: Float[Array, ""], train: bool, **settings: Any
) -> nn.Module:
    """Batch norm. In training it takes the statistics of the batch, at inference the running statistics.

    The running statistics use the biased variance of the batch, as in Flax and Keras. PyTorch's variance is
    unbiased. `momentum` is the share of the old statistics: 1 minus the momentum of PyTorch. Ioffe & Szegedy
    2015, https://arxiv.org/abs/1502.03167.
    """
    # Flax's annotations ask for Python floats, but traced numbers work too.
    numbers: Any = {"momentum": momentum, "epsilon": epsilon}
    return nn.BatchNorm(use_running_average=not train, use_fast_variance=False, **numbers, **settings)


def layer_norm(
    *, momentum: Float[Array, ""], epsilon: Float[Array, ""], train: bool, **settings: Any
) -> nn.Module:
    """Layer norm over the units of a layer. It does the same in training and at inference.

    Ba, Kiros & Hinton 2016, https://arxiv.org/abs/1607.06450.
    """
    del momentum, train
    numbers: Any = {"epsilon": epsilon}
    return nn.LayerNorm(use_fast_variance=False, **numbers, **settings)
