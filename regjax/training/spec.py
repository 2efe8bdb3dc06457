"""The inputs of the training program. The static spec is compiled into it, and the numerics are traced."""

from itertools import pairwise
from typing import NamedTuple

from jaxtyping import Array, Float, Int, Integer

from regjax.techniques.schedules import Strengths


class OptimizerNumbers(NamedTuple):
    """Traced numbers of the optimizer. A number that its kind does not use is 0."""

    learning_rate: Float[Array, ""]
    momentum: Float[Array, ""]
    beta1: Float[Array, ""]
    beta2: Float[Array, ""]
    rho: Float[Array, ""]
    epsilon: Float[Array, ""]


class ScheduleNumbers(NamedTuple):
    """Traced numbers of the learning-rate schedule, in epochs. A number that its kind does not use is 0."""

    warmup_epochs: Float[Array, ""]
    final_fraction: Float[Array, ""]
    decay_rate: Float[Array, ""]
    decay_epochs: Float[Array, ""]


class StoppingNumbers(NamedTuple):
    """Traced numbers of early stopping. Without a baseline, `baseline` is the worst value, +-infinity."""

    min_delta: Float[Array, ""]
    baseline: Float[Array, ""]
    start_from_epoch: Int[Array, ""]


class NormNumbers(NamedTuple):
    """Traced numbers of batch and layer normalisation."""

    momentum: Float[Array, ""]
    epsilon: Float[Array, ""]


class Numerics(NamedTuple):
    """All traced numbers of a run. One compiled program serves all values of them.

    `strengths` has the numbers of the techniques that are on, by the names in `StaticSpec.active`.
    """

    seed: Integer[Array, ""]
    epochs: Int[Array, ""]
    init_stddev: Float[Array, ""]
    norm: NormNumbers
    strengths: Strengths
    optimizer: OptimizerNumbers
    schedule: ScheduleNumbers
    stopping: StoppingNumbers


class StaticSpec(NamedTuple):
    """Everything that changes the compiled program. It is hashable. Runs with equal specs share one program.

    `active` has the names of the techniques that are on, such as `l2`, `dropout/1` and `batch_norm`.
    `schedules` has the kind of schedule of each technique that follows one. `image_shape` is None unless a
    technique that is on reads it. `norm_groups` is 0 without group norm.
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
    residual: bool
    resnet: bool
    norm_groups: int
    use_bias: bool
    kernel_init: str
    active: frozenset[str]
    schedules: tuple[tuple[str, str], ...]
    penalize_biases: bool
    optimizer: str
    momentum: bool
    nesterov: bool
    schedule: str
    warmup: bool
    monitor: str
    mode: str
    restores_best: bool
    precision: str
    image_shape: tuple[int, int, int] | None

    @property
    def steps_per_epoch(self) -> int:
        """The number of full batches among the training rows."""
        return self.train_rows // self.batch_size

    @property
    def blocks(self) -> tuple[int, ...]:
        """The hidden layers, from 0, with which residual blocks begin.

        A block is a hidden layer as wide as its input. With `resnet` it is two layers, and they follow the
        first layer.
        """
        if self.resnet:
            return tuple(range(1, len(self.hidden), 2))
        widths = enumerate(pairwise((self.num_features, *self.hidden)))
        return tuple(layer for layer, (inner, outer) in widths if self.residual and inner == outer)

    @property
    def num_weights(self) -> int:
        """The number of entries of all kernels, without biases and norms."""
        return sum(a * b for a, b in pairwise((self.num_features, *self.hidden, self.num_classes)))
