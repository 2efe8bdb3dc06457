"""`python train.py` as a process or in this one, and what it leaves."""

import contextlib
import csv
import io
import json
import os
import runpy
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import pytest
from hydra.core.global_hydra import GlobalHydra

from tests.small import ROOT, without_seconds

PATIENCE = 180  # seconds: a process on a loaded machine is waited for, one that hangs is not
# Each of these would close pytest's own log.
LOGGING = [
    f"{module}.configure_log"
    for module in (
        "hydra._internal.hydra",
        "hydra.core.utils",
        "hydra._internal.core_plugins.basic_launcher",
        "regjax.launch.launcher",
    )
]
BEGUN: list[subprocess.Popen] = []


class Done(NamedTuple):
    code: int
    out: str
    err: str


def run_here(arguments: str) -> Done:
    """Runs a command in this process and its working directory. `command` of conftest.py prepares it."""
    sys.argv = [str(ROOT / "train.py"), *shlex.split(arguments)]
    GlobalHydra.instance().clear()
    out, err = io.StringIO(), io.StringIO()
    listening = signal.getsignal(signal.SIGINT)
    with contextlib.ExitStack() as entered:
        for function in LOGGING:
            entered.enter_context(patch(function))
        entered.enter_context(redirect_stdout(out))
        entered.enter_context(redirect_stderr(err))
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(ROOT / "train.py"), run_name="__main__")
    signal.signal(signal.SIGINT, listening)
    return Done(ended.value.code, out.getvalue(), err.getvalue())


def first(statements: str) -> list[str]:
    """A command that runs statements, and then in the same process the command that follows it."""
    return [sys.executable, "-c", f"import os, sys\n{statements}\nos.execv(sys.argv[1], sys.argv[1:])"]


def with_files_up_to(size: int) -> list[str]:
    """A command's files cannot grow beyond `size` bytes: to it, the disk is full."""
    return first(f"import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))")


def begin(directory: Path, arguments: str, *, before: Sequence[str] = ()) -> subprocess.Popen:
    """A process in `directory`, ended with the test; `before` is a command that is given this one."""
    process = subprocess.Popen(
        [*before, sys.executable, str(ROOT / "train.py"), *shlex.split(arguments)],
        cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0,
    )  # fmt: skip
    BEGUN.append(process)
    return process


def end_all() -> None:
    """What a test that failed left running is killed with its workers, so that the next has the cores."""
    while BEGUN:
        with BEGUN.pop() as process, contextlib.suppress(ProcessLookupError):  # all of them have ended
            os.killpg(process.pid, signal.SIGKILL)


def finish(directory: Path, arguments: str) -> tuple[str, str]:
    process = begin(directory, arguments)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    return out, err


def stop(process: subprocess.Popen, number: int = signal.SIGKILL) -> str:
    """Sends it a signal. Gives what it said of errors until its end."""
    process.send_signal(number)
    return process.communicate(timeout=PATIENCE)[1]


def fail(directory: Path, arguments: str, *, before: Sequence[str] = ()) -> str:
    """A process that must end with code 1 and no traceback. Gives what it said of errors."""
    process = begin(directory, arguments, before=before)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, "Traceback" in err) == (1, False), err
    return err


def printed(err: str) -> str:
    """The arguments of the command to go on with, which a process prints last."""
    return err.splitlines()[-1].partition("train.py ")[2]


def wait_for_epochs(process: subprocess.Popen, directory: Path, epochs: int) -> None:
    """Until some run has written that many epochs."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        # Other files come and go meanwhile, which pathlib's own walk does not stand.
        tables = [
            Path(folder, "metrics.csv") for folder, _, names in os.walk(directory) if "metrics.csv" in names
        ]
        if any(len(path.read_text().splitlines()) > epochs for path in tables):
            return
        time.sleep(0.02)
    pytest.fail(f"no epoch {epochs}: {process.communicate()}")


def outcome(directory: Path) -> dict[str, object]:
    """All that must be the same, by its file; but the seconds that it took."""
    found: dict[str, object] = {}
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory).as_posix()
        if path.name == "metrics.csv":
            found[name] = without_seconds(path.read_bytes())
        elif path.name == "summary.json":
            found[name] = _without_seconds(json.loads(path.read_text()))
        elif path.name == "comparison.csv":
            with path.open(newline="") as file:
                rows = list(csv.DictReader(file))
            found[name] = [{key: row[key] for key in row if not key.startswith("seconds")} for row in rows]
        elif path.name == "comparison.json":
            found[name] = json.loads(path.read_text(), object_hook=_without_seconds)
        elif path.name == "comparison.md" or ("selected" in path.parts and path.is_file()):
            found[name] = path.read_bytes()
    return found


def _without_seconds(entries: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in entries.items() if key != "seconds"}
