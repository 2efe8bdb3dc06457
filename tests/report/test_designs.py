"""`compare.within`: a comparison under each value of a key, and how the values change the differences."""

import numpy as np
import pytest
from scipy import stats

from regjax.errors import UserError
from regjax.report.overall import build_report
from tests.reports import SETTINGS, held

GAINS = {"32": [0.010, 0.012, 0.011, 0.014, 0.009, 0.013], "1000": [0.001, 0.004, 0.002, 0.003, 0.000, 0.002]}


@pytest.fixture
def crossed(tmp_path):
    """Dropout at two batch sizes, six seeds each: it gains more with small batches."""
    return [
        held(
            tmp_path,
            seed,
            0.8 + seed / 1000 + (GAINS[size][seed] if rate else 0),
            f"model.dropout={rate}",
            f"trainer.batch_size={size}",
        )
        for size in GAINS
        for rate in (0, 0.5)
        for seed in range(6)
    ]


def test_each_value_has_a_baseline_of_its_own_and_all_verdicts_are_one_family(crossed):
    report = build_report(crossed, **SETTINGS, within="trainer.batch_size")
    assert list(report.comparisons) == ["digits, trainer.batch_size=32", "digits, trainer.batch_size=1000"]
    rows = [comparison.rows for comparison in report.comparisons.values()]
    assert [[row.variant for row in part] for part in rows] == [["model.dropout=0", "model.dropout=0.5"]] * 2
    p = [stats.ttest_1samp(gains, 0).pvalue for gains in GAINS.values()]
    # Holm over both: the smaller p is doubled.
    assert [part[1].adjusted_p for part in rows] == pytest.approx([2 * p[0], max(2 * p[0], p[1])], rel=1e-3)


def test_the_interaction_is_the_paired_difference_of_the_differences(crossed):
    (found,) = build_report(crossed, **SETTINGS, within="trainer.batch_size").interactions
    differences = np.subtract(GAINS["32"], GAINS["1000"])
    expected = stats.ttest_1samp(differences, 0)
    assert (found.variant, found.value, found.other) == (
        "model.dropout=0.5",
        "digits, trainer.batch_size=32",
        "digits, trainer.batch_size=1000",
    )
    interval = found.compared.interval
    assert interval.mean == pytest.approx(differences.mean())
    assert (interval.low, interval.high) == pytest.approx(expected.confidence_interval(0.95), rel=1e-4)
    assert found.compared.adjusted_p == pytest.approx(expected.pvalue, rel=1e-3)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("trainer.batch_siz", "the configuration has no such key. Did you mean 'trainer.batch_size'?"),
        ("seed", "name another key; runs are paired by this one"),
    ],
)
def test_a_key_that_divides_nothing_is_refused_by_name(crossed, key, message):
    with pytest.raises(UserError, match=f"compare.within={key}: ") as error:
        build_report(crossed, **SETTINGS, within=key)
    assert message in str(error.value)


def test_a_key_that_alone_tells_the_variants_apart_is_refused(crossed):
    of_one_size = [run for run in crossed if run.summary["config"]["trainer.batch_size"] == 32]
    with pytest.raises(UserError, match=r"compare\.within=model\.dropout: it alone tells the variants apart"):
        build_report(of_one_size, **SETTINGS, within="model.dropout")
