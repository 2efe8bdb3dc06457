"""regjax: multilayer perceptrons under any combination of regularizers, compared with honest statistics.

In Python, `load` takes a run, `runs` takes all runs in folders, and `compare` compares their variants. They
raise `UserError` for wrong input. Nothing else loads before one of them is called.
"""

from __future__ import annotations

from regjax.errors import UserError

TYPE_CHECKING = False  # type checkers take it for true; the module `typing` would have to load
if TYPE_CHECKING:
    from os import PathLike

    from regjax.report.notebook import ComparedVariants
    from regjax.results import TrainedRun, TrainedRuns

    Folder = str | PathLike[str]

__all__ = ["UserError", "compare", "load", "runs"]
__version__ = "0.2.0"


def load(directory: Folder) -> TrainedRun:
    """The run in a directory, with `summary`, `config`, `metrics`, `predict` and `predict_proba`."""
    from pathlib import Path

    from regjax import results

    return results.load(Path(directory))


def compare(
    *folders: Folder, metric: str | None = None, baseline: str | None = None, within: str | None = None
) -> ComparedVariants:
    """Compares the variants in folders of runs or sweeps, as `python -m regjax.report` does.

    What is None is as the runs' `compare.metric`, `compare.baseline` and `compare.within` say.
    """
    from pathlib import Path

    from regjax import results

    paths = [Path(folder) for folder in folders]
    return results.compare(paths, metric=metric, baseline=baseline, within=within)


def runs(*folders: Folder) -> TrainedRuns:
    """All runs in and below folders: a list, and a table with `.to_pandas()`."""
    from pathlib import Path

    from regjax import results

    return results.load_runs([Path(folder) for folder in folders])
