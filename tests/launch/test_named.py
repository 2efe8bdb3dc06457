"""`regularization=` on the command line: the techniques that it names are trained, and no others."""

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import open_dict

from regjax.errors import UserError
from regjax.launch.composing import Refused, job_of
from tests.small import ROOT

EXPERIMENTS = {
    "chosen": "defaults:\n  - override /regularization: [dropout]\n",
    "stronger": "defaults:\n  - override /regularization: [dropout]\nmodel: {dropout: 0.3}\n",
    "off": "model: {dropout: 0}\n",
    "normed": "model: {norm: batch}\n",
    "decaying": "defaults:\n  - override /optimizer: adamw\n",
}


@pytest.fixture
def job(tmp_path):
    """The job of a command line, where there is an experiment for each of those above."""
    (tmp_path / "experiment").mkdir()
    for name, text in EXPERIMENTS.items():
        (tmp_path / "experiment" / f"{name}.yaml").write_text(f"# @package _global_\n{text}")

    def composed(arguments):
        given = [f"hydra.searchpath=[file://{tmp_path}]", *arguments.split()]
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            whole = compose("config", given, return_hydra_config=True)
        hydra = whole.hydra
        with open_dict(whole):
            del whole["hydra"]
        return job_of(whole, hydra)

    return composed


@pytest.mark.parametrize(
    ("arguments", "rate"),
    [
        ("experiment=chosen", 0.2),
        ("experiment=chosen regularization=none", 0),
        ("experiment=papers/keras_mlp regularization=none", 0),
        ("experiment=chosen regularization=[l2]", 0),
        ("experiment=stronger", 0.3),
        ("experiment=stronger regularization=[l2,dropout]", 0.3),
        ("experiment=stronger regularization=none model.dropout=0", 0),
        ("experiment=stronger regularization=none model.dropout=0.4", 0.4),
        ("regularization=dropout model.dropout=0", 0),
        ("regularization=none model.dropout_schedule=linear model.dropout_final=0.5", 0),
        ("model.dropout=0.2", 0.2),
        ("regularization=none optimizer=adamw", 0),
        ("experiment=decaying", 0),
    ],
)
def test_a_typed_list_replaces_the_choice_of_a_file_and_a_typed_number_stands(job, arguments, rate):
    assert job(arguments).config.model.dropout == rate


@pytest.mark.parametrize(
    ("experiment", "names", "told"),
    [
        ("experiment=stronger", "none", "experiment/stronger.yaml turns dropout on (model.dropout=0.3)"),
        ("experiment=off", "dropout", "experiment/off.yaml turns dropout off (model.dropout=0)"),
        ("experiment=normed", "none", "experiment/normed.yaml turns batch_norm on (model.norm=batch)"),
        ("experiment=normed", "layer_norm", "experiment/normed.yaml turns batch_norm on"),
        ("experiment=decaying", "none", "optimizer/adamw.yaml turns weight_decay on"),
    ],
)
def test_a_list_that_a_file_overrules_is_refused_with_the_key_and_the_file(job, experiment, names, told):
    with pytest.raises(UserError) as refused:
        job(f"{experiment} regularization=[{names}]")
    assert str(refused.value).startswith(f"regularization=[{names}]: {told}")


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ("[dropout,none]", "none stands alone; leave it out: 'regularization=[dropout]'"),
        ("[l2,l1,l2]", "l2 is named 2 times"),
        ("[l2,elastic_net]", "l2 and elastic_net both set penalty.l2; name one of them"),
        ("[batch_norm,layer_norm]", "batch_norm and layer_norm both set model.norm"),
    ],
)
def test_a_list_that_contradicts_itself_is_refused_for_its_job(job, names, told):
    refused = job(f"regularization={names}")
    assert isinstance(refused, Refused)
    assert refused.reason.startswith(f"regularization={names}: {told}")


def test_a_choice_that_is_typed_beside_another_technique_of_its_key_is_refused(job):
    told = "regularization=[layer_norm] turns layer_norm on, which is model.norm=layer; name one of them"
    with pytest.raises(UserError) as refusal:
        job("regularization=[layer_norm] model.norm=batch")
    assert str(refusal.value) == f"model.norm=batch: {told}."
    assert job("regularization=[layer_norm] model.norm=none").config.model.norm == "none"


def test_a_file_that_sets_a_key_of_no_technique_is_named(command, tmp_path):
    (tmp_path / "regularization").mkdir()
    (tmp_path / "regularization" / "gate.yaml").write_text("# @package _global_\npenalty:\n  gate: 1\n")
    code, _, err = command(f"hydra.searchpath=[file://{tmp_path}] regularization=gate")
    assert code == 1
    assert "In 'regularization/gate': penalty.gate: there is no such key. penalty has biases, l1, l2" in err


@pytest.mark.parametrize(
    ("lists", "number", "told"),
    [
        ("l2,dropout", "model.dropout=0", "it turns dropout off in every job, and regularization=[dropout]"),
        ("l1,l2", "penalty.l1=0", "it turns l1 off in every job, and regularization=[l1] says otherwise"),
        ("none,l2", "model.dropout=0.3", "it turns dropout on in every job, and regularization=[none]"),
    ],
)
def test_a_number_for_all_jobs_that_makes_a_name_lie_is_refused(command, lists, number, told):
    code, _, err = command(f"-m regularization={lists} {number}")
    assert code == 1
    assert f"error: {number}: {told}" in err


def test_choices_that_a_typed_number_makes_the_same_run_are_refused(command):
    code, _, err = command("-m regularization=none,dropout model.dropout=0.3")
    assert code == 1
    told = "model.dropout=0.3: regularization=[none] and regularization=[dropout] are the same run"
    assert told in err
