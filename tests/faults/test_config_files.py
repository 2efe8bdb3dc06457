"""Configurations that name code or cannot be read: one line that says where, and nothing is called."""

import pickle
from pathlib import Path
from unittest.mock import Mock

import pytest

from regjax.config import run_command
from tests.small import ROOT

CONF = ROOT / "conf"
CALLS = {
    "os.system": "{command: touch canary}",
    "builtins.open": "{file: canary, mode: w}",
    "pathlib.Path.write_text": "{self: canary, data: x}",
    "numpy.load": "{file: canary, allow_pickle: true}",
    "functools.partial": "{_args_: [touch]}",
}
HEADER = "# @package _global_\n"
MULTIPLIED = "a: &a [1, 1, 1, 1]\n" + "".join(
    f"{new}: &{new} [*{old}, *{old}, *{old}, *{old}]\n"
    for old, new in zip("abcdefghijklmno", "bcdefghijklmnop", strict=True)
)
# What a file holds, the line that is wrong, and what the message says of it.
FILES = {
    "a call": ("seed: 1\nx: !!python/object/apply:os.system [touch canary]", 3, "!!python/object/apply:os"),
    "a call alone": ("!!python/object/apply:os.system [touch canary]", 2, "!!python/object/apply:os"),
    "a module": ("x: !!python/module:os ''", 2, "!!python/module:os"),
    "a tag of one's own": ("x: !mine 1", 2, "!mine"),
    "a number of a text": ("seed: !!int abc", 2, "!!int"),
    "what libyaml alone rejects": ("!,_target_: os.system", 2, "!,_target_"),
    "no keys": ("just words", 2, "key: value"),
    "anchors that multiply": (MULTIPLIED, 2, "unfolds"),
    "an anchor in itself": ("a: &a [*a]", 2, "unfolds"),
    "another spelling": ('"\\x5ftarget_": os.system', 2, "_target_: os.system"),
    "a mapping made elsewhere": ("x: ${oc.create:{a:1}}", 2, "oc.create"),
    "a logging handler": ("hydra:\n  job_logging: {handlers: {x: {class: subprocess.Popen}}}", 3, "Popen"),
    "a logging factory": ("hydra:\n  job_logging: {filters: {x: {(): os.system}}}", 3, "os.system"),
    "an object for logs": ("hydra:\n  job_logging: {handlers: {x: {stream: ext://os.environ}}}", 3, "os"),
    "a file above": ("defaults:\n  - ../../x", 3, "defaults=../../x"),
    "a search path of modules": ("hydra:\n  searchpath: [pkg://os]", None, "pkg://os"),
}  # fmt: skip


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """The message of the command with `arguments`, which must not reach Hydra; in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)

    def run(*arguments: str) -> str:
        hydra = Mock()
        monkeypatch.setattr("sys.argv", ["train.py", *arguments])
        assert run_command(hydra, CONF) == 1
        message = capsys.readouterr().err
        assert not hydra.called
        assert not Path("canary").exists()
        assert message.startswith("error: ")
        assert message.count("\n") == 1
        return message

    return run


def written(text: str | bytes, place: str = "mine/experiment/x.yaml") -> Path:
    path = Path(place)
    path.parent.mkdir(parents=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path.absolute()


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_names_code_or_cannot_be_read_is_refused_by_its_line(command, name):
    text, line, said = FILES[name]
    path = written(HEADER + text)
    message = command("--config-dir", "mine", "experiment=x")
    assert said in message
    if line:
        assert str(path.relative_to(Path.cwd())) + f", line {line}: " in message


def test_a_file_that_is_not_utf_8_is_refused_with_the_place_of_its_byte(command):
    written(HEADER.encode() + b"seed: 1 # \xff")
    assert f"mine/experiment/x.yaml: byte {len(HEADER) + 10} is not UTF-8" in command(
        "-cd=mine", "experiment=x"
    )


@pytest.mark.parametrize("target", CALLS)
@pytest.mark.parametrize("place", ["hydra.callbacks.x", "model", "hydra.launcher"])
def test_a_target_is_refused_wherever_it_stands(command, target, place):
    entries = {"_target_": target} | {"more": CALLS[target]}
    inline = "{" + ", ".join(f"{key}: {value}" for key, value in entries.items()) + "}"
    for argument in (f"{place}._target_={target}", f"+{place}={inline}", f"++{place}.a.b._target_={target}"):
        assert command(argument).startswith(f"error: {argument}: it names code")
    written(f"# @package {place}\n_target_: {target}\nmore: {CALLS[target]}\n", "mine/x.yaml")
    for option in (["--config-dir=mine"], ["-cd", "mine"], [f"--config-path={Path('mine').absolute()}"]):
        assert f"mine/x.yaml, line 2: _target_: {target}: it names code" in command(*option)
    for folder in ("mine", f"file://{Path('mine').absolute()}"):
        assert "mine/x.yaml, line 2" in command(f"hydra.searchpath=[{folder}]")


def test_folders_that_a_file_adds_to_the_search_path_are_looked_through_too(command):
    written("_target_: os.system", "other/x.yaml")
    written(f"hydra:\n  searchpath: ['file://{Path('other').absolute()}']", "mine/config.yaml")
    assert "other/x.yaml, line 1" in command("--config-dir=mine")


@pytest.mark.parametrize(
    "arguments",
    [
        ["experiment=../../../tmp/x"], ["experiment=.hidden/x"], ["+more@model=../x"],
        ["regularization=[l1,../x]"], ["data=digits,../x"], ["--config-name=../x"], ["--config-name=/tmp/x"],
        ["dropout=.2/x"], ["experiment=${oc.env:X}"], ["experiment=a//b"], ["hydra.searchpath=[nowhere]"], ["hydra.searchpath=[pkg://os]"],
        ["-cp", "pkg://os"],
        ["hydra.job_logging.handlers.console.class=subprocess.Popen"], ["+a='${oc.create:{}}'"],
        ["hydra.job_logging.handlers.console.stream=ext://os.environ"], ["+a={'()': os.system}"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_leads_to_files_that_are_not_looked_through_is_refused(command, arguments):
    assert arguments[-1].rpartition("=")[2].strip("'[]") in command(*arguments)


def test_a_pickled_configuration_is_refused(command):
    Path("run.pickle").write_bytes(pickle.dumps({"seed": 1}))
    assert "--experimental-rerun=run.pickle: a pickled configuration" in command(
        "--experimental-rerun", "run.pickle"
    )


def test_files_of_names_and_numbers_reach_hydra(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written("# @package _global_\nmodel: &m {dropout: 0.1}\ndata: {validation: '0.2'}\n")
    written("_target_: os.system", "mine/outputs/.hydra/hydra.yaml")  # what a run has left there
    arguments = [
        "-cd",
        "mine",
        "experiment=x",
        "data.data_dir=../x",
        "cache_dir='~/.cache'",
        "hydra.verbose=true",
    ]
    logging = ["hydra.job_logging.handlers.console.class=logging.StreamHandler"]
    monkeypatch.setattr("sys.argv", ["train.py", *arguments, *logging])
    hydra = Mock()
    assert run_command(hydra, CONF) == 0
    assert hydra.called
