"""Later looks at the same sweep: each raises the chance of a false positive, so reports count them."""

import pytest

from regjax.report.__main__ import main as report
from regjax.report.files import write_report
from regjax.report.folders import shared_settings
from regjax.report.looks import previous_looks
from regjax.report.overall import build_report
from tests.reports import SETTINGS, held, sweep_of


def test_a_look_at_a_run_that_is_done_by_now_is_another(tmp_path):
    found = sweep_of(tmp_path / "runs", 0.0, 0.5)
    failed = found[-1]._replace(summary=found[-1].summary | {"status": "failed", "test_accuracy": None})
    write_report(build_report([*found[:-1], failed], **SETTINGS), tmp_path, [tmp_path])
    retried = build_report(found, **SETTINGS, earlier_looks=previous_looks(tmp_path, [tmp_path]))
    assert "look 2 at this sweep (7 runs, then 8 runs), and 1 was planned" in retried.cautions[0]
    again = SETTINGS | {"baseline": "model.dropout=0"}
    shuffled = build_report(found[::-1], **again, earlier_looks=retried.looks)
    assert shuffled.looks == retried.looks
    for other in ({"baseline": "model.dropout=0.5"}, {"metric": "test_loss"}):
        assert len(build_report(found, **SETTINGS | other, earlier_looks=retried.looks).looks) == 3
    assert build_report([failed], **SETTINGS).looks == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"of": ["."], "looks": null}', '{"looks": ["a"]}'])
def test_a_warning_says_that_the_looks_of_a_damaged_comparison_are_lost(tmp_path, capsys, text):
    (tmp_path / "comparison.json").write_text(text)
    assert previous_looks(tmp_path, [tmp_path]) == []
    error = capsys.readouterr().err
    assert f"warning: {tmp_path / 'comparison.json'}: it cannot be read" in error
    assert error.endswith("; the earlier looks that it counted are lost\n")


def test_looks_of_reports_elsewhere_are_counted_for_what_they_looked_at(tmp_path, capsys):
    sweep_of(tmp_path / "runs", 0.0, 0.5)
    sweep_of(tmp_path / "others", 0.0, 0.5)
    out = ["--output", str(tmp_path / "out")]
    assert report([str(tmp_path / "runs"), *out]) == 0
    held(tmp_path / "runs", 4, 0.9, "model.dropout=0.5")
    assert report([str(tmp_path / "others"), str(tmp_path / "runs")]) == 0
    assert "look 2" not in capsys.readouterr().out
    assert report([str(tmp_path / "runs"), *out]) == 0
    assert "look 2 at this sweep (8 runs, then 9 runs)" in capsys.readouterr().out
    before = (tmp_path / "out/comparison.json").read_bytes()
    assert report([str(tmp_path / "others"), *out]) == 1
    assert f"{tmp_path / 'out'}: it has the comparison of other runs (../runs)" in capsys.readouterr().err
    assert (tmp_path / "out/comparison.json").read_bytes() == before


def test_planned_looks_share_the_error_rate(tmp_path):
    """Each of three looks is judged at .05 / 3, and the fourth is marked."""
    found = sweep_of(tmp_path / "runs", 0.0, 0.5)
    looks = []
    for number in range(1, 5):
        seen = found[: 4 + number] if number < 4 else found
        report_ = build_report(seen, **SETTINGS, looks=3, earlier_looks=looks)
        looks = report_.looks
        (row,) = report_.comparisons["digits"].rows[1:]
        assert row.level == (pytest.approx(0.05 / 3) if number > 2 else row.level)
        assert f"look {number}" in [*report_.cautions, *report_.notes][0]
        assert ("above alpha" in [*report_.cautions, *report_.notes][0]) == (number > 3)


def test_looks_that_are_planned_after_the_first_one_do_not_count_as_planned(tmp_path):
    found = sweep_of(tmp_path / "runs", 0.0, 0.5)
    write_report(build_report(found[:-1], **SETTINGS), tmp_path, [tmp_path])
    earlier = previous_looks(tmp_path, [tmp_path])
    late = build_report(found, **SETTINGS, looks=2, earlier_looks=earlier)
    assert "look 2 at this sweep (7 runs, then 8 runs), and 1 was planned" in late.cautions[0]


def test_runs_that_planned_unlike_numbers_of_looks_are_judged_by_the_largest(tmp_path):
    found = sweep_of(tmp_path / "runs", 0.0, 0.5)
    unlike = [
        run._replace(summary=run.summary | {"config": run.summary["config"] | {"compare.looks": 1 + at % 3}})
        for at, run in enumerate(found)
    ]
    settings, told = shared_settings(unlike)
    assert settings["looks"] == 3
    assert "compare.looks: the runs have 1 and 2 and 3; using 3" in told
