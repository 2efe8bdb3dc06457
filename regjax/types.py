"""The tuples that cross modules. Where runs are batched, those on the device have a leading `lanes` axis."""

from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, Bool, Float, Int, Integer, Num, PyTree, Shaped


class Dataset(NamedTuple):
    """One dataset, unsplit, on the host.

    The set's own test part, where it has one, is its last `test_rows` rows (0: it has none).
    `pixel_max` is the largest value an image's pixel can take, and None for tables.
    """

    name: str
    inputs: Num[np.ndarray, "rows features"]
    labels: Int[np.ndarray, " rows"]
    num_classes: int
    test_rows: int
    pixel_max: int | None


class Split(NamedTuple):
    """Row numbers of a dataset, on the host; `validation` and `test` may be empty.

    `sample` is a fixed part of `train`, on which the clean training metrics of each epoch are taken.
    """

    train: Int[np.ndarray, " train"]
    sample: Int[np.ndarray, " sample"]
    validation: Int[np.ndarray, " validation"]
    test: Int[np.ndarray, " test"]


class Scaling(NamedTuple):
    """Inputs enter the network as `(inputs - shift) * scale`."""

    shift: Float[np.ndarray, " features"]
    scale: Float[np.ndarray, " features"]


class Rows(NamedTuple):
    """What a lane reads while it trains: its row numbers and its scaling, on the device."""

    train: Int[Array, " train"]
    sample: Int[Array, " sample"]
    validation: Int[Array, " validation"]
    shift: Float[Array, " features"]
    scale: Float[Array, " features"]


class DeviceData(NamedTuple):
    """The dataset all lanes share, on the device in its smallest dtype."""

    inputs: Num[Array, "rows features"]
    labels: Int[Array, " rows"]


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


class Variables(NamedTuple):
    """What evaluation needs of a network: its parameters and the running statistics of batch norm."""

    params: PyTree[Float[Array, "..."]]
    batch_stats: PyTree[Float[Array, "..."]]


class StoppingState(NamedTuple):
    """Where early stopping stands: `best` is the monitor's best value, at `best_epoch` (0: none yet)."""

    best: Float[Array, ""]
    best_epoch: Int[Array, ""]
    wait: Int[Array, ""]


class TrainState(NamedTuple):
    """All that a lane carries from one epoch to the next.

    `best` is a copy of the variables at `stopping.best_epoch`, and None where the best epoch is not restored.
    `epoch` and `step` count what is done; a lane that is not `active` has finished, stopped or diverged.
    `blown` has for each term of the ledger the first step of the last epoch at which it was not finite, or 0.
    """

    variables: Variables
    optimizer: PyTree[Shaped[Array, "..."]]
    stopping: StoppingState
    best: Variables | None
    step: Int[Array, ""]
    epoch: Int[Array, ""]
    active: Bool[Array, ""]
    diverged: Bool[Array, ""]
    blown: dict[str, Int[Array, ""]]


class Metrics(NamedTuple):
    """Mean over rows, with clean parameters: `loss` is the data loss with hard labels, no penalty in it."""

    loss: Float[Array, ""]
    accuracy: Float[Array, ""]


class EpochRecord(NamedTuple):
    """One epoch of one lane; the entries of `ledger` sum to `objective`, all are means over its steps."""

    epoch: Int[Array, ""]
    objective: Float[Array, ""]
    ledger: dict[str, Float[Array, ""]]
    train: Metrics
    validation: Metrics


class Evaluation(NamedTuple):
    """What is measured once, at the selected epoch: metrics on all rows, and the share of zero weights."""

    train: Metrics
    test: Metrics
    sparsity: Float[Array, ""]


class Ended(NamedTuple):
    """What a lane leaves, on the host: the selected variables, their epoch, their metrics.

    `blown` is None for a lane that has not diverged, and else that of its state.
    """

    variables: Variables
    epoch: int
    evaluation: Evaluation
    blown: dict[str, int] | None


class Run(NamedTuple):
    """A resolved run, ready to be trained.

    `config` is flat, by dotted key; `hidden` has what is saved in the place of texts from the environment.
    `digest` is of the dataset. `changes` are those of its settings since it began. `cores` are those that the
    process may use where the device is a CPU, on which last bits depend, and None elsewhere. `job` has the
    `number` of a sweep's job, in the grid's order, and its `folder` in that of the sweep; it is None without
    a sweep.
    """

    directory: Path
    config: dict[str, Any]
    hidden: dict[str, str]
    overrides: list[str]
    spec: StaticSpec
    numerics: Numerics
    split: Split
    scaling: Scaling
    dataset: Dataset
    digest: str
    fingerprint: str
    identity: str
    changes: tuple[dict[str, Any], ...] = ()
    cores: int | None = None
    job: dict[str, Any] | None = None
