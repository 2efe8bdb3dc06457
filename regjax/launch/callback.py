"""Checks a command after Hydra has composed it and before Hydra writes anything."""

from collections.abc import Iterable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from hydra._internal.grammar import grammar_functions
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, FloatRange, RangeSweep
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from regjax.config.ranges import MONITOR_MODES
from regjax.errors import RefusedError, UserError, invalid

RUN, SWEEP = "hydra.run.dir", "hydra.sweep.dir"
BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


class BorderCheck(Callback):
    """Refuses a folder with something else, a range that Hydra misreads, and a search for the worst value.

    It raises `RefusedError`, because Hydra only warns if a callback raises an `Exception`.
    """

    composed: ClassVar[DictConfig | None] = None
    loader: ClassVar[ConfigLoader | None] = None  # after an error, Hydra has cleared its own reference

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        self._check(config, RUN, SWEEP)

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        self._check(config, SWEEP, RUN)

    def on_run_end(self, config: DictConfig, **given: Any) -> None:
        """Raises the error of a failed run itself, before Hydra prints a line about it."""
        job_return: JobReturn = given["job_return"]
        if job_return.status == JobStatus.FAILED:
            raise RefusedError(job_return._return_value)

    def _check(self, config: DictConfig, key: str, other: str) -> None:
        BorderCheck.composed, BorderCheck.loader = config, GlobalHydra.instance().config_loader()
        from regjax.launch.directories import check_run_directory, check_sweep_directory

        try:
            _check_mode(config, key, other)
            HydraConfig.instance().set_config(config)  # the folder's name may contain ${hydra:...}
            directory = Path(str(OmegaConf.select(config, key))).absolute()
            if key == RUN:
                check_run_directory(directory, str(config.hydra.output_subdir))
            else:
                check_sweep_directory(directory)
                _check_subdir(config)
                _check_direction(config)
                _check_ranges(config)
        except (UserError, OSError) as error:
            raise RefusedError(error) from error
        finally:
            HydraConfig.instance().cfg = None


def _check_mode(config: DictConfig, key: str, other: str) -> None:
    """Refuses a command that names its folder only by the key of the other mode: Hydra would ignore it."""
    given: Any = OmegaConf.to_container(config.hydra.overrides.hydra, resolve=False)
    typed_by_key = {each.key_or_group: each for each in OverridesParser.create().parse_overrides(given)}
    if other in typed_by_key and key not in typed_by_key:
        typed = str(typed_by_key[other].input_line)
        kind = "run (-m makes it a sweep)" if key == RUN else "sweep (hydra.mode=RUN makes it a run)"
        raise UserError(f"{typed}: this command is a {kind}; give {key}={typed.partition('=')[2]}.")


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
        allowed = f"it must be {better}, since the sweeper gets early_stopping.monitor={monitor}"
        raise invalid("hydra.sweeper.direction", given, allowed)


def _check_ranges(config: DictConfig) -> None:
    """Refuses a range of a grid if Hydra makes other numbers of it than the text says.

    Hydra adds binary fractions: `range(0,0.4,step=0.1)` has 0.30000000000000004 and 0.4. It sorts by the ends
    of a range: `sort(range(0,10,3),reverse=true)` has 7, 4, 1 and -2.
    """
    hydras, exact = OverridesParser.create(), OverridesParser.create()
    exact.functions.functions["range"] = _exact_range
    for text in _grid_texts(config) if is_grid(config) else ():
        if "range(" not in text:
            continue
        with suppress(HydraException, ArithmeticError, ValueError):  # the sweeper says what it cannot read
            made, meant = hydras.parse_override(text).value(), exact.parse_override(text).value()
            if isinstance(made, RangeSweep) and isinstance(meant, ChoiceSweep):
                _check_equal(text, _typed_list(made.range()), _typed_list(meant.list))


def _check_equal(text: str, made: str, meant: str) -> None:
    if made != meant:
        key, _, value = text.partition("=")
        raise invalid(key, value, f"Hydra makes {made} of it; type the list, {key}={meant}")


def _exact_range(start: float, stop: float | None = None, step: float = 1) -> ChoiceSweep:
    """The numbers of Hydra's function `range` as decimal fractions, which is how they are typed."""
    given = grammar_functions.range(start, stop, step)
    numbers = given.range()
    if isinstance(numbers, FloatRange):
        numbers = FloatRange(*(Decimal(str(each)) for each in (given.start, given.stop, given.step)))
    return ChoiceSweep(list=list(numbers))


def _typed_list(numbers: Iterable[Any]) -> str:
    return ",".join(str(int(number) if float(number).is_integer() else number) for number in numbers)


def is_grid(config: DictConfig) -> bool:
    """Whether Hydra's grid sweeper makes the jobs of a command. Others search."""
    return bool(config.hydra.sweeper._target_ == BASIC_SWEEPER)


def grid_of(config: DictConfig) -> list[list[str]]:
    """The overrides of each job that Hydra's grid sweeper makes of a command."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    parser = OverridesParser.create(config_loader=BorderCheck.loader)
    overrides = parser.parse_overrides(_grid_texts(config))
    (jobs,) = BasicSweeper.split_arguments(overrides, max_batch_size=None)
    return jobs


def _grid_texts(config: DictConfig) -> list[str]:
    """The overrides that make a grid, as the user typed them in a file or on the command line."""
    params = [f"{key}={value}" for key, value in (config.hydra.sweeper.params or {}).items()]
    typed: Any = OmegaConf.to_container(config.hydra.overrides.task, resolve=False)
    return [*params, *typed]


def jobs_done() -> str:
    """After a grid broke off, says how many of its jobs are done, and how to go on. Otherwise ""."""
    config = BorderCheck.composed
    if config is None or not is_grid(config):
        return ""
    from regjax.launch.directories import report_command
    from regjax.saved.collection import read_runs

    directory = Path(str(config.hydra.sweep.dir)).absolute()
    done = [run for run in read_runs(directory).runs if run.summary["status"] == "done"]
    return (
        f"\n{len(done)} of {len(grid_of(config))} jobs are done in {directory}. The same command with "
        f"{SWEEP}={directory} goes on; {report_command(directory)} compares what is done."
    )
