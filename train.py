"""Train one run, or with -m a comparison of several: `python train.py --help`."""

import signal
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from regjax.config import check, hiding, register_schema, run_command, typed
from regjax.other_launchers import counted
from regjax.signals import leave
from regjax.surroundings import put_aside

register_schema()


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(config: DictConfig) -> float | None:
    """Trains one run and returns its monitored validation metric, for sweepers to optimise."""
    with hiding(config, logged=HydraConfig.get().mode == RunMode.MULTIRUN):
        check(typed(config))  # a refusal does not wait for jax and flax
        from regjax.launcher import run_single  # jax and flax load only once there is something to train

        return run_single(config)


if __name__ == "__main__":
    # Until training listens, Ctrl-C ends at once: imports may swallow the exception that Python makes of it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    put_aside()
    leave(run_command(counted(main), Path(__file__).parent / "conf"))
