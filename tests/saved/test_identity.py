"""What a run is known by: all that decides its result, in the numbers of the program that computes it."""

import numpy as np
import pytest

from regjax.config import flatten
from regjax.config.ranges import NEUTRAL
from regjax.saved import identity
from regjax.saved.identity import identity_of
from tests.small import composed

CONFIG = flatten(composed())
PATHS = {"cache_dir", "checkpoint", "platform", "data.manual_dir", "data.data_dir", "data.mirror"}
# How runs are compared says nothing about how they were trained.
NOT_DECISIVE = PATHS | {
    f"compare.{key}" for key in ("baseline", "metric", "effect", "alpha", "looks", "within")
}
NOT_DECISIVE |= {"report.columns", "report.epochs_to"}
# Nor does the order in which a sweep trains them; grouping=union does, to the last bits.
NOT_DECISIVE |= {"checkpointing.minutes", "checkpointing.keep", "checkpointing.allow_changes"}
NOT_DECISIVE |= {f"sweep.{key}" for key in ("lanes", "retry", "fail_fast", "allow_diverged")}


def of(change=(), *, without=()):
    config = CONFIG | dict(change)
    return identity_of({key: config[key] for key in config if key not in without}, "data", "cpu")


def test_an_identity_depends_on_values_and_not_on_the_order_of_keys():
    assert identity_of(dict(reversed(CONFIG.items())), "data", "cpu") == of()


@pytest.mark.parametrize("key", CONFIG)
def test_an_identity_changes_with_every_key_but_paths_and_the_platforms_name(key):
    assert (of({key: "another value"}) == of()) == (key in NOT_DECISIVE)


@pytest.mark.parametrize(
    ("key", "one", "other", "same"),
    [
        ("model.dropout", 0.3, 0.30000000000000004, True),
        ("model.dropout", 0.3, float(np.nextafter(np.float32(0.3), np.float32(1))), False),
        ("model.dropout", [0, 0.2], [0.0, 0.2], True),
        ("model.dropout", [0.2, 0.3], [0.2, 0.30000000000000004], True),
        ("model.dropout", [0.2, 0.3], [0.3, 0.2], False),
        ("penalty.l2", 1, 1.0, True),
        ("data.validation", 0, 0.0, True),
        ("optimizer.weight_decay", None, 0.0, True),  # null is what some optimizers had without decay
        ("data.validation", 0, "test", False),
        ("seed", 2**31 - 2, 2**31 - 1, False),
    ],
)
def test_settings_that_are_equal_in_the_program_are_one_run_and_no_others(key, one, other, same):
    assert (of({key: one}) == of({key: other})) == same


@pytest.mark.parametrize("key", NEUTRAL)
def test_a_technique_that_is_off_is_no_part_of_an_identity(key):
    off = {key: NEUTRAL[key]}
    assert of(off) == of(without=[key])
    assert of(off) != of({key: "batch" if key == "model.norm" else 0.25})


def test_an_identity_changes_with_data_device_and_version(monkeypatch):
    identities = {identity_of(CONFIG, *parts) for parts in (("a", "cpu"), ("b", "cpu"), ("a", "TPU v4"))}
    versions = identity.versions()
    for package in ("regjax", "jaxlib"):
        monkeypatch.setattr(identity, "versions", lambda package=package: versions | {package: "another"})
        identities.add(identity_of(CONFIG, "a", "cpu"))
    assert len(identities) == 5
