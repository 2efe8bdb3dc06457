"""How the command ends: its exit code, its one line, and the command that it tells to go on with."""

import os
import pickle
import shlex
from unittest.mock import Mock

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from regjax.errors import StoppedError, UserError
from regjax.launch.callback import grid_of
from regjax.launch.command import command_again, run_command
from regjax.launch.directories import check_run_directory, check_sweep_directory
from tests.small import ROOT


def test_what_users_can_put_right_is_one_line_and_else_there_is_a_traceback(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["train.py"])
    for error, code, line in [
        (UserError("a=1: must be 2."), 1, "error: a=1: must be 2.\n"),
        (PermissionError(13, "Permission denied", "out"), 1, "error: out: Permission denied. Choose"),
        (OSError(27, "File too large"), 1, "error: a file in the folder: File too large. Choose another"),
        (ZeroDivisionError("a resolver of the user's"), 1, "error: a resolver of the user's\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (StoppedError(15, "interrupted; this command goes on:"), 143, "interrupted; this command goes on:\n"),
        (pickle.loads(pickle.dumps(StoppedError(2, "of a process"))), 130, "of a process\n"),
    ]:
        monkeypatch.setattr("os.environ", {})
        assert run_command(Mock(side_effect=error), ROOT / "conf") == code
        assert capsys.readouterr().err.startswith(line)
        assert os.environ == {}
    with pytest.raises(AttributeError):  # a fault of the program's
        run_command(lambda: grid_of(None), ROOT / "conf")
    monkeypatch.setattr("os.environ", {"HYDRA_FULL_ERROR": "1"})
    with pytest.raises(UserError):
        run_command(Mock(side_effect=UserError), ROOT / "conf")


@pytest.mark.parametrize(
    "name", ["plain", "a b=c", "it's, [x]", "\u00fcn\u00ef \u65e5", 'a"b', "-dash", "$HOME x"]
)
def test_the_command_that_goes_on_reads_back_as_it_is_meant(monkeypatch, name):
    monkeypatch.setattr("sys.argv", ["train.py", "-m", "seed=0,1", "hydra.sweep.dir=before"])
    *kept, place, retry = shlex.split(command_again(f"hydra.sweep.dir=/{name}", "sweep.retry=true"))
    assert (kept, retry) == (["python", "train.py", "-m", "seed=0,1"], "sweep.retry=true")
    read = OverridesParser.create().parse_override(place)
    assert (read.key_or_group, read.value()) == ("hydra.sweep.dir", f"/{name}")


@pytest.mark.parametrize(
    ("started", "typed"),
    [
        ("train.py", "python train.py seed=1"),
        ("a b/train.py", "python 'a b/train.py' seed=1"),
        ("/lib/regjax/__main__.py", "python -m regjax seed=1"),
        ("/bin/sh", "sh seed=1"),  # a script on the path
        ("/not on it/own tool", "'/not on it/own tool' seed=1"),
    ],
)
def test_the_command_that_goes_on_starts_as_it_was_typed(monkeypatch, started, typed):
    monkeypatch.setattr("sys.argv", [started])
    assert command_again("seed=1") == typed


@pytest.mark.parametrize(
    ("check", "key"), [(check_run_directory, "hydra.run.dir"), (check_sweep_directory, "hydra.sweep.dir")]
)
def test_directories_with_characters_that_cannot_be_shown_are_refused(tmp_path, check, key):
    with pytest.raises(UserError) as refused:
        check(tmp_path / "a\nb\x1b[31m\u202e")
    told = rf"{key}={tmp_path}/a\nb\x1b[31m\u202e: it has a character that cannot be printed."
    assert str(refused.value) == told


def test_a_directory_in_quotes_of_its_own_is_taken(command):
    shown = command("'hydra.run.dir=\"outputs/ünï\"' --cfg hydra -p hydra.run.dir")
    assert (shown.code, shown.out) == (0, "outputs/ünï\n")
