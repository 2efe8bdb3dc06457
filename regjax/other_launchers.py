"""Sweeps by Hydra's launchers of separate processes: what is said where such a process ends by itself."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from traceback import walk_tb
from typing import Any

from regjax.config import report_command
from regjax.errors import UserError

PACKAGES = ("joblib", "submitit", "ray")
BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


def counted(main: Callable[[], Any]) -> Callable[[], Any]:
    """Hydra's main, that tells how many of the requested jobs are done where one of their processes died."""

    @wraps(main)
    def call() -> Any:
        try:
            return main()
        except Exception as error:
            if type(error).__module__.partition(".")[0] not in PACKAGES:
                raise
            raise UserError(_told(error)) from error

    return call


def _told(error: Exception) -> str:
    first = str(error).strip().partition("\n")[0]
    told = f"a job's process ended by itself ({type(error).__name__}: {first})"
    sweeper = _sweeper(error)
    if sweeper is None:
        return told
    from regjax.archive import read_archive

    requested = sum(map(len, sweeper.overrides))
    directory = Path(str(sweeper.config.hydra.sweep.dir)).absolute()
    done = [held for held in read_archive(directory).runs if held.summary["status"] == "done"]
    return (
        f"{told}.\n{len(done)} of {requested} jobs are done in {directory}. The same command with "
        f"hydra.sweep.dir={directory} goes on; {report_command(directory)} compares what is done."
    )


def _sweeper(error: Exception) -> Any:
    """Hydra's grid sweeper among the frames that an error came through: Hydra offers no other way to it.

    By its name: Hydra loads the class once more than it is imported.
    """
    for frame, _ in walk_tb(error.__traceback__):
        kind = type(held := frame.f_locals.get("self"))
        if f"{kind.__module__}.{kind.__qualname__}" == BASIC_SWEEPER:
            return held
    return None
