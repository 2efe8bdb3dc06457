"""The data of a command's jobs: loaded once, drawn once, and what is said of them."""

import numpy as np
import pytest

from regjax.data.dataset import Dataset
from regjax.errors import UserError
from regjax.launch.sources import Sources
from tests.small import composed

LABELS = np.array([0, 0, 1, 0, 1, 2, 2, 1, 0, 2, 0, 1], np.int32)  # the last three are the test rows
FIRST = ("data=wine", "data.validation=first:3")


@pytest.fixture
def loads(monkeypatch):
    """The loads of a small set."""
    calls = []

    def load(**settings):
        calls.append(settings)
        if settings["test_seed"] == 1:
            raise UserError("damaged")
        return Dataset("wine", np.ones((12, 2), np.float32), LABELS, 4, 3, None)

    monkeypatch.setattr("regjax.data.load", load)
    return calls


def test_classes_without_rows_are_named_with_the_part_once_for_each_split(loads, capsys):
    sources = Sources()
    for overrides in ((), ("seed=1",), ("data.scaling=none",), ("data.split_seed=7",)):
        sources.of(composed(*FIRST, *overrides))
    told = "no training row has class 3; no validation row has class 2, 3; no test row has class 3"
    lines = [f"warning: wine (data.split_seed={seed}): {told}" for seed in (0, 7)]
    assert capsys.readouterr().err.splitlines() == lines


@pytest.mark.parametrize(
    ("validation", "parts"), [("0", ["training", "test"]), ("test", ["training", "validation"])]
)
def test_a_part_without_rows_lacks_no_class(loads, capsys, validation, parts):
    Sources().of(composed("data=wine", f"data.validation={validation}"))
    told = "; ".join(f"no {part} row has class 3" for part in parts)
    assert capsys.readouterr().err == f"warning: wine (data.split_seed=0): {told}\n"


def test_nothing_is_said_where_every_part_has_every_class(monkeypatch, capsys):
    dataset = Dataset("wine", np.ones((12, 2), np.float32), LABELS % 2, 2, 3, None)
    monkeypatch.setattr("regjax.data.load", lambda **_: dataset)
    Sources().of(composed(*FIRST))
    assert capsys.readouterr().err == ""


def test_many_missing_classes_are_counted(monkeypatch, capsys):
    dataset = Dataset("wine", np.ones((12, 2), np.float32), LABELS % 2, 30, 3, None)
    monkeypatch.setattr("regjax.data.load", lambda **_: dataset)
    Sources().of(composed(*FIRST))
    assert "no training row has class 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 18 more;" in capsys.readouterr().err


def test_what_cannot_be_loaded_is_tried_once(loads):
    sources = Sources()
    for seed in (0, 1):
        with pytest.raises(UserError, match="damaged"):
            sources.of(composed(*FIRST, "data.test_seed=1", f"seed={seed}"))
    assert len(loads) == 1
