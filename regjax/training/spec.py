"""The inputs of the training program: the static spec is compiled in, the numerics are traced."""

from itertools import pairwise
from typing import NamedTuple

from jaxtyping import Array, Float, Int, Integer


class Strengths(NamedTuple):
    """The strength of each regularizer. At its neutral value, 0, the program leaves the term out."""

    input_dropout: Float[Array, ""]
    dropout: Float[Array, " layers"]
    l1: Float[Array, ""]
    l2: Float[Array, ""]
    weight_decay: Float[Array, ""]


class OptimizerNumbers(NamedTuple):
    """Traced numbers of the optimizer; 0 if its kind does not use them. `clip_norm` is infinite if off."""

    learning_rate: Float[Array, ""]
    momentum: Float[Array, ""]
    beta1: Float[Array, ""]
    beta2: Float[Array, ""]
    rho: Float[Array, ""]
    epsilon: Float[Array, ""]
    clip_norm: Float[Array, ""]


class ScheduleNumbers(NamedTuple):
    """Traced numbers of the learning-rate schedule, in epochs; 0 if its kind does not use them."""

    warmup_epochs: Float[Array, ""]
    final_fraction: Float[Array, ""]
    decay_rate: Float[Array, ""]
    decay_epochs: Float[Array, ""]


class StoppingNumbers(NamedTuple):
    """Traced numbers of early stopping; `baseline` is the worst value, plus or minus infinity, if off."""

    min_delta: Float[Array, ""]
    patience: Int[Array, ""]
    baseline: Float[Array, ""]
    start_from_epoch: Int[Array, ""]


class NormNumbers(NamedTuple):
    """Traced numbers of batch and layer normalisation."""

    momentum: Float[Array, ""]
    epsilon: Float[Array, ""]


class Numerics(NamedTuple):
    """All traced numbers of a run. One compiled program serves all their values."""

    seed: Integer[Array, ""]
    epochs: Int[Array, ""]
    init_stddev: Float[Array, ""]
    norm: NormNumbers
    strengths: Strengths
    optimizer: OptimizerNumbers
    schedule: ScheduleNumbers
    stopping: StoppingNumbers


class StaticSpec(NamedTuple):
    """Everything that changes the compiled program; hashable. Runs with equal specs share one program.

    `active` holds the names of the terms that are not neutral, among `input_dropout`, `l1`, `l2`,
    `weight_decay`, `momentum`, `clip_norm` and `warmup`; `dropout_layers` has a flag per hidden layer.
    """

    num_features: int
    num_classes: int
    train_rows: int
    sample_rows: int
    validation_rows: int
    test_rows: int
    batch_size: int
    evaluation_batch_size: int
    hidden: tuple[int, ...]
    activation: str
    norm: str
    residual: bool
    use_bias: bool
    kernel_init: str
    dropout_layers: tuple[bool, ...]
    active: frozenset[str]
    penalize_biases: bool
    optimizer: str
    nesterov: bool
    schedule: str
    monitor: str
    mode: str
    stops_early: bool
    restores_best: bool
    precision: str

    @property
    def num_weights(self) -> int:
        """The number of entries of all kernels, without biases and norms."""
        return sum(a * b for a, b in pairwise((self.num_features, *self.hidden, self.num_classes)))
