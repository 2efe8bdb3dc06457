"""Train one run, or with -m a comparison of several: `python train.py --help`."""

import signal
import sys
from pathlib import Path

from regjax.launch.announcement import announce_start

if __name__ == "__main__":
    announce_start(sys.argv[1:])

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from regjax.config import register_schema
from regjax.errors import UserError
from regjax.launch.command import run_command
from regjax.sweep.signals import leave

register_schema()


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(config: DictConfig) -> float | None:
    """Trains one run and returns its monitored validation metric, which sweepers optimise."""
    from regjax.launch.composing import Refused, job_of

    job = job_of(config, HydraConfig.get())
    if isinstance(job, Refused):  # before JAX loads, which takes seconds
        raise UserError(job.reason)
    from regjax.launch.single import run_single

    return run_single(job, config)


if __name__ == "__main__":
    # Until training handles it, Ctrl-C ends the process at once: imports may swallow a KeyboardInterrupt.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    leave(run_command(main, Path(__file__).parent / "conf"))
