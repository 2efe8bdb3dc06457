"""The answer of a comparison as a reader sees it: in a terminal, and in a paper."""

import re
import shutil
import subprocess

import numpy as np
import pytest

from regjax.report.answer import answer
from regjax.report.cells import interval_in_words, number
from regjax.report.comparison import compare_variants
from regjax.report.latex import latex_tables
from regjax.report.overall import build_report
from regjax.report.pairing import planned
from regjax.report.tables import report_text
from regjax.report.variants import Variants
from regjax.statistics.intervals import Interval
from tests.reports import SETTINGS, held, run

NOISE = np.array([0.9, -1.1, 0.4, -0.3, 1.2, -0.8, 0.1, 0.6, -1.4, 0.4]) / 1000  # sums to 0
NUMBERS = re.compile(r"[-+]?\.\d{4} \[[-+]?\.\d{4}, [-+]?\.\d{4}\]")


def compared(metric="test_accuracy", effect=0.002, **accuracies):
    groups = {
        name: [
            run(seed, value) if value is not None else run(seed, None, status="failed")
            for seed, value in enumerate(values)
        ]
        for name, values in accuracies.items()
    }
    plan = planned(Variants(groups, {}), baseline=None, metric=metric)
    return compare_variants({"": plan}, effect=effect, alpha=0.05)[""]


def report_of(folder, *names, seeds=10, **settings):
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    found = [
        held(folder, seed, 0.9 + at / 1000 + random.normal(0, 0.001), *name.split(" "))
        for at, name in enumerate(names)
        for seed in range(seeds)
    ]
    return build_report(found, **SETTINGS | settings)


def test_the_answer_names_what_is_better_by_how_much_and_what_is_open():
    base = 0.9 + NOISE
    text = answer(
        compared(
            none=[*base],
            batch_norm=[*(base + 0.0083 + NOISE[::-1])],
            l1=[*(base - 0.005 + NOISE[::-1])],
            same=[*(base + NOISE[::-1] / 10)],
            dropout=[*(base + 9 * NOISE[::-1])],
            l2=[*(base + 8 * NOISE[::-1])],
        )
    )
    assert re.fullmatch(
        r"Test accuracy: batch_norm is better than none by \.0083 \[\.00[67]\d, \.00\d\d\]; "
        r"l1 is worse than none by \.0050 \[\.00[34]\d, \.00[56]\d\]; same is the same as none within \.005; "
        r"no difference was seen for dropout and l2\.",
        text,
    )


def test_a_loss_is_better_where_it_is_smaller_and_sizes_have_no_sign():
    base = 0.9 + NOISE
    text = answer(compared(metric="test_loss", none=[*base], less=[*(base - 0.01 + NOISE[::-1] / 10)]))
    assert re.fullmatch(r"Test loss: less is better than none by \.0100 \[\.009\d, \.010\d\]\.", text)


def test_what_has_no_verdict_is_said_with_its_reason():
    failed = [None if seed < 4 else 0.9 + value for seed, value in enumerate(NOISE)]
    text = answer(compared(none=[*(0.9 + NOISE)], one=[0.9], same=[*(0.9 + NOISE)], failing=failed))
    assert "one is not judged (fewer than 3 seeds)" in text
    assert "failing and same are" not in text
    assert answer(compared(none=[0.9, 0.8, 0.85])) == "There is one variant: nothing is compared."


def test_many_names_are_counted():
    variants = {f"x{at}": [*(0.9 + NOISE + (at + 9) * NOISE[::-1])] for at in range(9)}
    text = answer(compared(none=[*(0.9 + NOISE)], **variants))
    assert text.endswith("no difference was seen for x0, x1, x2, x3, x4 and 4 more.")


NAMES = {
    "short": ("regularization=none", "regularization=l2", "regularization=[dropout,l2]"),
    "of one key": ("model.dropout=0", "model.dropout=0.25", "model.dropout=0.5"),
    "of two keys": ("model.dropout=0 penalty.l2=1e-4", "model.dropout=0.5 penalty.l2=0.001"),
    "long": (
        "regularization=[dropout,input_dropout,l1,l2,label_smoothing] model.hidden=[512,512]",
        "regularization=[dropout,input_dropout,l1,l2,label_smoothing] optimizer.learning_rate=0.003",
    ),
}


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("names", NAMES.values(), ids=list(NAMES))
def test_the_table_fits_and_breaks_no_number_and_no_name_is_cut(tmp_path, names, width):
    columns = "regularization"
    report = report_of(tmp_path, *names, columns=columns)
    text = report_text(report, width)
    assert max(map(len, text.splitlines())) <= width
    table = text[text.index("verdict") :]
    assert len(NUMBERS.findall(table)) == 2 * len(names) - 1  # each mean and each difference, on one line
    rows = report.comparisons["digits"].rows
    if names is NAMES["long"]:  # a legend has them
        legend = " ".join(text.split())
        assert all(f"v{at} {row.variant}" in legend for at, row in enumerate(rows, 1))
        assert "vs v1" in text
    elif "model.dropout=0" in names[0]:  # the title has the keys
        assert all(f"\n{', '.join(part.split('=')[1] for part in name.split())}  " in table for name in names)
    else:
        assert all(f"\n{row.variant}  " in table for row in rows)


def test_a_name_is_wrapped_after_its_signs_where_the_table_is_narrow(tmp_path):
    report = report_of(tmp_path, "regularization=none", "regularization=[label_smoothing,max_norm]")
    lines = report_text(report, 76).splitlines()
    wrapped = [
        line.split("  ")[0].strip()
        for line in lines[lines.index(next(line for line in lines if line.startswith("label"))) :]
    ]
    assert "".join(wrapped).startswith("label_smoothing+max_norm")


def test_at_most_three_cautions_stand_below_a_table(tmp_path):
    report = report_of(tmp_path, "x=0", "x=1")
    comparison = report.comparisons["digits"]._replace(cautions=["first", "second", "third", "fourth"])
    text = report_text(report._replace(comparisons={"digits": comparison}), 80)
    assert [line for line in text.splitlines() if line.startswith("- ")] == ["- first", "- second", "- third"]


def test_the_seeds_that_would_decide_are_those_of_the_variant_that_needs_most():
    comparison = compared(
        none=[*(0.9 + NOISE)],
        few=[*(0.9 + NOISE + 9 * NOISE[::-1])],
        many=[*(0.9 + NOISE + 20 * NOISE[::-1])],
        effect=0.005,
    )
    few, many = (row.verdict.seeds for row in comparison.rows[1:])
    assert few[1] < many[1]
    (line,) = [line for line in comparison.cautions if "seeds would show" in line]
    assert line == f"undecided variants: roughly {many[0]} to {many[1]} seeds would show a difference of .005"


def test_failures_are_counted_beside_the_runs(tmp_path):
    tmp_path.mkdir(exist_ok=True)
    found = [held(tmp_path, seed, 0.9 + seed / 100, "x=0") for seed in range(3)]
    found += [held(tmp_path, seed, None, "x=1", status="diverged") for seed in range(2)]
    text = report_text(build_report(found, **SETTINGS), 80)
    assert re.search(r"\n0 +3 +\.9100", text)
    assert re.search(r"\n1 +0 of 2 ", text)


@pytest.mark.parametrize(
    ("value", "column", "text"),
    [
        (0.97124, "test_accuracy", ".9712"),
        (1.0, "test_accuracy", "1.0000"),
        (-0.00001, "test_loss", ".0000"),
        (8857029000.0, "test_loss", "8.857e+09"),
        (0.25, "seconds", "0.25"),
        (14.04, "selected_epoch", "14.0"),
    ],
)
def test_numbers_have_the_digits_of_their_column(value, column, text):
    assert number(value, column) == text


def test_differences_are_signed_and_single_values_have_no_interval():
    interval = Interval(0.01, -0.005, 0.025, 3)
    assert interval_in_words(interval, "test_accuracy", signed=True) == "+.0100 [-.0050, +.0250]"
    assert interval_in_words(Interval(0.5, float("nan"), float("nan"), 1), "test_accuracy") == ".5000"
    assert interval_in_words(None, "test_accuracy") == ""


def test_the_latex_table_escapes_names_and_uses_booktabs(tmp_path):
    report = report_of(tmp_path, "regularization=none", "regularization=batch_norm", columns=["gap"])
    text = latex_tables(report)
    assert r"batch\_norm & 10 &" in text
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == 1 + bool(report.columns)
    assert re.search(r"\$\+\$\.00\d\d \[", text)


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")
def test_the_latex_table_compiles(tmp_path):
    names = ["regularization=none", "regularization=[dropout,l2] model.hidden=[5,5]", "a^b~c=50%&#{}<>$\\=1"]
    table = latex_tables(report_of(tmp_path / "runs", *names, columns="regularization"))
    lines = [
        r"\documentclass{article}",
        r"\usepackage{booktabs}",
        r"\begin{document}",
        table,
        r"\end{document}",
    ]
    (tmp_path / "paper.tex").write_text("\n".join(lines))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-1500:]
