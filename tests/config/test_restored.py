"""A saved configuration: what the environment gave is not in it, and nothing in it is resolved or called."""

import sys

import pytest
from hydra import compose, initialize_config_dir

from regjax.config import Config, flatten, from_environment, restored, typed
from regjax.config.ranges import NEUTRAL
from regjax.errors import UserError
from tests.small import ROOT, composed

FLAT = flatten(composed("optimizer=adamw"))


def saved(*overrides: str) -> tuple[dict, Config]:
    """What the environment gives of a configuration, and the configuration."""
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        task = compose("config", list(overrides))
    config = typed(task)
    written = from_environment(task, config)
    assert written.pop("cache_dir") == "${oc.env:REGJAX_CACHE_DIR,'~/.cache/regjax'}"  # of conf/config.yaml
    return written, config


@pytest.mark.parametrize("key", ["data.manual_dir", "data.data_dir", "data.mirror"])
@pytest.mark.parametrize("written", ["${oc.env:REGJAX_X,a}", "https://${oc.env:REGJAX_X}/"])
def test_a_text_of_the_environment_is_saved_as_written_and_read_back_without_it(monkeypatch, key, written):
    monkeypatch.setenv("REGJAX_X", "secret")
    found, config = saved(f'{key}="{written}"')
    assert "secret" in flatten(config)[key]
    assert found == {key: written}
    monkeypatch.delenv("REGJAX_X")
    again = flatten(restored(flatten(config) | found))
    assert (again.pop(key), again) == (None, {name: flatten(config)[name] for name in again})


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("seed", "7", 7),
        ("penalty.l2", "1e-3", 1e-3),
        ("model.use_bias", "false", False),
        ("model.norm", "batch", "batch"),
    ],
)
def test_numbers_and_choices_of_the_environment_are_saved_as_they_are(monkeypatch, key, text, value):
    monkeypatch.setenv("REGJAX_X", text)
    found, config = saved(key + "=${oc.env:REGJAX_X}")
    assert (found, flatten(config)[key]) == ({}, value)


@pytest.mark.parametrize(
    "given", ["optimizer=sgd schedule=step model.dropout=[0.1]", "data=mnist optimizer.clip_norm=1"]
)
def test_a_configuration_reads_back_as_it_was_saved(given):
    config = composed("model.hidden=[8]", *given.split())
    assert restored(flatten(config)) == config


@pytest.mark.parametrize("key", ["seed", "model.dropout", "model.activation", "data.validation"])
@pytest.mark.parametrize("value", ["${oc.env:HOME}", "???", ["${seed}"], {"a": "${seed}"}])
def test_no_other_key_may_be_left_unresolved(key, value):
    with pytest.raises(UserError, match=f"^{key}=.*: the configuration of a finished run must be resolved"):
        restored(FLAT | {key: value})


@pytest.mark.parametrize(
    "target", ["os.system", "builtins.open", "numpy.load", "functools.partial", "this.d"]
)
@pytest.mark.parametrize("key", ["", "model", "model.dropout", "model.hidden", "data.name"])
def test_nothing_that_a_saved_configuration_names_is_imported_or_called(key, target):
    node = {"_target_": target, "_args_": ["touch canary"]}
    given = {"_target_": target} if not key else {key: node}
    with pytest.raises(UserError, match=f"^{key or '_target_'}="):
        restored(FLAT | given)
    assert "this" not in sys.modules


@pytest.mark.parametrize("key", [*NEUTRAL, "report.epochs_to"])
def test_a_technique_or_key_that_a_saved_run_does_not_know_is_off(key):
    config = restored({name: value for name, value in FLAT.items() if name != key})
    assert flatten(config) == FLAT | {key: flatten(composed("regularization=none"))[key]}


def test_any_other_key_must_be_there():
    for key in ("seed", "model.hidden", "optimizer.learning_rate", "early_stopping.monitor"):
        with pytest.raises(UserError, match=f"^{key}: it is missing; another version of regjax wrote"):
            restored({name: value for name, value in FLAT.items() if name != key})


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        *[("seed", value, f"{value}: ") for value in ("many", -1, 10**400)],
        ("trainer.epochs", None, "null: "),
        ("model.hidden", 5, "5: "),
        ("model.dropout", "0.1", "0.1: "),
        ("optimizer.momentum", 0.9, "0.9: "),
        ("model.droput", 0.1, r"0\.1: a run has no such key\. .* 'model\.dropout'"),
    ],
)
def test_what_the_command_line_refuses_is_refused_of_a_saved_run_too(key, value, told):
    with pytest.raises(UserError, match=f"^{key}={told}"):
        restored(FLAT | {key: value})
