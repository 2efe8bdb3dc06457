"""What the command says before it trains: plain lines, and on a terminal a count that moves."""

import io
import subprocess
import sys

import pytest

from regjax.launch.announcement import ComposingCount
from regjax.launch.loader import SweepLoader
from tests.small import ROOT


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """Each look at the clock is a second later."""
    seconds = iter(range(100))
    monkeypatch.setattr("time.monotonic", lambda: next(seconds))


def said(monkeypatch, stream, jobs, *, composed):
    monkeypatch.setattr("sys.stderr", stream)
    count = ComposingCount(jobs)
    count.begin()
    for _ in range(composed):
        count.advance()
    count.end()
    count.advance()
    return stream.getvalue()


def test_a_terminal_shows_a_count_that_moves_and_then_ends_its_line(monkeypatch, clock):
    line = "regjax: 1,000 jobs, composing ..."
    told = said(monkeypatch, Terminal(), 1000, composed=3)
    assert told == "".join((line, f"\r{line} 1", f"\r{line} 2", f"\r{line} 3", f"\r{line} 3", "\n"))


@pytest.mark.parametrize(
    ("jobs", "line"),
    [
        (1, "regjax: 1 job, composing ...\n"),
        (4000, "regjax: 4,000 jobs, composing ...\n"),
        (None, "regjax: the jobs of a search, composing ...\n"),
    ],
)
def test_elsewhere_it_is_one_plain_line(monkeypatch, clock, jobs, line):
    assert said(monkeypatch, io.StringIO(), jobs, composed=4) == line


def test_a_command_says_that_it_starts_before_hydra_loads(tmp_path):
    """A folder of the name `hydra` stands in Hydra's way."""
    (tmp_path / "hydra").mkdir()
    (tmp_path / "hydra" / "__init__.py").write_text("raise SystemExit('Hydra loads')")
    code = "import runpy, sys; sys.path[:0] = sys.argv[1:3]; runpy.run_path(sys.argv[3], run_name='__main__')"
    command = [sys.executable, "-c", code, str(tmp_path), str(ROOT), str(ROOT / "train.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stderr.splitlines() == ["regjax: starting ...", "Hydra loads"]


@pytest.mark.parametrize("arguments", ["--help", "--cfg job", "-m seed=0,1 --cfg=job", "--info defaults"])
def test_what_trains_nothing_announces_nothing(command, arguments):
    assert "regjax: " not in command(arguments).err


@pytest.mark.parametrize("key", ["model.dropuot", "+model.dropuot"])
def test_a_key_that_does_not_exist_is_refused_before_jobs_are_composed(command, monkeypatch, key):
    composed = []
    compose = SweepLoader.compose
    monkeypatch.setattr(SweepLoader, "compose", lambda *given: composed.append(given) or compose(*given))
    done = command(f"-m {key}=0,0.1 'seed=range(500)' hydra.sweep.dir=out")
    start, line = done.err.splitlines()
    assert (done.code, len(composed), start) == (1, 1, "regjax: starting ...")
    assert line.startswith("error: ")
    assert "Did you mean 'model.dropout'?" in line
