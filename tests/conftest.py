"""Every test runs on CPU, with shapes checked at each call and implicit rank promotion refused."""

import os

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ.setdefault("MPLBACKEND", "agg")

import jax
import pytest
from hydra import version
from jaxtyping import install_import_hook

# The modules whose annotations carry shapes.
SHAPED = ("data", "predict", "statistics", "techniques", "training")
with install_import_hook([f"regjax.{package}" for package in SHAPED], "beartype.beartype"):
    import regjax.launch.jobs
    import regjax.launch.launcher
    import regjax.launch.resume  # noqa: F401

version.setbase("1.3")  # as train.py does, whose command the tests also give without it
jax.config.update("jax_numpy_rank_promotion", "raise")
# Of this process alone: the commands that tests start choose theirs.
jax.config.update("jax_num_cpu_devices", 2)


@pytest.fixture
def float64():
    """JAX computes in float64 within the test."""
    with jax.enable_x64(True):
        yield


@pytest.fixture
def command(tmp_path, monkeypatch):
    """`python train.py ...` in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [])
    from tests.commands import run_here  # ours are imported by the hook above

    return run_here


@pytest.fixture(scope="session", autouse=True)
def cache_of_tests(tmp_path_factory):
    """Test processes share what they compile, as runs do through `cache_dir`."""
    base = tmp_path_factory.getbasetemp()  # of this process, where several share the work
    cache = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    os.environ["REGJAX_CACHE_DIR"] = str(cache)
    jax.config.update("jax_compilation_cache_dir", str(cache / "jax"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)


@pytest.fixture(autouse=True, scope="module")
def few_compiled_programs():
    """Each maps memory, and Linux ends a process that has too many maps."""
    yield
    jax.clear_caches()


@pytest.fixture(autouse=True)
def no_process_is_left():
    yield
    from tests.commands import end_all  # ours are imported by the hook above

    end_all()


@pytest.fixture(autouse=True)
def patient_downloads(monkeypatch):
    """A server on this machine answers late where all cores are taken."""
    monkeypatch.setattr("regjax.data.download.PATIENCE_SECONDS", 30.0)
