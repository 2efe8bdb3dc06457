"""What a configuration takes from the environment is never saved, however it was written."""

import json

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from regjax.config import from_environment, masked, register_schema, secrets_of_hydra
from tests.commands import PATIENCE, begin, finish
from tests.small import ROOT

SECRET = "it's \\ very-secret"


@pytest.fixture
def hidden(monkeypatch):
    """The hidden keys of a configuration with these overrides, its `data.manual_dir` the secret."""
    monkeypatch.setenv("REGJAX_TEST_SECRET", SECRET)
    monkeypatch.setenv("REGJAX_TEST_NUMBER", "7")
    monkeypatch.delenv("REGJAX_CACHE_DIR")
    register_schema()

    def of(*overrides):
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            given = ["data.manual_dir=${oc.env:REGJAX_TEST_SECRET}", *overrides]
            return from_environment(compose("config", given))

    return of


@pytest.mark.parametrize(
    "written",
    [
        "${data.manual_dir}",
        "${.manual_dir}",
        "${data[manual_dir]}",
        "${oc.select:data.manual_dir}",
        "${oc.env:REGJAX_TEST_SECRET,x}",
        "a/${oc.env:NOT_SET,${oc.env:REGJAX_TEST_SECRET}}",
        "${oc.env:${data.name}_SECRET}",
        "${oc.env:NOT_SET,a}/${data.manual_dir}",
    ],
)
def test_a_text_is_hidden_whichever_way_it_comes_from_the_environment(hidden, written):
    plain = written.replace("${", "").replace("}", "")
    expected = {"data.data_dir": f"<{plain}>", "data.manual_dir": "<oc.env:REGJAX_TEST_SECRET>"}
    assert hidden("data.name=REGJAX_TEST", f"data.data_dir='{written}'") == expected


@pytest.mark.parametrize("value", ["[${oc.env:REGJAX_TEST_SECRET},0]", "${data}", "{a:${data.manual_dir}}"])
def test_a_text_is_hidden_inside_of_lists_and_sections(hidden, value):
    assert set(hidden(f"model.dropout={value}")) == {"data.manual_dir", "model.dropout"}


def test_numbers_choices_defaults_and_what_refers_to_them_are_shown(hidden, monkeypatch):
    monkeypatch.setenv("REGJAX_TEST_CHOICE", "gelu")
    overrides = (
        "data.split_seed=${seed}", "model.hidden=[${oc.env:REGJAX_TEST_NUMBER},4]",
        "seed=${oc.env:REGJAX_TEST_NUMBER}", "model.activation=${oc.env:REGJAX_TEST_CHOICE}",
        "data.data_dir=${cache_dir}/more", "compare.baseline=${oc.env:NOT_SET,l2}",
    )  # fmt: skip
    assert set(hidden(*overrides)) == {"data.manual_dir"}
    assert set(hidden("model.activation=${oc.env:REGJAX_TEST_SECRET}")) == {
        "data.manual_dir",
        "model.activation",
    }


def test_a_message_is_masked_in_one_pass_with_texts_as_lists_show_them():
    values = {"a": ["one", SECRET, 0], "b": "one", "c": "shown", "d": "", "e": "one.two"}
    hidden = {"a": "<ONE>", "b": "<one>", "d": "<d>", "e": "<E>"}
    message = f"a={values['a']}: {SECRET}, not shown; one.two"
    assert masked(message, values, {"a": "<A>", "d": "<d>", "e": "<one>"}) == (
        "a=['<A>', \"<A>\", 0]: <A>, not shown; <one>"
    )
    assert masked("nothing to hide", values, {}) == "nothing to hide"
    assert SECRET not in masked(message, values, hidden)


@pytest.mark.parametrize(
    ("written", "saved"),
    [
        ("${oc.env:REGJAX_TEST_SECRET}/a", "<oc.env:REGJAX_TEST_SECRET/a>"),
        ("out/${data.manual_dir}/${now:%Y}", "<out/data.manual_dir/now:%Y>"),
        ("out/${hydra.job.name}", "<out/hydra.job.name>"),
        ("out/${hydra:job.name}", "<out/hydra:job.name>"),
        ("out/${now:%Y}/${seed}-${hydra:job.num}", None),
        ("${oc.env:NOT_SET,out}", None),
    ],
)
def test_a_folder_of_hydras_is_hidden_where_it_may_have_a_text_of_the_environment(
    monkeypatch, written, saved
):
    monkeypatch.setenv("REGJAX_TEST_SECRET", SECRET)
    task = {"seed": 0, "data": {"manual_dir": "${oc.env:REGJAX_TEST_SECRET}"}}
    hydra = {"run": {"dir": written}, "job": {"name": "${data.manual_dir}", "num": "???"}}
    hidden = secrets_of_hydra(task, {"hydra": hydra})
    assert hidden.pop("hydra.job.name") == "<data.manual_dir>"
    assert hidden == ({"hydra.run.dir": saved} if saved else {})


def files_with_secrets(folder):
    """Which files have the secret, of how many."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if b"very-secret" in path.read_bytes()], len(files)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "id_and_directory"),
    [
        ("hydra.run.dir='out/${oc.env:REGJAX_TEST_SECRET}'", ("???", "<out/oc.env:REGJAX_TEST_SECRET>")),
        (
            "-m hydra.sweep.dir='out/${oc.env:REGJAX_TEST_SECRET}'",
            ("<oc.env:REGJAX_TEST_SECRET>_0", "<out/oc.env:REGJAX_TEST_SECRET>/0"),
        ),
        (
            "-m hydra/launcher=basic hydra.sweep.dir='out/${oc.env:REGJAX_TEST_SECRET}'",
            ("0", "<out/oc.env:REGJAX_TEST_SECRET>/0"),
        ),
    ],
)
def test_names_from_the_environment_are_used_and_never_saved(
    tmp_path, monkeypatch, arguments, id_and_directory
):
    monkeypatch.setenv("REGJAX_TEST_SECRET", "very-secret")
    path = tmp_path / "mine/experiment/x.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(
        "# @package _global_\nhydra: {job: {name: '${oc.env:REGJAX_TEST_SECRET}'}, "
        "sweeper: {params: {seed: '3'}}}\ndata: {manual_dir: '${oc.env:REGJAX_TEST_SECRET}'}\n"
    )
    small = "experiment=x data=wine model.hidden=[8] trainer.epochs=1 checkpoint=every_epoch"
    finish(tmp_path, f"--config-dir mine {arguments} {small}")
    found, count = files_with_secrets(tmp_path / "out/very-secret")
    assert (found, count > 10) == ([], True)
    (saved,) = (tmp_path / "out").rglob("hydra.yaml")
    hydra = OmegaConf.to_container(OmegaConf.load(saved), resolve=False)["hydra"]
    assert (hydra["job"]["id"], hydra["runtime"]["output_dir"]) == id_and_directory
    if "-m" in arguments:
        summary = json.loads((tmp_path / "out/very-secret/0/summary.json").read_text())
        assert summary["config"]["data.manual_dir"] == "<oc.env:REGJAX_TEST_SECRET>"
        assert (summary["job"]["folder"], summary["config"]["seed"]) == ("0", 3)


@pytest.mark.slow
def test_a_refused_job_of_a_sweep_saves_its_interpolation_alone(command, tmp_path, monkeypatch):
    monkeypatch.setenv("REGJAX_TEST_SECRET", SECRET)
    given = "'model.dropout=[${oc.env:REGJAX_TEST_SECRET},0],0'"
    done = command(f"-m data=wine model.hidden=[8,8] trainer.epochs=1 hydra.sweep.dir=out {given}")
    assert done.code == 1
    saved = {path.name for path in (tmp_path / "out").rglob("*")}
    assert {"comparison.json", "comparison.md", "train.log", "hydra.yaml"} <= saved
    assert files_with_secrets(tmp_path / "out")[0] == []
    summary = json.loads((tmp_path / "out/0/summary.json").read_text())
    assert summary["config"]["model.dropout"] == "<['oc.env:REGJAX_TEST_SECRET', 0]>"
    assert summary["reason"].startswith("model.dropout=[")


@pytest.mark.slow
@pytest.mark.parametrize("key", ["data.manual_dir", "cache_dir"])
def test_a_refusal_in_a_process_of_another_launcher_is_logged_without_what_is_hidden(
    tmp_path, monkeypatch, key
):
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    (tmp_path / SECRET).write_text("no folder")
    monkeypatch.setenv("REGJAX_TEST_SECRET", str(tmp_path / SECRET))
    given = f"data=mnist '{key}=${{oc.env:REGJAX_TEST_SECRET}}' data.data_dir=none hydra.sweep.dir=out"
    process = begin(tmp_path, f"-m hydra/launcher=submitit_local seed=0 {given}")
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, "<oc.env:REGJAX_TEST_SECRET>" in err) == (1, True), err
    found, count = files_with_secrets(tmp_path / "out")
    assert (found, count > 2) == ([], True)
