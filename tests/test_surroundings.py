"""Variables of the environment that would change a run's numbers, or end it, without being asked."""

import pytest
from regjax.surroundings import put_aside

from regjax.predict.__main__ import main as predict
from tests.commands import PATIENCE, begin, finish, outcome

SMALL = "data=wine model.hidden=[8] model.dropout=0.5 trainer.epochs=1"


def test_what_would_change_the_numbers_is_left_out_and_said_to_be(monkeypatch, capsys):
    monkeypatch.setenv("JAX_ENABLE_X64", "maybe")
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    put_aside()
    told = "warning: JAX_ENABLE_X64=maybe: not taken: what a run computes follows from its configuration\n"
    assert capsys.readouterr().err == told
    put_aside()
    assert capsys.readouterr().err == ""


def test_a_prediction_is_refused_under_them(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("JAX_RANDOM_SEED_OFFSET", "7")
    assert predict(["out", "--input", "new.npz", "--output", str(tmp_path / "out.csv")]) == 1
    assert "error: JAX_RANDOM_SEED_OFFSET=7: would change what is computed" in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_has_its_digits_whatever_the_environment_says(tmp_path, monkeypatch):
    finish(tmp_path, f"{SMALL} hydra.run.dir=plain")
    for name, value in (
        ("JAX_ENABLE_X64", "1"),
        ("JAX_DEFAULT_PRNG_IMPL", "rbg"),
        ("JAX_RANDOM_SEED_OFFSET", "7"),
        ("JAX_THREEFRY_PARTITIONABLE", "0"),
        ("JAX_DISABLE_JIT", "1"),
        ("MPLBACKEND", "bogus"),
    ):
        monkeypatch.setenv(name, value)
    finish(tmp_path, f"{SMALL} hydra.run.dir=other")
    assert outcome(tmp_path / "other") == outcome(tmp_path / "plain")


@pytest.mark.slow
@pytest.mark.parametrize("asked", ["nothing", "cuda"])
def test_a_platform_that_the_environment_asks_for_and_is_not_there_is_named(tmp_path, monkeypatch, asked):
    monkeypatch.setenv("JAX_PLATFORMS", asked)
    process = begin(tmp_path, SMALL)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert f"error: JAX_PLATFORMS={asked}: JAX cannot start that here" in err
    assert "Traceback" not in err
