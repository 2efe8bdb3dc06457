"""What the command says when it ends badly."""

import os
import pickle
import re
import shlex
import tomllib
from pathlib import Path
from unittest.mock import Mock

import pytest
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser

from regjax.config import command_again, run_command
from regjax.config.messages import EXTRAS
from regjax.errors import StoppedError, UserError
from tests.small import ROOT


def test_what_users_can_put_right_is_one_line_and_else_there_is_a_traceback(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["train.py"])
    for error, code, line in [
        (UserError("a=1: must be 2."), 1, "error: a=1: must be 2.\n"),
        (PermissionError(13, "Permission denied", "out"), 1, "error: out: Permission denied. Choose"),
        (OSError("the disk is gone"), 1, "error: the disk is gone\n"),
        (
            OSError(27, "File too large"),
            1,
            "error: a file in the directory: File too large. Choose another hydra.run.dir (with -m: ",
        ),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (StoppedError(15, "interrupted; to go on:"), 143, "interrupted; to go on:\n"),
        (pickle.loads(pickle.dumps(StoppedError(2, "of a process"))), 130, "of a process\n"),
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


@pytest.mark.parametrize(
    "name", ["plain", "a b=c", "it's, [x]", "\u00fcn\u00ef \u65e5", 'a"b', "-dash", "$HOME x"]
)
def test_the_command_that_goes_on_reads_back_as_it_is_meant(monkeypatch, name):
    monkeypatch.setattr("sys.argv", ["train.py", "-m", "seed=0,1", "hydra.sweep.dir=before"])
    *kept, place, retry = shlex.split(command_again(f"hydra.sweep.dir=/{name}", "sweep.retry=true"))
    assert (kept, retry) == (["python", "train.py", "-m", "seed=0,1"], "sweep.retry=true")
    read = OverridesParser.create().parse_override(place)
    assert (read.key_or_group, read.value()) == ("hydra.sweep.dir", f"/{name}")


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


@pytest.mark.parametrize("key", ["hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir"])
@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("", "=: must name a folder"),
        ('" "', "= : must name a folder"),
        ("null", "=null: must name a folder"),
        ("~/zz", "=~/zz: ~ is not read here; write the folder in full: /home/me/zz."),
        ('"~/zz"', "=~/zz: ~ is not read here; write the folder in full: /home/me/zz."),
        (
            "outputs/ünï",
            "=outputs/ünï: a value with ü in it takes quotes of its own: '{key}=\"outputs/ünï\"'.",
        ),
        ("a=b", "=a=b: a value with = in it takes quotes of its own: '{key}=\"a=b\"'."),
    ],
)
def test_directories_that_are_not_what_was_meant_are_refused(command, monkeypatch, key, value, told):
    monkeypatch.setenv("HOME", "/home/me")
    done = command(shlex.join([f"{key}={value}", "data=wine"]))
    assert done.code == 1
    assert done.err.startswith(f"error: {key}{told.format(key=key)}")
    assert list(Path().iterdir()) == []


def test_a_directory_in_quotes_of_its_own_is_taken(command):
    shown = command("'hydra.run.dir=\"outputs/ünï\"' --cfg hydra -p hydra.run.dir")
    assert (shown.code, shown.out) == (0, "outputs/ünï\n")


@pytest.mark.parametrize("given", ["0", "abc", "[a]", "null"])
def test_widths_of_another_kind_are_told_what_is_allowed(command, given):
    done = command(f"model.hidden={given} --cfg job")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error: model.hidden={given}: must list layer widths of 1 or more")
    assert "[300,100]" in done.err


@pytest.mark.parametrize("option", EXTRAS)
def test_a_plugin_that_is_not_installed_comes_with_the_extra_that_brings_it(command, monkeypatch, option):
    kind, _, name = option.removeprefix("hydra/").partition("/")
    command("--cfg job")  # plugins are looked for once
    choices = ConfigStore.instance().repo["hydra"][kind]
    monkeypatch.delitem(choices, f"{name}.yaml", raising=False)
    done = command(f"hydra/{kind}={name} --cfg job")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error: hydra/{kind}={name}: must be one of basic")
    brings = re.search(r"pip install -e '\.\[(\w+)\]'", done.err)[1]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    package = f"hydra-{brings}-{kind}"
    assert name.startswith(brings)
    assert any(requirement.startswith(package) for requirement in extras[brings])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("model.use_bias=nope", "model.use_bias=nope: must be true or false."),
        ("checkpoint=null", "checkpoint=null: must be one of selected, every_epoch, every_minutes, none."),
        ("model.use_bias=null", "model.use_bias=null: must have a value."),
        ("~model.dropout", "~model.dropout: a key is not taken away; give its neutral value."),
        ("model..dropout=1", "model..dropout=1: it cannot be read. Write KEY=VALUE without spaces"),
        ("regularization=dropout,l2", "give -m first; a list takes brackets: 'regularization=[dropout,l2]'."),
        ("data=wine -m seed=0,1", "seed=0,1: it stands behind an option; give -m and other options first."),
        ("data.split_seed=${data.test_sed}", "did you mean 'data.test_seed'"),
        ("-m model.dropout=interval(0,1)", "model.dropout=interval(0,1): a grid takes values, range(...)"),
    ],
)
def test_what_hydra_and_omegaconf_refuse_is_told_in_the_words_of_regjax(command, given, told):
    done = command(given)
    assert (done.code, told in done.err) == (1, True), done.err
