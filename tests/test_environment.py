"""What a configuration takes from the environment is never saved, however it was written."""

import json

import pytest
from hydra import compose, initialize_config_dir

from regjax.config import from_environment, masked, register_schema
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


@pytest.mark.slow
def test_a_refused_job_of_a_sweep_saves_its_interpolation_alone(command, tmp_path, monkeypatch):
    monkeypatch.setenv("REGJAX_TEST_SECRET", SECRET)
    given = "'model.dropout=[${oc.env:REGJAX_TEST_SECRET},0],0'"
    done = command(f"-m data=wine model.hidden=[8,8] trainer.epochs=1 hydra.sweep.dir=out {given}")
    assert done.code == 1
    saved = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert {"comparison.json", "comparison.md", "train.log", "hydra.yaml"} <= {path.name for path in saved}
    assert [path for path in saved if b"very-secret" in path.read_bytes()] == []
    summary = json.loads((tmp_path / "out/0/summary.json").read_text())
    assert summary["config"]["model.dropout"] == "<['oc.env:REGJAX_TEST_SECRET', 0]>"
    assert summary["reason"].startswith("model.dropout=[")
