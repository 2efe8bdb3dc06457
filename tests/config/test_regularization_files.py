"""The files of `conf/regularization`: each sets keys of its own, cites its source and can be taken back."""

import contextlib
import itertools
import re

import pytest
from omegaconf import OmegaConf

from regjax.config import flatten
from regjax.config.ranges import check_regularization
from regjax.errors import UserError
from tests.small import ROOT, composed

CONF = ROOT / "conf"
TECHNIQUES = sorted(path.stem for path in (CONF / "regularization").glob("*.yaml") if path.stem != "none")


def technique(name):
    """The text of a technique's file, and the keys that it sets."""
    text = (CONF / "regularization" / f"{name}.yaml").read_text()
    sections = OmegaConf.to_container(OmegaConf.create(text)).items()
    return text, {f"{section}.{key}": value for section, values in sections for key, value in values.items()}


@pytest.mark.parametrize("both", list(itertools.combinations(TECHNIQUES, 2)), ids=str)
def test_two_techniques_that_set_one_key_are_not_named_together(both):
    shared = set.intersection(*(set(technique(name)[1]) for name in both))
    refusal = pytest.raises(UserError, match="both set") if shared else contextlib.nullcontext()
    with refusal as refused:
        check_regularization([*both])
    assert all(key in str(refused.value) for key in shared)


def test_none_stands_alone_and_a_technique_is_named_once():
    with pytest.raises(UserError, match=r"regularization=\[dropout,none\]: .*regularization=\[dropout\]"):
        check_regularization(["dropout", "none"])
    with pytest.raises(UserError, match=r"regularization=\[l2,l1,l2\]: l2 is named 2 times"):
        check_regularization(["l2", "l1", "l2"])


@pytest.mark.parametrize("name", TECHNIQUES)
def test_a_regularization_file_cites_its_source_and_changes_its_own_keys_alone(name):
    text, own = technique(name)
    package, source, *_ = text.splitlines()
    neutral = re.search(r"Neutral: (.+)\.$", source)[1].split(" and ")
    none = flatten(composed("regularization=none"))
    assert package == "# @package _global_"
    assert re.search(r"\b(19|20)\d\d, https://", source)
    assert own
    assert all(none[key] != value for key, value in own.items())
    assert flatten(composed(f"regularization={name}")) == none | own
    back = [f"{key}={value}" for key, value in zip(own, neutral, strict=True)]
    assert flatten(composed(f"regularization={name}", *back)) == none
