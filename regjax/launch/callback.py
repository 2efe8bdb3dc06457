"""Checks a command after Hydra has composed it and before Hydra writes anything."""

from pathlib import Path
from typing import Any, ClassVar

from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from regjax.config.ranges import MONITOR_MODES
from regjax.errors import RefusedError, UserError, invalid

RUN, SWEEP = "hydra.run.dir", "hydra.sweep.dir"
BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


class BorderCheck(Callback):
    """Refuses a directory that holds something else, and a search in the wrong direction.

    It raises `RefusedError`, because Hydra only warns if a callback raises an `Exception`.
    """

    composed: ClassVar[DictConfig | None] = None
    loader: ClassVar[ConfigLoader | None] = None  # Hydra clears its own before an error comes back

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        self._check(config, RUN, SWEEP)

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        self._check(config, SWEEP, RUN)

    def _check(self, config: DictConfig, key: str, other: str) -> None:
        BorderCheck.composed, BorderCheck.loader = config, GlobalHydra.instance().config_loader()
        from regjax.launch.directories import check_run_directory, check_sweep_directory

        try:
            _check_mode(config, key, other)
            HydraConfig.instance().set_config(config)  # a directory may be named by ${hydra:...}
            directory = Path(str(OmegaConf.select(config, key))).absolute()
            if key == RUN:
                check_run_directory(directory, str(config.hydra.output_subdir))
            else:
                check_sweep_directory(directory)
                _check_subdir(config)
                _check_direction(config)
        except (UserError, OSError) as error:
            raise RefusedError(error) from error
        finally:
            HydraConfig.instance().cfg = None


def _check_mode(config: DictConfig, key: str, other: str) -> None:
    """Refuses a command that names a directory by the other mode's key alone: Hydra would ignore it."""
    given: Any = OmegaConf.to_container(config.hydra.overrides.hydra, resolve=False)
    typed_by_key = {each.key_or_group: each for each in OverridesParser.create().parse_overrides(given)}
    if other in typed_by_key and key not in typed_by_key:
        typed = str(typed_by_key[other].input_line)
        kind = "run (-m makes it a sweep)" if key == RUN else "sweep (hydra.mode=RUN makes it a run)"
        raise UserError(f"{typed}: this command is a {kind}: give {key}={typed.partition('=')[2]}.")


def _check_subdir(config: DictConfig) -> None:
    """Refuses a job's folder outside the sweep, before Hydra makes it."""
    sweep: Any = OmegaConf.to_container(config.hydra.sweep, resolve=False)  # jobs resolve it
    subdir = str(sweep["subdir"])
    if Path(subdir).is_absolute() or ".." in Path(subdir).parts or not Path(subdir).parts:
        raise invalid("hydra.sweep.subdir", subdir, "it must name a folder inside hydra.sweep.dir")


def _check_direction(config: DictConfig) -> None:
    """Refuses a search for the worst value of `early_stopping.monitor`, the sweeper's objective."""
    direction = config.hydra.sweeper.get("direction")
    monitor = OmegaConf.select(config, "early_stopping.monitor")
    better = {"min": "minimize", "max": "maximize"}.get(MONITOR_MODES.get(monitor, ""))
    given = getattr(direction, "name", direction)
    if direction is not None and better and given != better:
        allowed = f"it must be {better}, for the sweeper is given early_stopping.monitor={monitor}"
        raise invalid("hydra.sweeper.direction", given, allowed)


def is_grid(config: DictConfig) -> bool:
    """Whether Hydra's grid sweeper makes the jobs of a command. Others search."""
    return bool(config.hydra.sweeper._target_ == BASIC_SWEEPER)


def grid_of(config: DictConfig) -> list[list[str]]:
    """The overrides of each job that Hydra's grid sweeper makes of a command."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    params = [f"{key}={value}" for key, value in (config.hydra.sweeper.params or {}).items()]
    typed: Any = OmegaConf.to_container(config.hydra.overrides.task, resolve=False)
    parser = OverridesParser.create(config_loader=BorderCheck.loader)
    overrides = parser.parse_overrides([*params, *typed])
    (jobs,) = BasicSweeper.split_arguments(overrides, max_batch_size=None)
    return jobs


def jobs_done() -> str:
    """After a grid broke off: how many of its jobs are done, and how to go on. Else ""."""
    config = BorderCheck.composed
    if config is None or not is_grid(config):
        return ""
    from regjax.launch.directories import report_command
    from regjax.runs.collection import read_runs

    directory = Path(str(config.hydra.sweep.dir)).absolute()
    done = [run for run in read_runs(directory).runs if run.summary["status"] == "done"]
    return (
        f"\n{len(done)} of {len(grid_of(config))} jobs are done in {directory}. The same command with "
        f"{SWEEP}={directory} goes on; {report_command(directory)} compares what is done."
    )
