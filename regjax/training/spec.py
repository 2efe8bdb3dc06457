"""What a run's program is made of: the static spec is compiled, the numerics are traced."""

from itertools import pairwise
from typing import NamedTuple

from jaxtyping import Array, Float, Int, Integer


class Strengths(NamedTuple):
    """How hard each regularizer pushes; a strength at its neutral value, 0, is not in the program."""

    input_dropout: Float[Array, ""]
    dropout: Float[Array, " layers"]
    l1: Float[Array, ""]
    l2: Float[Array, ""]
    weight_decay: Float[Array, ""]


class OptimizerNumbers(NamedTuple):
    """Traced numbers of the optimizer; those that its kind does not read are 0; infinity clips nothing."""

    learning_rate: Float[Array, ""]
    momentum: Float[Array, ""]
    beta1: Float[Array, ""]
    beta2: Float[Array, ""]
    rho: Float[Array, ""]
    epsilon: Float[Array, ""]
    clip_norm: Float[Array, ""]


class ScheduleNumbers(NamedTuple):
    """Traced numbers of the learning-rate schedule, in epochs; those that its kind does not read are 0."""

    warmup_epochs: Float[Array, ""]
    final_fraction: Float[Array, ""]
    decay_rate: Float[Array, ""]
    decay_epochs: Float[Array, ""]


class StoppingNumbers(NamedTuple):
    """Traced numbers of early stopping; `baseline` is infinitely easy to beat where none was asked for."""

    min_delta: Float[Array, ""]
    patience: Int[Array, ""]
    baseline: Float[Array, ""]
    start_from_epoch: Int[Array, ""]


class NormNumbers(NamedTuple):
    """Traced numbers of batch and layer normalisation."""

    momentum: Float[Array, ""]
    epsilon: Float[Array, ""]


class Numerics(NamedTuple):
    """Every traced number of a run: one compiled program serves all their values."""

    seed: Integer[Array, ""]
    epochs: Int[Array, ""]
    init_stddev: Float[Array, ""]
    norm: NormNumbers
    strengths: Strengths
    optimizer: OptimizerNumbers
    schedule: ScheduleNumbers
    stopping: StoppingNumbers


class StaticSpec(NamedTuple):
    """All that changes the compiled program; hashable. Runs whose specs are equal share one program.

    `active` names the terms whose strength is not neutral: of `input_dropout`, `l1`, `l2`, `weight_decay`,
    `momentum`, `clip_norm`, `warmup`; `dropout_layers` says the same of each hidden layer's dropout.
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
        """Entries of all kernels; biases and norms add a few for each unit."""
        return sum(a * b for a, b in pairwise((self.num_features, *self.hidden, self.num_classes)))
