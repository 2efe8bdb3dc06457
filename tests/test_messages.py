"""What the command says when it ends badly."""

import os
from unittest.mock import Mock

import pytest

from regjax.config import run_command
from regjax.errors import UserError
from tests.small import ROOT


def test_what_users_can_put_right_is_one_line_and_else_there_is_a_traceback(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["train.py"])
    for error, code, line in [
        (UserError("a=1: must be 2."), 1, "error: a=1: must be 2.\n"),
        (PermissionError(13, "Permission denied", "out"), 1, "error: out: Permission denied. Choose"),
        (OSError("the disk is gone"), 1, "error: the disk is gone\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ]:
        monkeypatch.setattr("os.environ", {})
        assert run_command(Mock(side_effect=error), ROOT / "conf") == code
        assert capsys.readouterr().err.startswith(line)
        assert os.environ == {}
    with pytest.raises(ZeroDivisionError):
        run_command(Mock(side_effect=ZeroDivisionError), ROOT / "conf")
    monkeypatch.setattr("sys.argv", ["train.py", "hydra.verbose=true"])  # no fault of Hydra's settings
    with pytest.raises(KeyError):
        run_command(Mock(side_effect=KeyError), ROOT / "conf")
    monkeypatch.setattr("os.environ", {"HYDRA_FULL_ERROR": "1"})
    with pytest.raises(UserError):
        run_command(Mock(side_effect=UserError), ROOT / "conf")


@pytest.mark.parametrize("key", ["hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir"])
@pytest.mark.parametrize(
    ("name", "told"), [("a\nb", r"a\nb"), ("\x1b[31m", r"\x1b[31m"), ("\u202e", r"\u202e")]
)
def test_directories_with_characters_that_cannot_be_shown_are_refused(monkeypatch, capsys, key, name, told):
    monkeypatch.setattr("sys.argv", ["train.py", f'{key}="{name}"'])
    main = Mock()
    assert run_command(main, ROOT / "conf") == 1
    assert f"error: {key}={told}: it has a character that cannot be shown" in capsys.readouterr().err
    assert not main.called
