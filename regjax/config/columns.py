"""The columns that `report.columns` can add to a comparison. Each has the name of an entry of a summary."""

from math import inf
from typing import Any

from regjax.errors import invalid_choice

METRICS = {
    "train_accuracy": "train acc",
    "val_accuracy": "val acc",
    "test_accuracy": "test acc",
    "best_val_accuracy": "best val acc (optimistic)",
    "train_loss": "train loss",
    "val_loss": "val loss",
    "test_loss": "test loss",
}
EPOCHS_TO = "epochs_to"
COLUMNS = METRICS | {
    "gap": "gap",
    "selected_epoch": "selected epoch",
    EPOCHS_TO: "epochs to accuracy",
    "seconds": "seconds",
    "zeros": "exact zeros",
    "sparsity": "share under .001",
    "kernel_norm": "kernel norm",
    "val_calibration_error": "val calibration error",
    "test_calibration_error": "test calibration error",
}
SHARES = ("accuracy", "zeros", "sparsity", "calibration_error")  # columns that end so lie in [0, 1]
OF_ANY_SIGN = ("gap",)
SETS = {
    "regularization": [
        *("train_accuracy", "test_accuracy", "gap", "selected_epoch", "zeros", "kernel_norm", "seconds")
    ],
}


def columns_of(chosen: Any, *, key: str = "report.columns") -> tuple[str, ...]:
    """The columns that `report.columns` names: by a list, by one name, or by the name of a set. Null is none.

    Raises `UserError` for a name that no column has.
    """
    names: list[str] = []
    for name in [] if chosen is None else chosen if isinstance(chosen, list) else [chosen]:
        if name not in COLUMNS and name not in SETS:
            raise invalid_choice(key, name, [*COLUMNS, *SETS])
        names += SETS.get(name, [name])
    return tuple(dict.fromkeys(names))


def limits_of(column: str) -> tuple[float, float]:
    """The smallest and the largest value that a column can have."""
    if column in OF_ANY_SIGN:
        return -inf, inf
    return 0.0, 1.0 if column.endswith(SHARES) else inf
