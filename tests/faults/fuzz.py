"""Random command lines, as users type them: each runs, or is refused by a message that names what is wrong.

    python tests/faults/fuzz.py --configurations 10000 --trained 300 --seed 0

Hypothesis draws and shrinks them; the command runs in this process, up to where training would begin. Those
that are accepted are trained afterwards, cut to an epoch of few steps. The exit code is 1 after any failure.
Hydra takes about a fifth of a second for each; processes with seeds of their own can share them.
"""

import argparse
import copy
import io
import logging
import os
import re
import runpy
import shlex
import shutil
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch
from weakref import WeakValueDictionary

sys.path.insert(0, str(Path(__file__).parents[2]))  # where it is run as a script

import jax
import numpy as np
from hydra.core.global_hydra import GlobalHydra
from hypothesis import HealthCheck, Phase, given, seed, settings

from regjax.config import Config
from regjax.data import load
from regjax.data.dataset import Dataset
from regjax.errors import UserError
from regjax.launch import command, jobs, sources
from regjax.launch.composing import Job, Refused
from regjax.launch.jobs import prepare
from regjax.launch.training import train
from tests.faults.command_lines import command_lines
from tests.small import ROOT
from tests.sweeps import RecordingWatcher

PLACE = ("hydra.run.dir=out", "hydra.sweep.dir=out")
BLOCK = 250
ENDS = ("done", "diverged")
PHASES = [Phase.generate, Phase.shrink]
SETTINGS = settings(
    deadline=None, database=None, print_blob=False, phases=PHASES, suppress_health_check=list(HealthCheck)
)


class Outcome(NamedTuple):
    """How a command ended; `fault` says what is wrong with that, and is empty where nothing is."""

    kind: str
    message: str
    config: Config | None
    fault: str


class Accepted(BaseException):
    """Thrown where training would begin; no handler between there and here takes it for an error."""


@cache
def _load(source: str, name: str, **settings: Any) -> Dataset:
    """The dataset; in place of what a network would give, as many rows made of digits."""
    dataset = load("sklearn", name if source == "sklearn" else "digits", **settings)
    if source != "idx":
        return dataset
    rows = np.arange(70_000) % len(dataset.labels)
    return dataset._replace(inputs=dataset.inputs[rows], labels=dataset.labels[rows], test_rows=10_000)


@contextmanager
def workplace(folder: Path) -> Iterator[None]:
    """The command in an empty folder of its own, up to training: all that it writes is in there."""
    (folder / "above" / "here").mkdir(parents=True)
    root = logging.getLogger()
    cached = jax.config.jax_compilation_cache_dir

    def prepare_only(given: Sequence[Job | Refused], data: object, *, one_of_many: bool = False) -> None:
        prepared, _ = prepare(given, one_of_many=one_of_many)
        if all(isinstance(job, Refused) for job in prepared):
            raise UserError(prepared[0].reason)
        raise Accepted(given[0])

    variables = {"HOME": str(folder), "REGJAX_CACHE_DIR": str(folder / "cache")}
    with (
        chdir(folder / "above" / "here"),
        patch.dict(os.environ, variables),
        patch.object(sources.data, "load", _load),
        patch.object(jobs, "prepare", prepare_only),
        # Hydra configures logging, which closes every handler that it finds: pytest's are hidden.
        patch("logging._handlerList", []),
        patch("logging._handlers", WeakValueDictionary()),
        patch.object(root, "handlers", []),
        patch.object(root, "level", root.level),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("error")
        os.environ.pop(command.FULL_ERROR, None)
        yield
    jax.config.update("jax_compilation_cache_dir", cached)


def end_of(line: Sequence[str]) -> Outcome:
    """What the command does with these overrides."""
    kinds: list[str] = []
    explain = command.explain

    def explained(error: Exception, *given: object, **named: bool) -> str:
        kinds.append(type(error).__name__)
        return explain(error, *given, **named)

    out, err, config = io.StringIO(), io.StringIO(), None
    GlobalHydra.instance().clear()
    with (
        redirect_stdout(out),
        redirect_stderr(err),
        patch.object(sys, "argv", [str(ROOT / "train.py"), *PLACE, *line]),
        patch.object(command, "explain", explained),
    ):
        try:
            runpy.run_path(str(ROOT / "train.py"), run_name="__main__")
        except Accepted as accepted:
            config = accepted.args[0].config
        except SystemExit as ended:
            kinds.append("usage" if ended.code == 2 else "raised by Hydra")
        except Exception as error:
            return Outcome("traceback", "", None, f"{type(error).__name__}: {error}")
    message = re.sub(r"(?m)^(Error executing job|regjax:) .*\n", "", err.getvalue())  # Hydra's line, and ours
    if config:
        return Outcome("accepted", message, config, "")
    wrong = "" if re.match("error: |usage: ", message) and "Traceback" not in message else "no message"
    return Outcome(kinds[0], message, None, wrong)


def named(text: str, message: str) -> bool:
    """Whether a message names an override: as it was typed, or by its key."""
    key, _, value = text.partition("=")
    key = key.strip().lstrip("+~").partition("@")[0]
    if key == "data.name" and value in message:
        return True
    if text.startswith("-"):  # argparse's words, or ours
        return message.startswith(("usage: ", f"error: {text.partition('=')[0]}: ", f"error: {text}: "))
    return text in message or bool(key and re.search(rf"(?<![\w.]){re.escape(key)}(?!\w)", message))


def judged(line: Sequence[str]) -> Outcome:
    """The end of a command; a refusal must name overrides without which it does not come."""
    outcome = end_of(line)
    if outcome.fault or outcome.config:
        return outcome
    rest = [text for text in line if not named(text, outcome.message)]
    if len(rest) == len(line):
        return outcome._replace(fault="it names no override")
    if rest and end_of(rest).message == outcome.message:
        return outcome._replace(fault="it comes without the overrides that it names")
    return outcome


class Tally:
    """What command lines have ended as; the accepted ones wait to be trained."""

    def __init__(self) -> None:
        self.ends: Counter[str] = Counter()
        self.accepted: list[tuple[list[str], Config]] = []
        self.failures: list[str] = []

    def judge(self, line: list[str]) -> None:
        self.last = line, judged(line)
        outcome = self.last[1]
        self.ends[outcome.kind] += 1
        if outcome.config:
            self.accepted.append((line, outcome.config))
        assert not outcome.fault

    def draw(self, count: int, start: int) -> None:
        """Judges `count` lines of the seed `start`, fewer where one fails, and keeps that one shrunk."""
        test = given(command_lines())(lambda line: self.judge(line))
        try:
            seed(start)(settings(SETTINGS, max_examples=count)(test))()
        except AssertionError:
            line, outcome = self.last
            self._fail(line, f"{outcome.kind}: {outcome.fault}\n    {outcome.message.strip()}")

    def train(self, count: int) -> None:
        """Trains accepted lines, cut small, evenly spread over all of them."""
        chosen = self.accepted[:: max(1, len(self.accepted) // max(1, count))][:count]
        for number, (line, config) in enumerate(chosen):
            status, reason = trained(cut(config), Path(f"trained/{number}").absolute())
            self.ends[f"trained: {status}"] += 1
            if status not in ENDS:
                self._fail(line, f"trained: {status}: {reason}")

    def _fail(self, line: list[str], what: str) -> None:
        self.failures.append(f"{shlex.join(['python', 'train.py', *line])!r}\n    {what}")
        print(self.failures[-1], file=sys.stderr, flush=True)


def cut(config: Config) -> Config:
    """The same, of a size that trains in a moment, in the folders of this process."""
    small = copy.deepcopy(config)
    small.model.hidden = [min(width, 16) for width in config.model.hidden]
    small.trainer.epochs = 1
    small.data.train_size = min(config.data.train_size or 48, 48)
    small.trainer.batch_size = min(config.trainer.batch_size, 16)
    small.cache_dir, small.platform = "cache", "cpu"
    return small


def trained(config: Config, directory: Path) -> tuple[str, str]:
    """The status of a run, and the reason where it is not done."""
    (run,), devices = prepare([Job(config, {}, [])])
    if isinstance(run, Refused):
        return "refused", run.reason
    run = run._replace(directory=directory)
    summary = train([run], devices, RecordingWatcher(), directory, "hydra.run.dir=out")[directory]
    shutil.rmtree(directory)
    return summary["status"], summary.get("reason", "")


def main() -> int:
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=as_written)
    parser.add_argument("--configurations", type=int, required=True)
    parser.add_argument("--trained", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    tally, start = Tally(), given.seed * 1_000_000
    with tempfile.TemporaryDirectory() as folder, workplace(Path(folder)):
        while (done := sum(tally.ends.values())) < given.configurations:
            tally.draw(min(BLOCK, given.configurations - done), start)
            start += 1
            print(f"{done} of {given.configurations}, {len(tally.failures)} failures", file=sys.stderr)
        tally.train(given.trained)
    for kind, count in tally.ends.most_common():
        print(f"{count:7} {kind}")
    print(*[f"{len(tally.failures)} failures", *tally.failures], sep="\n")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
