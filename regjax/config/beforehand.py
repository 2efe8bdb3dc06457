"""Composes a command once before Hydra does, and refuses what Hydra must not make objects or folders of.

Hydra makes both before any code of ours is called.
"""

from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.utils import JobRuntime, setup_globals
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from regjax.config.checks import MONITOR_MODES
from regjax.config.environment import leaves
from regjax.config.hydra_part import PARAMS, objection
from regjax.config.places import check_places
from regjax.config.untrusted import check_choice
from regjax.errors import UserError, invalid


def check_beforehand(arguments: Sequence[str], conf: Path, name: str) -> None:
    """Raises `UserError` for what Hydra's own part of a command's configuration may not hold.

    `conf` is the folder of the configuration's first file, `name` that file's. What is wrong with the command
    otherwise raises what it raises in Hydra.
    """
    given, others = get_args_parser().parse_known_args(list(arguments))
    behind = [argument for argument in others if not argument.startswith("-")]
    if behind:
        raise UserError(f"{behind[0]}: it stands behind an option; give -m and other options first.")
    if given.shell_completion:  # its arguments are no overrides
        return
    composed = _composed(given, conf, name)
    sections: Any = OmegaConf.to_container(composed, resolve=False)
    own = leaves({"hydra": sections["hydra"]})
    for keys, value in sorted(own, key=itemgetter(0)):  # env_copy before the values that it has copied
        why = objection(keys, value)
        if why:
            raise invalid(".".join(keys), value, why)
        if keys[:3] == PARAMS:
            check_choice(".".join(keys[3:]), str(value))
    mode = composed.hydra.mode
    sweeps = mode == RunMode.MULTIRUN if mode else given.multirun
    check_places(composed, sweeps=sweeps)
    if sweeps:
        _check_direction(composed)


def _check_direction(composed: DictConfig) -> None:
    """Refuses a search that would look for the worst value of what it is given, `early_stopping.monitor`."""
    direction = composed.hydra.sweeper.get("direction")
    monitor = OmegaConf.select(composed, "early_stopping.monitor")
    better = {"min": "minimize", "max": "maximize"}.get(MONITOR_MODES.get(monitor, ""))
    given = getattr(direction, "name", direction)
    if direction is not None and better and given != better:
        allowed = f"it must be {better}, for the sweeper is given early_stopping.monitor={monitor}"
        raise invalid("hydra.sweeper.direction", given, allowed)


def _composed(given: Any, conf: Path, name: str) -> DictConfig:
    """What Hydra will compose, without what is swept: as if for the first job."""
    setup_globals()
    JobRuntime.instance().set("name", "train")
    places = create_config_search_path(str(conf.absolute()))
    if given.config_dir:
        folder = f"file://{Path(given.config_dir).absolute()}"
        places.prepend(provider="command-line", path=folder, anchor=SearchPathQuery(provider="schema"))
    composed = ConfigLoaderImpl(config_search_path=places).load_configuration(
        name, given.overrides, RunMode.MULTIRUN, validate_sweep_overrides=False
    )
    with read_write(composed), open_dict(composed):
        composed.hydra.job.num, composed.hydra.job.id = 0, "0"
    return composed
