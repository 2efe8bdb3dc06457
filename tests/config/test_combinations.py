"""Techniques that do not fit the rest of a configuration are refused, or warned of, by what rows declare."""

import numpy as np
import pytest

from regjax.config import combinations, flatten
from regjax.data.dataset import Split
from regjax.errors import UserError
from regjax.saved.resolve import resolve
from regjax.techniques.declaration import COUNT, Choice, Hook, Number, Requirement, Technique
from tests.small import clusters, composed

BASE = Technique("l2", Hook.LOSS_TERM, {"strength": Number("penalty.l2", COUNT)}, formula="", source="")
OTHER = Technique("batch_norm", Hook.NORM, {}, formula="", source="", choice=Choice("model.norm", "batch"))
VALUES = flatten(composed("penalty.l2=7", "model.norm=batch"))


@pytest.fixture
def table(monkeypatch):
    """Has the rows checked in place of those of the table: OTHER, and BASE with some fields."""
    return lambda **fields: monkeypatch.setattr(combinations, "TABLE", (BASE._replace(**fields), OTHER))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"needs": {"model.residual": Requirement(lambda has, _: has, "residual blocks")}},
            "model.residual=false: l2 is on (penalty.l2=7.0), and it needs residual blocks.",
        ),
        (
            {"needs_one_of": ("dropout", "sam")},
            "penalty.l2=7.0: l2 needs one of dropout, sam, and all are off. Turn one on, as in "
            "'regularization=[dropout,l2]'.",
        ),
        (
            {"excludes": {"batch_norm": "both shrink"}},
            "penalty.l2=7.0 and model.norm=batch: l2 excludes batch_norm: both shrink. Name one of them.",
        ),
    ],
    ids=["needs", "needs one of", "excludes"],
)
def test_a_technique_that_is_on_is_refused_by_what_its_row_declares(table, fields, message):
    table(**fields)
    combinations.check_combinations(VALUES | {"penalty.l2": 0.0})
    with pytest.raises(UserError) as refusal:
        combinations.check_combinations(VALUES)
    assert str(refusal.value) == message


def test_what_it_needs_beside_it_may_be_any_of_several(table):
    table(needs_one_of=("dropout", "batch_norm"))
    combinations.check_combinations(VALUES)


def test_what_does_not_suit_a_technique_is_warned_of_alone(table):
    table(suits={"model.activation": Requirement(lambda name, _: name == "selu", "selu")})
    combinations.check_combinations(VALUES)
    told = "model.activation=relu: l2 is on (penalty.l2=7.0), and it is made for selu"
    assert combinations.warnings(VALUES) == [told]
    assert combinations.warnings(VALUES | {"model.activation": "selu"}) == []
    assert combinations.warnings(VALUES | {"penalty.l2": 0.0}) == []


@pytest.mark.parametrize(
    ("technique", "message"),
    [
        ("cutmix", "target.cutmix=1.0: .* clusters is a table; target.tabular_cutmix is its form for tables"),
        (
            "cutout",
            "augment.cutout=0.5: .* clusters is a table; augment.tabular_cutout is its form for tables",
        ),
        ("image_shift", r"augment.image_shift=0.1: image_shift is for images, and clusters is a table\."),
    ],
)
def test_a_technique_for_images_is_refused_for_a_table(technique, message):
    rows = np.arange(60, dtype=np.int32)
    split, config = Split(rows, rows[:0], rows[:0], rows[:0]), composed(f"regularization=[{technique}]")
    spec, _ = resolve(config, clusters(features=6)._replace(image_shape=(3, 2, 1)), split)
    assert spec.image_shape == (3, 2, 1)
    with pytest.raises(UserError, match=f"^{message}"):
        resolve(config, clusters(), split)


def test_a_shift_needs_pixels_of_one_scale():
    config = composed("regularization=[image_shift]", "data.scaling=standard")
    rows = np.arange(60, dtype=np.int32)
    images, split = clusters(features=6)._replace(image_shape=(3, 2, 1)), Split(rows, *[rows[:0]] * 3)
    with pytest.raises(
        UserError, match=r"^data.scaling=standard: image_shift is on .* data.scaling=unit or none"
    ):
        resolve(config, images, split)


def test_a_program_without_techniques_for_images_knows_no_shape():
    rows = np.arange(60, dtype=np.int32)
    images = clusters(features=6)._replace(image_shape=(3, 2, 1))
    assert resolve(composed(), images, Split(rows, rows[:0], rows[:0], rows[:0]))[0].image_shape is None
