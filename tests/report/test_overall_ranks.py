"""Reports of several datasets: compared apart, and ranked together."""

import numpy as np
import pytest

from regjax.report.files import write_report
from regjax.report.overall import build_report
from regjax.report.tables import print_report
from tests.reports import SETTINGS, held, sweep_of


def test_equal_scores_share_a_rank_whatever_their_last_digits(tmp_path):
    found = [
        held(tmp_path / data, 0, 0.9 + 1e-8 * at, f"x={at}", data=data) for data in "ab" for at in range(3)
    ]
    np.testing.assert_array_equal(build_report(found, **SETTINGS).ranks.test.average_ranks, [2, 2, 2])


def test_datasets_are_compared_apart_and_ranked_together(tmp_path, capsys):
    rates = (0.0, 0.2, 0.5)
    found = [
        run for data in ("digits", "wine", "iris") for run in sweep_of(tmp_path / data, *rates, data=data)
    ]
    whole = build_report(found, **SETTINGS)
    assert list(whole.comparisons) == ["digits", "wine", "iris"]
    assert [row.variant for row in whole.comparisons["wine"].rows] == [
        f"model.dropout={rate}" for rate in rates
    ]
    np.testing.assert_array_equal(whole.ranks.test.average_ranks, [3, 2, 1])
    # Three datasets that agree: (3!)^-(3 - 1) of all orders do so.
    assert whole.ranks.test.p == pytest.approx(1 / 36)
    # Demsar (2006), table 5: q(.05) of 3 variants is 2.343.
    assert whole.ranks.critical_difference == pytest.approx(2.343 * np.sqrt(12 / 18), rel=1e-3)
    print_report(whole, tmp_path)
    write_report(whole, tmp_path, [tmp_path])
    printed = " ".join(capsys.readouterr().out.split())
    assert "1 is best): model.dropout=0.5 1.00, model.dropout=0.2 2.00" in printed
    assert "Friedman p = 0.0278 (exact); critical difference 1.91 (Nemenyi)" in printed
    assert "## wine" in (tmp_path / "comparison.md").read_text()
    rows = (tmp_path / "comparison.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["dataset", *["digits"] * 3, *["wine"] * 3, *["iris"] * 3]


TOO_FEW = (
    "no ranks over the 3 datasets: Friedman's test needs at least 3 variants with results on all of them, "
    "found 2 (model.dropout=0, model.dropout=1)"
)


@pytest.mark.parametrize(("datasets", "rates", "notes"), [(1, 3, []), (3, 2, [TOO_FEW])])
def test_ranks_need_two_datasets_and_three_variants(tmp_path, datasets, rates, notes):
    found = [
        run for at in range(datasets) for run in sweep_of(tmp_path / str(at), *range(rates), data=str(at))
    ]
    whole = build_report(found, **SETTINGS)
    assert (whole.ranks, whole.answers, whole.notes) == (None, [], notes)
