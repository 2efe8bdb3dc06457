"""A sweep's jobs are composed as Hydra composes them. Hydra's own loader gives what is expected."""

from contextlib import contextmanager
from itertools import chain
from unittest.mock import patch

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, ListConfig, OmegaConf

from regjax.launch.loader import SweepLoader
from tests.faults.command_lines import KEYS, command_lines, overrides, values
from tests.small import ROOT

# Overrides that Hydra composes whole, or at the beginning of each job that has them.
SPECIAL = (
    "+new=1", "+new={a:1}", "++new.a=2", "++seed=3", "~seed", "~model.dropout", "~model.dropout=0.0",
    "~debug", "~regularization", "+optimizer@second=sgd", "optimizer@second=sgd",
    "+model@optimizer=mlp", "data@here=wine", "experiment/papers=keras_mlp",
    "+experiment/papers=keras_mlp", "model={dropout:0.3}", "penalty={l1:1,l2:2}", "hydra.job.name=mine",
    "hydra.job.name='${seed}'", "+hydra.job.env_set.X=1", "hydra.job.env_copy=[HOME]", "seed@x=1",
    "hydra/launcher=basic", "hydra.sweep.subdir='${seed}'", "hydrate=1", "data=tfds", "data.name=x",
    "seed.a=1",
)  # fmt: skip
PLAIN = {
    "model.dropout": (
        "0.5",
        "'0.5'",
        "[0.1,0.2]",
        "null",
        "${seed}",
        "a b",
        "'a, b=c'",
        "true",
        "1e-3",
        "x:y",
    ),
    "seed": ("7", "7.0", "x", "null", "${trainer.epochs}", "???", "'7'", "${oc.env:HOME}"),
    "model.hidden": ("[]", "[8,4]", "[a]", "3", "null", "${oc.decode:'[1]'}"),
    "model.hidden[0]": ("3", "x"),
    "early_stopping.patience": ("3", "null", "3.5"),
    "data.validation": ("0", "first:9", "'${now:%Y}'"),
    "penalty.biases": ("yes", "0", "maybe"),
    "optimizer.momentum": ("0.9", "null", "'-'"),
    "model.dropuot": ("0.1",),
    "regularization": ("none", "[dropout,l2]", "[]", "dropout", "nope", "null"),
    "optimizer": ("sgd", "adam", "null"),
}


def described(node):
    """A configuration and all that OmegaConf knows of it, without resolving anything."""
    meta = vars(node._metadata) | {"resolver_cache": None}
    meta = {
        name: (sorted(value.items()) if name == "flags" and value else value) for name, value in meta.items()
    }
    content = node.__dict__["_content"] if isinstance(node, DictConfig | ListConfig) else None
    if isinstance(content, dict):
        content = {key: described(child) for key, child in content.items()}
    elif isinstance(content, list):
        content = [described(child) for child in content]
    value = node._value() if not isinstance(node, DictConfig | ListConfig) else None
    return type(node), {name: repr(entry) for name, entry in meta.items()}, content, repr(value)


def end_of(compose, texts):
    """What composing gives, or the error and its cause."""
    try:
        whole = compose(list(texts))
    except Exception as error:
        return type(error), str(error), repr(error.__cause__)
    return described(whole), OmegaConf.to_yaml(whole), OmegaConf.get_cache(whole)


@contextmanager
def loaders_of(*given):
    """The faster loader, Hydra's, and the sweep of these overrides."""
    GlobalHydra.instance().clear()  # the one of the module's fixture, whose loaders go on working
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        hydra = GlobalHydra.instance().config_loader()
        sweep = hydra.load_configuration("config", list(given), run_mode=RunMode.MULTIRUN)
        yield SweepLoader(hydra, sweep), hydra, sweep


@pytest.fixture(scope="module")
def loaders():
    with loaders_of("seed=0,1", "hydra.output_subdir=settings", "model.dropout=0.1") as found:
        yield found


def agree(loaders, jobs):
    ours, hydra, sweep = loaders
    for texts in jobs:
        found = end_of(lambda given: ours.load_sweep_config(sweep, given), texts)
        assert found == end_of(lambda given: hydra.load_sweep_config(sweep, given), texts), texts


plain = st.sampled_from([f"{key}={value}" for key, options in PLAIN.items() for value in options])
jobs = st.one_of(
    st.lists(plain, max_size=4),
    st.lists(st.one_of(plain, plain, st.sampled_from(SPECIAL)), max_size=4),
    st.lists(st.builds("{}={}".format, st.sampled_from(KEYS), values()), min_size=1, max_size=2),
    st.lists(overrides(), min_size=1, max_size=2).map(lambda lists: list(chain(*lists))),
    command_lines(),
)


@settings(max_examples=8, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
@given(st.lists(jobs, min_size=1, max_size=2))
def test_jobs_are_composed_as_by_hydra_errors_included(loaders, drawn):
    agree(loaders, drawn)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, database=None, phases=[Phase.generate])
@given(st.lists(jobs, min_size=1, max_size=3))
def test_many_jobs_are_composed_as_by_hydra(loaders, drawn):
    agree(loaders, drawn)


@pytest.mark.parametrize("override", SPECIAL)
def test_what_is_not_plain_counts_where_it_stands(loaders, override):
    agree(loaders, [["seed=3", override, "model.dropout=0.3", "optimizer=sgd"]])


def test_a_job_has_the_times_of_the_sweep_also_those_read_later(loaders):
    agree(loaders, [["seed=1"]])
    assert str(loaders[2].hydra.run.dir) != str(OmegaConf.to_container(loaders[2].hydra.run)["dir"])
    agree(loaders, [["seed=1"]])


def test_folders_of_a_search_path_are_groups(tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(
        "# @package _global_\nseed: 9\nmodel: {dropout: 0.5}\n"
    )
    (tmp_path / "precision").mkdir()  # an empty group: its name is no key any more
    with loaders_of(f"hydra.searchpath=[file://{tmp_path}]") as found:
        agree(found, [["seed=3", "experiment=mine"], ["experiment=mine", "seed=3"], ["precision=tf32"]])
        assert found[0].compose(["experiment=mine", "seed=3"])[0].model.dropout == 0.5


def test_hydra_composes_once_for_each_set_of_choices():
    """The bases count: a fast path that always gave up would agree as well."""
    with (
        loaders_of("seed=0") as (ours, hydra, sweep),
        patch.object(hydra, "load_sweep_config", wraps=hydra.load_sweep_config) as composing,
    ):
        for optimizer in ("adam", "sgd"):
            for rate in ("0.1", "[0.1,0.2]", "'${seed}'"):
                for seed in range(5):
                    ours.load_sweep_config(
                        sweep, [f"model.dropout={rate}", f"optimizer={optimizer}", f"seed={seed}"]
                    )
        assert composing.call_count == 2
