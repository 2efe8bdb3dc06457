"""The jobs of a sweep and their settings: what Hydra, OmegaConf and `job_of` make of each job alone."""

import tempfile
from pathlib import Path

import pytest
from hydra._internal.callbacks import Callbacks
from hydra.core.hydra_config import HydraConfig
from hydra.types import HydraContext
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf, open_dict

from regjax.launch.composer import Composer
from regjax.launch.composing import job_of
from regjax.launch.settings import write_settings
from tests.launch.test_loader import jobs, loaders  # noqa: F401

NUMBERS = [["seed=3", "model.dropout=0.1"], ["seed=4", "model.dropout=0.2"], ["seed=5", "penalty.l2=1"]]
VARYING = [
    ["model.input_dropout=${model.dropout}", "model.dropout=0.3", "cache_dir=here"],
    ["model.dropout=0.1"],
    ["model.dropout=0.4", "cache_dir='${oc.env:HOME}'"],
    ["data.manual_dir='${oc.env:HOME}/x'", "seed=1e3"],
]
DEPENDENT = [["++penalty.l2=${model.dropout}", f"model.dropout={rate}"] for rate in ("0.1", "0.2")]


@pytest.fixture
def composer(loaders):  # noqa: F811
    _, hydra, sweep = loaders
    yield Composer(HydraContext(hydra, Callbacks()), sweep)
    HydraConfig.instance().cfg = None


def end_of(compose, *given):
    try:
        return compose(*given)
    except Exception as error:
        return type(error), str(error)


def as_read(text):
    """The content of a file and its order. PyYAML's compiled emitter breaks some lines elsewhere."""
    return repr(OmegaConf.to_container(OmegaConf.create(text), resolve=False))


def ours(composer, texts, number):
    composed = composer.composed(texts, number)
    with tempfile.TemporaryDirectory() as directory:
        write_settings(Path(directory), composed.settings)
        (folder,) = Path(directory).iterdir()
        files = [(folder / f"{name}.yaml").read_text() for name in ("config", "hydra", "overrides")]
    return composed.job, str(composed.directory), composed.position, folder.name, [*map(as_read, files)]


def expected(loaders, texts, number):  # noqa: F811
    """A job composed and typed alone, and the files as Hydra would write them."""
    _, hydra, sweep = loaders
    whole = hydra.load_sweep_config(sweep, list(texts))
    with open_dict(whole.hydra.job):
        whole.hydra.job.id, whole.hydra.job.num = f"{whole.hydra.job.name}_{number}", number
    directory = str(Path(f"{whole.hydra.sweep.dir}/{whole.hydra.sweep.subdir}").absolute())
    position = {"number": number, "folder": str(whole.hydra.sweep.subdir)}
    whole.hydra.runtime.output_dir = directory
    HydraConfig.instance().set_config(whole)
    own = HydraConfig.instance().cfg
    with open_dict(whole):
        del whole["hydra"]
    files = [OmegaConf.to_yaml(whole), OmegaConf.to_yaml(own), OmegaConf.to_yaml(own.hydra.overrides.task)]
    job, folder = job_of(whole, own.hydra), own.hydra.output_subdir
    return job, directory, position, folder, [*map(as_read, files)]


def agree(composer, loaders, drawn):  # noqa: F811
    for number, texts in enumerate(drawn, start=7):
        assert end_of(ours, composer, texts, number) == end_of(expected, loaders, texts, number), texts


def test_a_job_that_the_grid_sweeper_asked_for_is_composed_once(composer, loaders, monkeypatch):  # noqa: F811
    _, _, sweep = loaders
    for texts in NUMBERS:
        composer.load_sweep_config(sweep, texts)
    monkeypatch.setattr(composer, "compose", None)
    batch = composer.batch(NUMBERS, 0)
    assert [each.job for each in batch] == [expected(loaders, texts, 0)[0] for texts in NUMBERS]
    assert [each.position["number"] for each in batch] == [0, 1, 2]


@pytest.mark.parametrize("drawn", [NUMBERS, VARYING, DEPENDENT, [*VARYING, *NUMBERS]])
def test_jobs_of_one_base_are_each_what_they_are_alone(composer, loaders, drawn):  # noqa: F811
    agree(composer, loaders, drawn)


@pytest.mark.slow
@settings(max_examples=6, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
@given(st.lists(jobs, min_size=1, max_size=2))
def test_jobs_are_each_what_they_are_alone_errors_included(loaders, drawn):  # noqa: F811
    _, hydra, sweep = loaders
    agree(Composer(HydraContext(hydra, Callbacks()), sweep), loaders, [["seed=1"], *drawn])
