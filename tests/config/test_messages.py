"""What users are told of a configuration that cannot be composed, in one message."""

import re
import tomllib

import pytest
from hydra.core.config_store import ConfigStore

from regjax.config.messages import EXTRAS
from regjax.config.ranges import WIDTHS
from regjax.config.schema import known_keys
from tests.small import ROOT

# Choices that come with an extra, one at least for each.
PLUGINS = [
    *[("launcher", name) for name in ("joblib", "submitit_local", "submitit_slurm", "ray")],
    ("sweeper", "optuna"),
]


@pytest.mark.parametrize(("kind", "name"), PLUGINS)
def test_a_plugin_that_is_not_installed_comes_with_the_extra_that_brings_it(command, monkeypatch, kind, name):
    command("--cfg job")  # plugins are looked for once
    choices = ConfigStore.instance().repo["hydra"][kind]
    monkeypatch.delitem(choices, f"{name}.yaml", raising=False)
    done = command(f"hydra/{kind}={name} --cfg job")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error: hydra/{kind}={name}: must be one of basic")
    brings = re.search(r"pip install -e '\.\[(\w+)\]'", done.err)[1]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert name.startswith(brings)
    assert any(requirement.startswith(f"hydra-{brings}-{kind}") for requirement in extras[brings])
    assert {name for name in EXTRAS if not any(plugin.startswith(name) for _, plugin in PLUGINS)} == set()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("checkpoint=null", "checkpoint=null: must be one of selected, every_epoch, every_minutes, none."),
        ("penalty=l2", "penalty=l2: must be a section of keys, which are biases, l1, l2, group_lasso, "),
        *[(f"model.hidden={given}", f": {WIDTHS}.") for given in ("0", "abc", "[a]", "null")],
        ("data=tfds", "data.name: must be given; add data.name=VALUE."),
        ("hydra.run.dir=a=b", "A value with =, brackets or commas needs quotes: 'hydra.run.dir=\"a=b\"'."),
        ("'data.split_seed=${data.test_sed}'", "data.test_sed"),
        ("~early_stopping.patience", "no key can be removed; early_stopping.patience=null turns it off."),
        ("~model.norm", "no key can be removed; model.norm=none turns it off."),
        ("~model.hidden", "no key can be removed; leave it out.\n"),
        ("~early_stoping.patience", "Did you mean 'early_stopping.patience'?"),
        ("+experiment=notebook1", "experiment exists already; leave out the +: experiment=notebook1."),
        ("+optimizer=sgd", "optimizer exists already; leave out the +: optimizer=sgd."),
        ("++optimizer=sgd", "optimizer exists already; leave out the +: optimizer=sgd."),
        ("+seed=3", "seed exists already; leave out the +: seed=3."),
    ],
)
def test_a_value_that_cannot_be_read_is_told_with_its_key_and_what_is_allowed(command, given, told):
    done = command(f"{given} data=wine" if "data=" not in given else given)
    key = given.strip("'").partition("=")[0].removesuffix("=tfds")
    assert (done.code, done.out) == (1, "")
    assert f"error: {key}" in done.err
    assert told in done.err


TRAIN_EACH = "To train a run for each"
DATASETS = "must be one of breast_cancer, digits, fashion_mnist, kmnist, mnist, tfds, wine"
NO_TABLES = "Tables of your own (.csv, .npz) are not read yet."
PENALTIES = ", ".join(key.removeprefix("penalty.") for key in known_keys() if key.startswith("penalty."))
TECHNIQUES = ", ".join(sorted(path.stem for path in (ROOT / "conf/regularization").glob("*.yaml")))
NO_OPTION = "there is no such option. Settings have no dashes"
SPACES = "type a setting as KEY=VALUE, without spaces"
LIST = "type a list in quotes and brackets, with commas and no spaces"
SEEDS = "must be a whole number from 0 to 2147483647"
# What new users type, and the whole message.
TYPED = {
    "--epochs 5": f"--epochs: {NO_OPTION}: type trainer.epochs=5.",
    "--batch-size=64 seed=1": f"--batch-size=64: {NO_OPTION}: type trainer.batch_size=64.",
    "-model.dropout=0.2": f"-model.dropout=0.2: {NO_OPTION}: type model.dropout=0.2.",
    "--nonsense -m": f"--nonsense: {NO_OPTION}: `python train.py --help` shows both.",
    "--cfg jobs": "argument --cfg/-c: invalid choice: 'jobs' (choose from 'job', 'hydra', 'all').",
    "-m seed=1..5": f"seed=1..5: {SEEDS}. {TRAIN_EACH}: -m 'seed=range(1,6)'.",
    "-m seed=[0,1,2]": f"seed=[0,1,2]: {SEEDS}. {TRAIN_EACH}: -m 'seed=0,1,2'.",
    "seed=abc": f"seed=abc: {SEEDS}.",
    "regularization=[dropout l2]": (
        f"regularization=[dropout l2]: {LIST}: 'regularization=[dropout,l2]'."
    ),
    "regularization=[dropout, l2]": (
        f"regularization=[dropout, l2]: {LIST}: 'regularization=[dropout,l2]'."
    ),
    "model.hidden=[8,8": f"model.hidden=[8,8: {LIST}: 'model.hidden=[8,8]'.",
    "-m seed=range(3": "seed=range(3: a parenthesis is not closed: 'seed=range(3)'.",
    "-m seed=0,1,": "seed=0,1,: a comma at the end needs another value: seed=0,1.",
    "-m seed=rang(3)": (
        "seed=rang(3): function=rang: must be one of bool, choice, float, glob, int, interval, range, "
        "shuffle, sort, str, tag. Did you mean 'range'?"
    ),
    "penalty.l2=0,01": (
        f"penalty.l2=0,01: several values. {TRAIN_EACH}: -m 'penalty.l2=0,01'. "
        "A decimal has a point: penalty.l2=0.01."
    ),
    "seed=0,1": f"seed=0,1: several values. {TRAIN_EACH}: -m 'seed=0,1'.",
    "regularization=dropout,l2": (
        f"regularization=dropout,l2: several values. {TRAIN_EACH}: -m 'regularization=dropout,l2'. "
        "As one list: 'regularization=[dropout,l2]'."
    ),
    "regularization=weightdecay": (
        f"regularization=weightdecay: it is not one of the {TECHNIQUES.count(',') + 1} names."
        " Did you mean 'weight_decay'?"
    ),
    "regularization=l3": f"regularization=l3: must be one of {TECHNIQUES}.",
    "penalty.l3=0.1": f"penalty.l3=0.1: there is no such key. penalty has {PENALTIES}.",
    "callbacks=early_stopping": (
        "callbacks=early_stopping: there is no such key. Did you mean 'regularization=early_stopping'?"
    ),
    "+early_stopping.foo=1": (
        "early_stopping.foo=1: there is no such key, and none can be added. early_stopping has monitor, "
        "mode, min_delta, baseline, start_from_epoch, restore_best, patience."
    ),
    "data=/path/file.csv": f"data=/path/file.csv: {DATASETS}. {NO_TABLES}",
    "data=file.npz": f"data=file.npz: {DATASETS}. {NO_TABLES}",
    "model.dropout 0.2": f"model.dropout: {SPACES}: model.dropout=0.2.",
    "model.dropout = 0.2": f"model.dropout: {SPACES}: model.dropout=0.2.",
    "model.dropout= 0.2": f"0.2: {SPACES}: model.dropout=0.2.",
    "dropout": f"dropout: {SPACES}. Did you mean 'model.dropout'?",
    "model.dropout=1.5": (
        "model.dropout=1.5: must be a number from 0 to 1, or a list of them, one per hidden layer (here 2)."
    ),
}  # fmt: skip


@pytest.mark.parametrize("typed", TYPED)
def test_what_new_users_type_is_answered_by_what_to_type(command, typed):
    done = command(typed)
    assert (done.code, done.out) == (1, "")
    assert done.err.removeprefix("regjax: starting ...\n") == f"error: {TYPED[typed]}\n"


def test_options_may_stand_between_overrides(command):
    shown = command("model.dropout=0.2 --cfg job seed=3 -p seed trainer.epochs=1")
    assert (shown.code, shown.out) == (0, "3\n")
