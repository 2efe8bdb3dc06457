"""What `python -m regjax.explain` says, and the JSON schema, by another implementation's judgement."""

import json
import os
import subprocess
import sys

import jsonschema
import pytest
from omegaconf import OmegaConf

from regjax.config import flatten
from regjax.config.json_schema import json_schema
from regjax.explain import main
from regjax.techniques.table import TABLE
from tests.small import ROOT, composed


@pytest.fixture
def told(capsys):
    """What a command says, each line without the space before it."""

    def run(*arguments, code=0):
        assert main(arguments) == code
        out, err = capsys.readouterr()
        assert all(len(line) <= 80 or "https://" in line for line in out.splitlines())
        return " ".join((err if code else out).split())

    return run


def test_alone_it_lists_every_technique_below_the_place_where_it_acts(told):
    listed = told()
    for row in TABLE:
        assert f"{row.name} {row.choice.key if row.choice else row.strength.key}" in listed
    assert listed.index("As a term that is added to the loss:") < listed.index("l2 penalty.l2")
    assert listed.index("l2 penalty.l2") < listed.index("On each kernel after its update:")


# L2 as the documents of Keras, PyTorch and scikit-learn (alpha / 2, divided by the rows of a batch) define
# it, and decoupled decay as Loshchilov & Hutter 2019 do.
@pytest.mark.parametrize(
    ("given", "parts"),
    [
        (
            "l2",
            "strength * sum(w^2) | penalty.l2=0.0001: must be a finite number, 0 or more; 0 is off | 1992",
        ),
        (
            "l2 penalty.l2=1e-3",
            "Keras L2(l2): 0.001 | weight_decay): 0.002, for kernels alone | MLPClassifier(alpha): 0.064",
        ),
        ("regularization=[l2] optimizer=adamw", "our weight_decay: no equal value under adamw"),
        ("l2 optimizer=sgd", "AdamW and our weight_decay: 0.0002"),
        ("l2 optimizer=sgd optimizer.momentum=0.9", "no equal value under sgd with momentum"),
        ("l2 penalty.biases=true", "RMSprop(weight_decay): 0.0002 AdamW | no equal value: it spares biases"),
        ("dropout model.dropout=0", "dropout formula | model.dropout=0: must be"),
        ("l2 trainer.batch_size=100", "scikit-learn MLPClassifier(alpha): 0.02"),
        ("dropout model.dropout=[0.1,0.3]", "Keras Dropout(rate): 0.1, 0.3"),
        (
            "dropout model.dropout_schedule=linear model.dropout_final=0.5",
            "model.dropout=0.2, linear to 0.5 | Keras Dropout(rate): 0.2 to 0.5",
        ),
        ("batch_norm", "PyTorch BatchNorm1d(momentum): 0.01 | needs 2 rows or more in a batch"),
        ("elastic_net", "l1 formula | l2 formula"),
        ("batch_norm layer_norm", "batch_norm formula | layer_norm formula"),
        ("r_drop", "r_drop formula | needs one of dropout, input_dropout"),
        ("weight_decay", "optimizer.weight_decay=0.01: | 0 is off; may follow a schedule"),
        ("optimizer=sgd", "No technique is on."),
    ],
)
def test_a_technique_is_explained_at_its_strength_with_the_same_one_elsewhere(told, given, parts):
    answer = told(*given.split())
    assert [part for part in parts.split(" | ") if part not in answer] == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("lables_moothing", "error: regularization=lables_moothing: it is not one of"),
        ("model.dropuot=0.1", "Did you mean 'model.dropout'?"),
        ("penalty.l2=-1", "error: penalty.l2=-1.0: must be a finite number, 0 or more."),
    ],
)
def test_a_wrong_word_is_refused_as_by_train_py(told, given, message):
    assert message in told(given, code=1)


def test_it_works_in_every_folder(tmp_path):
    command = [sys.executable, "-m", "regjax.explain", "l2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "penalty.l2=0.0001" in done.stdout) == (0, True)


def nested(flat):
    sections = {}
    for key, value in flat.items():
        section, _, leaf = key.rpartition(".")
        (sections.setdefault(section, {}) if section else sections)[leaf] = value
    return sections


@pytest.fixture(scope="module")
def schema():
    found = json_schema()
    jsonschema.Draft202012Validator.check_schema(found)
    return found


def test_the_schema_is_printed(schema, capsys):
    assert main(["--json-schema"]) == 0
    assert json.loads(capsys.readouterr().out) == schema


@pytest.mark.parametrize("path", sorted((ROOT / "conf").rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_file_is_valid_by_the_schema(schema, path):
    group = path.relative_to(ROOT / "conf").parts[0]
    text = path.read_text()
    if group == "hydra":
        pytest.skip("Hydra's own files have other keys")
    own = {"$defs": schema["$defs"], "$ref": f"#/$defs/{group}"}
    part = schema if "_global_" in text or group == "config.yaml" else own
    # OmegaConf takes 1e-3 for a number, as YAML 1.2 does, which editors read.
    jsonschema.Draft202012Validator(part).validate(OmegaConf.to_container(OmegaConf.load(path)))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model.dropuot", 0.1), ("model.dropout", 1.5), ("model.dropout", [0.1, "a"]), ("penalty.l2", -1),
        ("average.ema", 1), ("constraint.max_norm", 0), ("model.activation", "relo"), ("trainer.epochs", 1.5),
        ("model.hidden", [0]), ("early_stopping.patience", -1), ("model.dropout_schedule", "foo"), ("foo", 1),
    ],
)  # fmt: skip
def test_the_schema_refuses_what_the_command_line_refuses(schema, key, value):
    flat = flatten(composed())
    jsonschema.validate(nested(flat), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(nested(flat | {key: value}), schema)
