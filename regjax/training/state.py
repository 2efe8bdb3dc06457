"""What lanes read, carry and leave. On the device, the tuples of batched runs have a leading `lanes` axis."""

from typing import NamedTuple

from jaxtyping import Array, Bool, Float, Int, Num, PyTree, Shaped


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
