"""Sweeps by Hydra's launchers of separate processes: what is said where such a process ends by itself."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from traceback import walk_tb
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

from regjax.errors import UserError

PACKAGES = ("joblib", "submitit", "ray")


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
    frames = (frame.f_locals.get("self") for frame, _ in walk_tb(error.__traceback__))
    sweeper = next((held for held in frames if isinstance(held, BasicSweeper)), None)
    if sweeper is None or sweeper.config is None or sweeper.overrides is None:
        return told
    from regjax.archive import read_archive

    requested = sum(map(len, sweeper.overrides))
    directory = Path(str(sweeper.config.hydra.sweep.dir)).absolute()
    done = [held for held in read_archive(directory).runs if held.summary["status"] == "done"]
    return (
        f"{told}.\n{len(done)} of {requested} jobs are done in {directory}. The same command with "
        f"hydra.sweep.dir={directory} goes on; python -m regjax.report {directory} compares what is done."
    )
