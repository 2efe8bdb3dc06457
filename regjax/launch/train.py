"""The command that trains one run, or with -m several. Hydra names the job `train` after this file."""

import shlex
import signal

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from regjax.config.folder import CONF
from regjax.errors import UserError
from regjax.launch.command import program, run_command
from regjax.sweep.signals import leave

# conf/hydra/help shows commands as this process's user types them.
OmegaConf.register_new_resolver("regjax.program", lambda: shlex.join(program()), replace=True)


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
def main(config: DictConfig) -> float | None:
    """Trains one run and returns its monitored validation metric, which sweepers optimise."""
    from regjax.launch.composing import Refused, job_of

    job = job_of(config, HydraConfig.get())
    if isinstance(job, Refused):  # this comes before JAX loads, since loading takes seconds
        raise UserError(job.reason)
    from regjax.launch.single import run_single

    return run_single(job, config)


def run() -> None:
    """Runs this process's command, and ends the process with its exit code."""
    # Until training handles it, Ctrl-C ends the process at once: imports may swallow a KeyboardInterrupt.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    leave(run_command(main, CONF))
