"""Slips in configuration files of one's own: told by file and key; no override is blamed for them."""

import shutil
from pathlib import Path

import pytest

from tests.small import ROOT

NO_KEY = "there is no such key. Did you mean 'trainer.epochs'?"
HEADER = "# @package _global_\n"
# What an experiment of one's own holds, and what the message says after its name.
SLIPS = {
    "a key": ("trainer:\n  epohcs: 3", f"trainer.epohcs: {NO_KEY}"),
    "a key without its section": ("epohcs: 3", f"epohcs: {NO_KEY}"),
    "a key like none": ("qqq: 3", "qqq: there is no such key. `python train.py --cfg job` shows"),
    "another type": ("trainer:\n  epochs: abc", "trainer.epochs: must be a whole number from 1"),
    "a width alone": ("model:\n  hidden: 300", "model.hidden: must list layer widths of 1"),
}


@pytest.fixture
def refused(command):
    """What the command says on its one line."""

    def run(arguments: str) -> str:
        done = command(arguments)
        err = done.err.removeprefix("regjax: starting ...\n")
        assert (done.code, done.out, err.count("\n")) == (1, "", 1), err
        return err.removeprefix("error: ")

    return run


def experiment(text: str, name: str = "x") -> Path:
    path = Path(f"mine/experiment/{name}.yaml").absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_in_an_experiment_of_ones_own_is_told_by_file_and_key(refused, name):
    text, told = SLIPS[name]
    path = experiment(HEADER + text)
    message = refused(f"--config-dir {path.parents[1]} experiment=x debug=fast --cfg job")
    assert message.startswith(f"In 'experiment/x': {told}")


def test_where_omegaconf_names_no_key_hydras_own_words_stand(command):
    experiment(HEADER + "trainer: 5")
    done = command("--config-dir mine experiment=x --cfg job")
    assert (done.code, "In 'experiment/x': ValidationError" in done.err) == (1, True)
    assert "int is not a subclass of TrainerConfig. value: 5" in done.err


def test_a_syntax_error_is_told_by_its_line(refused):
    path = experiment(HEADER + "seed: [1")
    assert refused("--config-dir mine experiment=x --cfg job").startswith(f"{path}, line 2: expected ',' or")


def test_an_experiment_without_its_header_is_told_what_to_begin_with(refused):
    experiment("seed: 3")
    message = refused("--config-dir mine experiment=x --cfg job")
    assert message == "In 'experiment/x': its first line must be `# @package _global_`.\n"


def test_a_key_that_a_files_grid_misspells_is_told_with_the_near_miss(refused):
    experiment(HEADER + "hydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n      sed: 0,1")
    message = refused("--config-dir mine experiment=x hydra.sweep.dir=out")
    assert message == "sed: there is no such key. Did you mean 'seed'?\n"


def test_a_broken_file_stops_those_commands_alone_that_load_it(command, refused):
    path = experiment("seed: [1", "broken")
    experiment(HEADER + "defaults:\n  - broken\n", "through")
    experiment(HEADER + "seed: 7", "whole")
    assert command("--config-dir mine experiment=whole --cfg job -p seed").out == "7\n"
    for name in ("broken", "through"):
        assert refused(f"--config-dir mine experiment={name} --cfg job").startswith(f"{path}, line 1: ")


@pytest.mark.parametrize("given", ["", "debug=fast", "trainer.batch_size=8"])
def test_a_slip_in_a_copy_of_the_first_file_is_told_by_file_and_key(refused, given):
    shutil.copytree(ROOT / "conf", "copy")
    first = Path("copy/config.yaml").absolute()
    text = first.read_text().replace("  epochs: 30", "  epohcs: 3")
    first.write_text(text)
    message = refused(f"--config-path {first.parent} {given} --cfg job")
    assert message == f"In 'config': trainer.epohcs: {NO_KEY}\n"


@pytest.mark.parametrize("text", ["", "seed: 3\n"])
def test_a_first_file_without_defaults_is_told_so(command, text):
    Path("copy").mkdir()
    Path("copy/config.yaml").write_text(text)
    done = command(f"--config-path {Path('copy').absolute()}")
    assert (done.code, "its `defaults` must begin with config_schema" in done.err) == (1, True)


@pytest.mark.parametrize("option", ["--config-dir", "--config-path"])
def test_a_folder_that_is_not_there_is_named(command, option):
    done = command(f"{option} /nope debug=fast")
    assert (done.code, done.out, "'/nope'" in done.err) == (1, "", True)
