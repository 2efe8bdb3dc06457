"""regjax: multilayer perceptrons under any combination of regularizers, compared with honest statistics.

`load` reads a run, `runs` reads all runs in folders, and `compare` compares their variants. They raise
`UserError` for wrong input. Other modules load only when one of these functions is called.
"""

from __future__ import annotations

from regjax.errors import UserError

TYPE_CHECKING = False  # type checkers take it for true, and the module `typing` need not load
if TYPE_CHECKING:
    from os import PathLike

    from regjax.report.notebook import ComparedVariants
    from regjax.results import TrainedRun, TrainedRuns

    Folder = str | PathLike[str]

__all__ = ["UserError", "compare", "load", "runs"]
__version__ = "0.2.0"


def load(directory: Folder) -> TrainedRun:
    """Reads the run in a folder. It has `summary`, `config`, `metrics`, `predict` and `predict_proba`."""
    from pathlib import Path

    from regjax import results

    return results.load(Path(directory))


def compare(
    *folders: Folder, metric: str | None = None, baseline: str | None = None, within: str | None = None
) -> ComparedVariants:
    """Compares the variants in folders of runs or sweeps, as `python -m regjax.report` does.

    None means the runs' own `compare.metric`, `compare.baseline` or `compare.within`.
    """
    from pathlib import Path

    from regjax import results

    paths = [Path(folder) for folder in folders]
    return results.compare(paths, metric=metric, baseline=baseline, within=within)


def runs(*folders: Folder) -> TrainedRuns:
    """Reads all runs in and below folders. The result is a list; `.to_pandas()` makes it a table."""
    from pathlib import Path

    from regjax import results

    return results.load_runs([Path(folder) for folder in folders])
