"""Names of variants on a picture: short, and never two alike."""

import pytest

from regjax.report.labels import short_names, varied


@pytest.mark.parametrize(
    ("names", "keys", "labels"),
    [
        (["none", "dropout+l2"], ["regularization"], ["none", "dropout+l2"]),
        (["model.dropout=0", "model.dropout=0.5"], ["model.dropout"], ["0", "0.5"]),
        (["default", "model.dropout=0.5"], ["model.dropout"], ["default", "0.5"]),
        (
            ["none optimizer.learning_rate=0.1", "l2 optimizer.learning_rate=0.1"],
            ["regularization", "optimizer.learning_rate"],
            ["none\nlearning_rate=0.1", "l2 learning_rate=0.1"],
        ),
        (
            ["model.name=a", "data.name=a"],
            ["model.name", "data.name"],
            ["model.name=a", "data.name=a"],  # their last parts would be alike
        ),
        (["model.hidden=[8, 8]", "model.hidden=[8]"], ["model.hidden"], ["[8, 8]", "[8]"]),
        (
            ["batch_norm+label_smoothing+dropout", "none"],
            ["regularization"],
            ["batch_norm+\nlabel_smoothing+\ndropout", "none"],
        ),
    ],
)
def test_names_lose_what_all_share_and_are_broken_between_words(names, keys, labels):
    assert varied(names) == keys
    assert [*short_names(names).values()] == labels


def test_a_long_name_loses_its_middle_unless_two_would_look_alike():
    ends = ["a" * 40 + "-" * 40 + "b" * 40, "short"]
    label = short_names(ends)[ends[0]].replace("\n", "")
    assert label.startswith("a" * 28)
    assert label.endswith("b" * 28)
    assert "…" in label
    assert len(label) <= 60
    middles = ["a" * 40 + middle + "b" * 40 for middle in "xy"]
    assert [label.replace("\n", "") for label in short_names(middles).values()] == middles
