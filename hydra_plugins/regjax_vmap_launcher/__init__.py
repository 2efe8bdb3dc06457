"""Registers the schema and `hydra/launcher=vmap`, the default launcher of `-m`. `conf/` names both.

Every start of Hydra imports this module, and so does `hydra.compose`. So it loads no numerical library.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from regjax.config import register_schema

register_schema()


@dataclass
class VmapLauncherConfig:
    _target_: str = "hydra_plugins.regjax_vmap_launcher.VmapLauncher"


ConfigStore.instance().store(
    group="hydra/launcher", name="vmap", node=VmapLauncherConfig, provider="regjax_vmap_launcher"
)


class VmapLauncher(Launcher):
    """Trains all jobs of a sweep in this process. Jobs that share a program are its lanes."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        from regjax.launch.composer import Composer

        # The composer puts a faster loader into the context. Hydra's sweeper takes the loader from there.
        self._given = (Composer(hydra_context, config), config, hydra_context.callbacks, task_function)
        self._sweep: Any = None

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        from regjax.launch.launcher import Sweep

        self._sweep = self._sweep or Sweep(*self._given)
        returned: list[JobReturn] = self._sweep.launch(job_overrides, initial_job_idx)
        return returned
