"""What users are told of a configuration that cannot be composed, in one message."""

import re
import tomllib

import pytest
from hydra.core.config_store import ConfigStore

from regjax.config.messages import EXTRAS
from tests.small import ROOT

# Choices that come with an extra, one at least for each.
PLUGINS = {
    "hydra/launcher": ("joblib", "submitit_local", "submitit_slurm", "ray"),
    "hydra/sweeper": ("optuna",),
}


@pytest.mark.parametrize("given", ["0", "abc", "[a]", "null"])
def test_widths_of_another_kind_are_told_what_is_allowed(command, given):
    done = command(f"model.hidden={given} --cfg job")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error: model.hidden={given}: must list layer widths of 1 or more")
    assert "[300,100]" in done.err


@pytest.mark.parametrize(
    ("group", "name"), [(group, name) for group, names in PLUGINS.items() for name in names]
)
def test_a_plugin_that_is_not_installed_comes_with_the_extra_that_brings_it(
    command, monkeypatch, group, name
):
    kind = group.partition("/")[2]
    command("--cfg job")  # plugins are looked for once
    choices = ConfigStore.instance().repo["hydra"][kind]
    monkeypatch.delitem(choices, f"{name}.yaml", raising=False)
    done = command(f"{group}={name} --cfg job")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error: {group}={name}: must be one of basic")
    brings = re.search(r"pip install -e '\.\[(\w+)\]'", done.err)[1]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert name.startswith(brings)
    assert any(requirement.startswith(f"hydra-{brings}-{kind}") for requirement in extras[brings])


def test_every_extra_is_among_the_plugins_above():
    names = [name for group in PLUGINS.values() for name in group]
    assert all(any(name.startswith(extra) for name in names) for extra in EXTRAS)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("checkpoint=null", "checkpoint=null: must be one of selected, every_epoch, every_minutes, none."),
        ("penalty=l2", "penalty=l2: must be a section of keys, which are l1, l2, biases."),
        ("data=tfds", "data.name: must be given; add data.name=VALUE."),
        ("hydra.run.dir=a=b", "A value with =, brackets or commas takes quotes: 'KEY=\"VALUE\"'."),
        ("'data.split_seed=${data.test_sed}'", "data.test_sed"),
    ],
)
def test_a_value_that_cannot_be_read_is_told_with_its_key_and_what_is_allowed(command, given, told):
    done = command(f"{given} data=wine" if "data=" not in given else given)
    key = given.strip("'").partition("=")[0].removesuffix("=tfds")
    assert (done.code, done.out) == (1, "")
    assert f"error: {key}" in done.err
    assert told in done.err
