"""Which runs are one variant, and what it is called."""

import pytest

from regjax.errors import UserError
from regjax.report.variants import Variants, grouped_by, variant_called, variants
from tests.reports import run


@pytest.mark.parametrize(
    ("overrides", "names"),
    [
        (["model.dropout=0", "model.dropout=0.2"],) * 2,
        (
            ["regularization=none", "regularization=dropout", "regularization=[dropout,l2]"],
            ["none", "dropout", "dropout+l2"],
        ),
        (["regularization=[dropout,l2]", "regularization=[dropout,l2]"], ["dropout+l2"]),
        (["experiment=notebook1", "experiment=notebook2"],) * 2,
        (["data=mnist", "data=mnist"], ["default"]),
        (["data=mnist,penalty.l2=1", "data=mnist"], ["penalty.l2=1", "default"]),
        (["platform=cpu", "platform=auto"], ["default"]),
        (["++penalty.l2=0", "++penalty.l2=0.5", "penalty.l2=0"], ["penalty.l2=0", "penalty.l2=0.5"]),
        (["++seed=0", "data.split_seed=0", "data.test_seed=1"], ["default"]),
        (["checkpoint=every_minutes", "checkpointing.minutes=5", "checkpointing.keep=1"], ["default"]),
        (["sweep.lanes=4", "compare.alpha=0.1"], ["default"]),
    ],
)
def test_a_variant_is_named_by_the_overrides_in_which_it_differs(overrides, names):
    split = [[text] if "[" in text else text.split(",") for text in overrides]
    summaries = [run(seed, 0.5, *texts) for texts in split for seed in range(2)]
    found = variants(summaries)
    assert list(found.runs) == names
    assert sum(len(group) for group in found.runs.values()) == len(summaries)


def test_runs_of_other_settings_are_other_variants_though_overrides_are_alike():
    summaries = [
        run(seed, 0.5, f"model.dropout={rate}", **{"trainer.batch_size": size, "model.dropout": rate})
        for size in (32, 1000)
        for rate in (0, 0.2)
        for seed in range(2)
    ]
    assert {name: len(group) for name, group in variants(summaries).runs.items()} == {
        f"model.dropout={rate} trainer.batch_size={size}": 2 for size in (32, 1000) for rate in (0, 0.2)
    }
    rate_of_seed = [
        run(seed, 0.5, "trainer.epochs=${seed}", **{"trainer.epochs": seed, "penalty.l2": 0.5})
        for seed in range(3)
    ]
    assert list(variants(rate_of_seed).runs) == ["default"]
    changed = run(3, 0.5, "trainer.epochs=${seed}", **{"trainer.epochs": 3, "penalty.l2": 0.7})
    assert list(variants([*rate_of_seed, changed]).runs) == ["penalty.l2=0.5", "penalty.l2=0.7"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("optimizer.learning_rate=1e-3", "optimizer.learning_rate=0.001"),
        ("penalty.biases=False", "penalty.biases=false"),
        ("early_stopping.patience=None", "early_stopping.patience=null"),
        ("model.hidden=[300, 1e2]", "model.hidden=[300,100]"),
        ("model.dropout=0.0 penalty.l2=1e-4", "penalty.l2=0.0001 model.dropout=0"),
        ("regularization=[dropout, l2]", "dropout+l2"),
        ("model.dropout=0.30000000000000004", "model.dropout=0.3"),  # both are one float32
        ("data.validation=first:5", "data.validation=first:5"),
    ],
)
def test_a_baseline_is_known_by_its_values_however_they_are_typed(typed, meant):
    others = ["default", "optimizer.learning_rate=1", "penalty.biases=true", "model.hidden=[300]", "l2"]
    assert variant_called(typed, named(*others, meant)) == meant
    with pytest.raises(UserError, match="must be one of"):
        variant_called(typed, named(*others))


def named(*names):
    return Variants({name: [] for name in names}, {})


def test_one_configuration_is_one_variant_under_all_its_names():
    """Two sweeps that overlap: both have runs without a regularizer, named by what each of them varied."""
    first = [
        run(seed, 0.5, f"model.dropout={rate}", **{"penalty.l2": 0}) for seed in (0, 1) for rate in (0, 0.2)
    ]
    second = [
        run(seed, 0.5, f"penalty.l2={l2}", **{"model.dropout": 0}) for seed in (2, 3) for l2 in (0, 0.1)
    ]
    found = variants([*first, *second])
    assert {name: len(group) for name, group in found.runs.items()} == {
        "model.dropout=0": 4,
        "model.dropout=0.2": 2,
        "penalty.l2=0.1": 2,
    }
    assert found.also == {"penalty.l2=0": "model.dropout=0"}
    assert variant_called("penalty.l2=0.0", found) == "model.dropout=0"


def test_equal_numbers_are_one_variant_named_as_first_typed():
    rates = [("0", 0), ("0.0", 0.0), ("1e-1", 0.1), ("0.10", 0.1), ("${seed}", 0.0), ("${seed}", 1.0)]
    runs = [
        run(seed, 0.5, f"model.dropout={text}", **{"model.dropout": value})
        for seed, (text, value) in enumerate(rates)
    ]
    sizes = {name: len(group) for name, group in variants(runs).runs.items()}
    assert sizes == {"model.dropout=0": 2, "model.dropout=1e-1": 2, "model.dropout=${seed}": 2}
    assert list(grouped_by(runs[:4], "model.dropout")) == ["model.dropout=0", "model.dropout=0.1"]
