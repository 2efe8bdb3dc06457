"""Hydra's own part of a configuration: what would become code or a folder is refused before it does."""

import shlex
from pathlib import Path

import pytest
from regjax.config.hydra_part import objection

HEADER = "# @package _global_\n"
DECODED = "${oc.decode:${hydra.help.header}${hydra.help.footer}}"
IN_PIECES = '{header: "{_tar", footer: "get_: os.mkdir, path: canary}"}'
NOT_READ = "${oc.decode:...} is not read here; of Hydra's functions there are oc.env, oc.select, "
WRITE_OUT = "it could name code, as it is put together from elsewhere; write it out"
SHELL = "set environment variables in the shell"
PLUGIN = "PJRT_NAMES_AND_LIBRARY_PATHS"
# What a file holds, its line, and what is said of it.
FILES = {
    "a call in pieces": (f'hydra:\n  help: {IN_PIECES}\n  callbacks: {{x: "{DECODED}"}}', 4, NOT_READ),
    "a callback from elsewhere": ("hydra:\n  callbacks: {x: '${model}'}", 3, WRITE_OUT),
    "all callbacks from elsewhere": ("hydra:\n  callbacks: ${model}", 3, "a section is written out here"),
    "an unknown function": ("seed: ${nope:1}", 2, "${nope:...} is not read here"),
    "a variable": (f"hydra:\n  job: {{env_set: {{{PLUGIN}: 'x:/tmp/x.so'}}}}", 3, SHELL),
    "a variable merged in": ("x: &x {env_set: {A: b}}\nhydra:\n  job: {<<: *x}", 2, SHELL),
    "a copied variable": ("hydra:\n  job:\n    env_copy: [HOME]", 4, SHELL),
    "a function for Optuna": ("hydra:\n  sweeper: {custom_search_space: os.system}", 3, "it stays null"),
    "a store": ("hydra:\n  sweeper:\n    storage: redis://x", 4, "it stays null"),
    "a stream from elsewhere": ("hydra:\n  job_logging: {handlers: {x: {stream: '${a}'}}}", 3, "ext://sys.std"),
    "a log elsewhere": ("a: {handlers: {x: {class: logging.FileHandler}}}", 2, "FileHandler"),
    "a log's file": ("hydra:\n  job_logging: {handlers: {x: {filename: notes.txt}}}", 3, "train.log"),
    "logs to a server": ("a: {class: logging.handlers.SocketHandler}", 2, "SocketHandler: it names code"),
    "a command": ("hydra:\n  launcher:\n    setup: [touch canary]", 4, "it holds commands"),
    "an early grid": ("hydra:\n  sweeper:\n    params: {data.test_seed: '${a}'}", 4, "write it in its own"),
    "a grid of Hydra's": ("hydra:\n  sweeper:\n    params: {+hydra.job.env_set.X: 1}", 4, "not swept"),
    "a grid of files": ("hydra:\n  sweeper:\n    params: {experiment: ../../x}", 4, "experiment=../../x"),
    "another place": ("defaults:\n  - /more@hydra.job_logging: x", 3, "keys into Hydra's own"),
}  # fmt: skip


def written(text: str, place: str = "mine/experiment/x.yaml") -> None:
    Path(place).parent.mkdir(parents=True, exist_ok=True)
    Path(place).write_text(text)


@pytest.fixture
def refused(command):
    """What the command says on its one line; it makes nothing in its folder."""

    def run(*arguments: str) -> str:
        before = sorted(Path().iterdir())
        done = command(shlex.join(arguments))
        assert (done.code, done.out, done.err.count("\n")) == (1, "", 1), done.err
        assert sorted(Path().iterdir()) == before
        return done.err.removeprefix("error: ")

    return run


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_refused_by_its_line(refused, name):
    text, line, told = FILES[name]
    written(HEADER + text)
    message = refused("--config-dir=mine", "experiment=x")
    assert message.startswith(f"mine/experiment/x.yaml, line {line}: ")
    assert told in message


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("mine/x.yaml", "# @package hydra.callbacks\nx: ${model}"),
        ("mine/x.yaml", "\n#\n# @package _global_.hydra.job.env_set\nX: 1"),
        ("mine/hydra/job_logging/x.yaml", "handlers: {x: {level: '${seed}'}}"),
        ("mine/hydra/x.yaml", "# @package _group_.callbacks\nx: ${model}"),
    ],
)
def test_a_files_header_or_folder_says_where_its_keys_are(refused, place, text):
    written(text, place)
    assert refused("--config-dir=mine").startswith(f"{place}, line {text.count(chr(10)) + 1}: hydra.")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["+hydra.callbacks.x=\"${oc.decode:'{a:1}'}\""], NOT_READ),
        ([r"+hydra.callbacks.x=$\{oc.decode\:a\}"], NOT_READ),
        ([r"+hydra.callbacks.x=$\{model\}"], f"hydra.callbacks.x=${{model}}: {WRITE_OUT}"),
        (["hydra.sweeper=${model}"], "hydra.sweeper=${model}: a section is written out here"),
        (["+model@hydra.callbacks=mlp"], "keys into Hydra's own"),
        ([f"+hydra.job.env_set.{PLUGIN}=x:/tmp/x.so"], SHELL),
        (["hydra.job.env_copy=[REGJAX_TEST_SECRET]"], "hydra.job.env_copy=REGJAX_TEST_SECRET: set"),
        (["hydra.job_logging.handlers.console.stream=x"], "it must be ext://sys.stdout or ext://sys.stderr"),
        (["hydra.searchpath=[${oc.env:HOME}]"], "${oc.env:HOME}: it is saved with every run"),
        (["hydra/job_logging=default", "hydra.job_logging.handlers.file.filename=x"], "train.log; take it"),
        (["hydra.job.name=../x"], "hydra.job.name=../x: it must be a name without /"),
        (["hydra.run.dir=${oc.env:NOPE}"], "hydra.run.dir=${oc.env:NOPE}: KeyError raised while resolving"),
        (["+hydra.sweeper.params.seed=1"], "+hydra.sweeper.params.seed=1: AssertionError"),
    ],
)  # fmt: skip
def test_an_argument_is_refused(refused, monkeypatch, arguments, told):
    monkeypatch.setenv("REGJAX_TEST_SECRET", "hush")
    message = refused(*arguments)
    assert told in message
    assert "hush" not in message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('hydra: {run: {dir: "a\\nb"}}', r"hydra.run.dir=a\nb: it has a character that cannot be shown"),
        ('hydra: {run: {dir: "a\\0b"}}', r"hydra.run.dir=a\x00b: it has a character that cannot be shown"),
        ("hydra: {run: {dir: ~/x}}", "hydra.run.dir=~/x: ~ is not read here; write the folder in full: /"),
        ("hydra: {run: {dir: '${oc.env:PLACE}'}}", "hydra.run.dir=~/y: ~ is not read here"),
        ("hydra: {output_subdir: .hydra}", "hydra.output_subdir=.hydra: it stays null"),
        ("hydra: {mode: MULTIRUN, sweep: {dir: ~/x}}", "hydra.sweep.dir=~/x: ~ is not read here"),
        ("hydra: {mode: MULTIRUN, sweep: {subdir: ../x}}", "subdir=../x: it must name a folder inside"),
        ("hydra: {mode: MULTIRUN, sweep: {subdir: '${oc.env:PLACE}'}}", "hydra.sweep.subdir=~/y: ~ is"),
        ("hydra: {mode: MULTIRUN, sweep: {subdir: 'a${oc.env:PLACE}'}}", "subdir=a${oc.env:PLACE}: it is"),
    ],
)  # fmt: skip
def test_a_folder_that_a_file_names_is_checked_before_it_is_made(refused, monkeypatch, text, told):
    monkeypatch.setenv("PLACE", "~/y")
    written(HEADER + text)
    assert told in refused("--config-dir=mine", "experiment=x", "hydra/launcher=basic")


@pytest.mark.parametrize(
    "choice", ["launcher=basic", "job_logging=default", "job_logging=none", "hydra_logging=hydra_debug"]
)
def test_what_hydra_brings_itself_is_taken(command, choice):
    assert command(f"hydra/{choice} --cfg job -p seed").out == "0\n"


def test_a_folder_of_another_mode_and_harmless_settings_are_taken(command):
    written(f"{HEADER}hydra:\n  sweep: {{dir: ~/x}}\n  run: {{dir: '../${{now:%Y}}'}}\n  verbose: true\n")
    assert command("--config-dir=mine experiment=x --cfg job -p seed").out == "0\n"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hydra.launcher.submitit_folder", "${hydra.sweep.dir}/.submitit/%j"),
        ("hydra.launcher.env_setup.pip_packages.ray", "${ray_pkg_version:ray}"),
        ("hydra.launcher._target_", "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher"),
        ("hydra.sweeper.storage", None),
        ("hydra.sweeper.params.data.split_seed", "0,1"),
        ("data.manual_dir", "${oc.env:HOME}"),
        ("hydra.job", None),
    ],
)
def test_what_plugins_declare_and_jobs_read_is_taken(key, value):
    assert objection(key.split("."), value) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hydra.launcher._target_", "os.system"),
        ("hydra.launcher.name", "${hydra.job.name}${data.name}"),
        ("hydra.job_logging.handlers.x.formatter", "${hydra.job.name}"),
        ("hydra.sweeper.params.data.split_seed", r"\${seed}"),
        ("hydra.sweeper.params", "${model}"),
    ],
)
def test_what_resembles_it_is_refused(key, value):
    assert objection(key.split("."), value)
