"""`compare.within`: a comparison under each value of a key, and how the values change the differences."""

import numpy as np
import pytest
from scipy import stats

from regjax.errors import UserError
from regjax.report.designs import interaction_answers, interaction_notes, interactions
from regjax.report.overall import build_report
from regjax.report.pairing import planned
from regjax.report.variants import Variants
from tests.reports import SETTINGS, held, run

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


def stratum(accuracies, *, drawn=False):
    """The plan of a variant against a baseline. None is a run that failed; `drawn` moves the test rows."""
    groups = {
        name: [
            run(
                seed,
                value,
                status="failed" if value is None else "done",
                rows={"test": str(seed * drawn)},
            )
            for seed, value in enumerate(values)
        ]
        for name, values in accuracies.items()
    }
    return planned(Variants(groups, {}), baseline=None, metric="test_accuracy")


def interaction(first, second, **settings):
    plans = {"a": stratum(first, **settings), "b": stratum(second, **settings)}
    (found,) = interactions([plans], alpha=0.05)
    return found


PLAIN = [0.9, 0.904, 0.899, 0.91, 0.903, 0.905]
NONE_LIKE = [*np.add(PLAIN, [0.001, -0.001, 0.002, 0.0, -0.002, 0.001])]
BETTER = [*np.add(PLAIN, [0.02, 0.021, 0.019, 0.022, 0.018, 0.02])]


def test_an_interaction_over_dependent_splits_has_the_corrected_t():
    """Test rows that follow the seed: 200 of 1,100, so that the ratio is 200 / 900."""
    found = interaction({"plain": PLAIN, "x": BETTER}, {"plain": PLAIN, "x": NONE_LIKE}, drawn=True)
    differences = np.subtract(BETTER, NONE_LIKE)
    t = differences.mean() / (differences.std(ddof=1) * (1 / 6 + 200 / 900) ** 0.5)
    assert found.compared.test.p == pytest.approx(2 * stats.t.sf(t, 5), rel=1e-6)
    assert "corrected t" in interaction_notes([found])[0]


def test_failed_runs_that_could_undo_an_interaction_forbid_it():
    kept = interaction({"plain": PLAIN, "x": BETTER}, {"plain": PLAIN, "x": NONE_LIKE})
    assert (kept.shown, kept.failures) == (True, 0)
    above = [*np.add(PLAIN, [0.0301, 0.0299, 0.03, 0.0302, 0.0298, 0.03])]
    lost = [0.9, None, None, None, 0.9, 0.9]
    undone = interaction({"plain": lost, "x": above}, {"plain": PLAIN, "x": NONE_LIKE})
    assert undone.failures == 3
    assert undone.compared.rejected
    assert not undone.shown
    assert interaction_answers([undone]) == ["Interaction: no change of the difference was seen for x."]
    assert "failed runs could undo it" in interaction_notes([undone])[0]


def test_an_interaction_without_spread_or_with_few_seeds_is_not_tested():
    steps = [*(np.array(PLAIN) + 3 / 200)], [*(np.array(PLAIN) + 1 / 200)]
    constant = interaction({"plain": PLAIN, "x": steps[0]}, {"plain": PLAIN, "x": steps[1]})
    assert not constant.shown
    assert interaction_notes([constant]) == [
        "interaction: x, a minus b: the same difference on every seed: no spread to test"
    ]
    few = interaction({"plain": PLAIN[:2], "x": BETTER[:2]}, {"plain": PLAIN[:2], "x": NONE_LIKE[:2]})
    assert "nan" not in interaction_notes([few])[0]
    assert "fewer than 3 seeds" in interaction_notes([few])[0]


def test_a_key_with_one_value_divides_nothing_and_an_older_run_lacks_it(tmp_path):
    found = [held(tmp_path, seed, 0.9 + x / 100, f"x={x}", y=1) for x in (0, 1) for seed in range(3)]
    report = build_report(found, **SETTINGS, within="y")
    assert "compare.within=y: it has one value for each dataset, so it divides nothing" in report.cautions
    config = {key: value for key, value in found[-1].summary["config"].items() if key != "y"}
    older = found[-1]._replace(summary=found[-1].summary | {"config": config})
    assert list(build_report([*found[:-1], older], **SETTINGS, within="y").comparisons) == [
        "digits, y=1",
        "digits, y=null",
    ]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("trainer.batch_siz", "the configuration has no such key. Did you mean 'trainer.batch_size'?"),
        ("seed", "name another key; this one pairs the runs"),
    ],
)
def test_a_key_that_divides_nothing_is_refused_by_name(crossed, key, message):
    with pytest.raises(UserError, match=f"compare.within={key}: ") as error:
        build_report(crossed, **SETTINGS, within=key)
    assert message in str(error.value)


def test_a_key_that_alone_tells_the_variants_apart_is_refused(crossed):
    of_one_size = [run for run in crossed if run.summary["config"]["trainer.batch_size"] == 32]
    with pytest.raises(
        UserError, match=r"compare\.within=model\.dropout: each of its values has only one variant"
    ):
        build_report(of_one_size, **SETTINGS, within="model.dropout")
