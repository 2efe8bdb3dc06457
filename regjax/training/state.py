"""The inputs, state and results of a lane. In batched programs every leaf has a leading `lanes` axis."""

from typing import NamedTuple

from jaxtyping import Array, Bool, Float, Int, Num, PyTree, Shaped


class Rows(NamedTuple):
    """A lane's row numbers and scaling, on the device."""

    train: Int[Array, " train"]
    sample: Int[Array, " sample"]
    validation: Int[Array, " validation"]
    shift: Float[Array, " features"]
    scale: Float[Array, " features"]


class DeviceData(NamedTuple):
    """The dataset that all lanes share, on the device in its smallest dtype."""

    inputs: Num[Array, "rows features"]
    labels: Int[Array, " rows"]


class Variables(NamedTuple):
    """The parameters and the running statistics of batch norm: all that inference needs.

    With temperature scaling the logits of evaluated variables are divided by their `temperature`.
    """

    params: PyTree[Float[Array, "..."]]
    batch_stats: PyTree[Float[Array, "..."]]
    temperature: Float[Array, ""] | None = None


class StoppingState(NamedTuple):
    """The state of early stopping. `best` is the monitor's best value, at `best_epoch` (0: none yet)."""

    best: Float[Array, ""]
    best_epoch: Int[Array, ""]
    wait: Int[Array, ""]


class PlateauState(NamedTuple):
    """The state of the learning rate's reduction: `scale` is the product of the factors so far."""

    best: Float[Array, ""]
    wait: Int[Array, ""]
    scale: Float[Array, ""]


class TrainState(NamedTuple):
    """The state of a lane between two epochs.

    `averages` has the state of each average that is on. `best` is a copy of the variables that evaluation
    read at `stopping.best_epoch`, or None if the best epoch is not restored. `plateau` and `temperature` are
    None without their technique. `epoch` and `step` count finished epochs and steps. A lane that is not
    `active` has finished, stopped or diverged. `blown` maps each ledger term to the first step of the last
    epoch with a value that is not finite, or to 0.
    """

    variables: Variables
    optimizer: PyTree[Shaped[Array, "..."]]
    averages: dict[str, PyTree[Shaped[Array, "..."]]]
    stopping: StoppingState
    plateau: PlateauState | None
    temperature: Float[Array, ""] | None
    best: Variables | None
    step: Int[Array, ""]
    epoch: Int[Array, ""]
    active: Bool[Array, ""]
    diverged: Bool[Array, ""]
    blown: dict[str, Int[Array, ""]]


class Metrics(NamedTuple):
    """Means over rows, without noise. `loss` is the data loss with hard labels, without penalties."""

    loss: Float[Array, ""]
    accuracy: Float[Array, ""]


class EpochRecord(NamedTuple):
    """One epoch of a lane: means over its steps, and clean metrics. `ledger` sums to `objective`."""

    epoch: Int[Array, ""]
    objective: Float[Array, ""]
    ledger: dict[str, Float[Array, ""]]
    train: Metrics
    validation: Metrics


class Evaluation(NamedTuple):
    """The final metrics at the selected epoch, on all rows, and the share of weights near zero.

    `calibration_errors` has the errors on training, validation and test rows. `test_hits` says for each test
    row whether the network was right.
    """

    train: Metrics
    test: Metrics
    sparsity: Float[Array, ""]
    calibration_errors: tuple[Float[Array, ""], ...]
    test_hits: Bool[Array, " test"]


class Ended(NamedTuple):
    """The result of a lane, on the host: the selected variables, their epoch and their metrics.

    `blown` comes from `TrainState`, or is None if the lane has not diverged.
    """

    variables: Variables
    epoch: int
    evaluation: Evaluation
    blown: dict[str, int] | None
