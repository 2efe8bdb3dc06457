"""What users are told of a configuration that cannot be composed, in one message."""

import re
import tomllib

import pytest
from hydra.core.config_store import ConfigStore

from regjax.config.messages import EXTRAS
from regjax.config.ranges import WIDTHS
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
        ("penalty=l2", "penalty=l2: must be a section of keys, which are biases, l1, l2."),
        *[(f"model.hidden={given}", f": {WIDTHS}.") for given in ("0", "abc", "[a]", "null")],
        ("data=tfds", "data.name: must be given; add data.name=VALUE."),
        ("hydra.run.dir=a=b", "A value with =, brackets or commas takes quotes: 'KEY=\"VALUE\"'."),
        ("'data.split_seed=${data.test_sed}'", "data.test_sed"),
        ("~early_stopping.patience", "no key can be removed; early_stopping.patience=null turns it off."),
        ("~model.norm", "no key can be removed; model.norm=none turns it off."),
        ("~model.hidden", "no key can be removed; leave it out.\n"),
        ("~early_stoping.patience", "Did you mean 'early_stopping.patience'?"),
        ("+experiment=notebook1", "experiment is there already; leave out the +: experiment=notebook1."),
        ("+optimizer=sgd", "optimizer is there already; leave out the +: optimizer=sgd."),
        ("++optimizer=sgd", "optimizer is there already; leave out the +: optimizer=sgd."),
        ("+seed=3", "seed is there already; leave out the +: seed=3."),
    ],
)
def test_a_value_that_cannot_be_read_is_told_with_its_key_and_what_is_allowed(command, given, told):
    done = command(f"{given} data=wine" if "data=" not in given else given)
    key = given.strip("'").partition("=")[0].removesuffix("=tfds")
    assert (done.code, done.out) == (1, "")
    assert f"error: {key}" in done.err
    assert told in done.err
