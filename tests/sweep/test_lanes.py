"""The number of lanes in a program, and lanes without a run."""

import math
import threading
from types import SimpleNamespace
from unittest.mock import Mock

import jax
import jax.numpy as jnp
import pytest

from regjax.sweep import lanes, queue
from regjax.training.state import DeviceData
from tests.sweeps import RecordingWatcher, run_of, trained

DATA = DeviceData(jnp.zeros((60, 7), jnp.uint8), jnp.zeros(60, jnp.int32))


def device(limit, platform="gpu"):
    stats = {"bytes_limit": limit} if limit else None
    return SimpleNamespace(platform=platform, memory_stats=lambda: stats)


def fitting(tmp_path, limit, *overrides, platform="gpu"):
    return lanes.lanes_that_fit(run_of(tmp_path, *overrides).spec, DATA, device(limit, platform))


def test_a_cpu_core_takes_one_lane_whatever_its_memory(tmp_path):
    assert fitting(tmp_path, None, platform="cpu") == fitting(tmp_path, 10**12, platform="cpu") == 1


def test_an_accelerator_takes_as_many_lanes_as_its_memory_holds(tmp_path):
    one, two = (fitting(tmp_path, limit) for limit in (10**9, 2 * 10**9))
    assert one > 100
    assert two == pytest.approx(2 * one, rel=1e-5)
    assert fitting(tmp_path, 10**9, "model.hidden=[900,900]") < one / 10
    assert fitting(tmp_path, None) == math.inf


@pytest.mark.parametrize(
    ("asked", "fit", "runs", "devices", "expected"),
    [(None, 1, 9, 2, 1), (None, 4.7, 9, 2, 4), (None, math.inf, 9, 2, 5), (3, 1, 9, 2, 3), (99, 1, 9, 2, 5),
     (None, 0.3, 9, 1, 1)],
)  # fmt: skip
def test_lanes_are_chosen_by_memory_or_by_hand_and_are_not_more_than_runs(
    tmp_path, monkeypatch, asked, fit, runs, devices, expected
):
    counts = []

    def programs(spec, example, **how):
        counts.append(len(example.test))
        none = SimpleNamespace(lanes=0, seconds=0, on=lambda device: None, bytes_needed=lambda device: 0)
        return none, True

    monkeypatch.setattr(queue, "lanes_that_fit", lambda *given: fit)
    monkeypatch.setattr(queue, "programs", programs)
    one = run_of(tmp_path)
    given = [one] * runs, jax.devices()[:devices], RecordingWatcher(), threading.Event(), threading.Event()
    plan = queue.Schedule(*given, lanes=asked, stop_at=())
    plan.placed(plan.next_group(), DATA, jax.devices()[0])
    assert counts == [expected]


@pytest.mark.slow
def test_a_program_that_takes_more_memory_than_there_is_gets_fewer_lanes(tmp_path, monkeypatch):
    asked = []
    real = queue.programs

    def programs(spec, example, **how):
        asked.append(len(example.test))
        found, new = real(spec, example, **how)
        found = Mock(wraps=found, lanes=asked[-1], seconds=0)
        found.bytes_needed = lambda device: 100 * asked[-1]
        return found, new

    monkeypatch.setattr(queue, "programs", programs)
    monkeypatch.setattr(queue, "lanes_that_fit", lambda *given: math.inf)
    monkeypatch.setattr(queue, "memory_budget", lambda device: 250)
    runs = [run_of(tmp_path / str(seed), f"seed={seed}") for seed in range(5)]
    summaries = trained(runs, devices=1)
    assert asked == [5, 2]
    assert {summary["status"] for summary in summaries.values()} == {"done"}


def test_lanes_without_a_run_are_never_reported(tmp_path):
    watcher = RecordingWatcher()
    runs = [run_of(tmp_path / str(seed), f"seed={seed}", "trainer.epochs=3") for seed in range(3)]
    summaries = trained(runs, devices=1, lanes=2, watcher=watcher)
    assert len(summaries) == 3
    assert sorted(epoch for _, epoch in watcher.epochs) == [1, 1, 1, 2, 2, 2, 3, 3, 3]
