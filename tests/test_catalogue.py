"""The generated pages are those of the table of techniques as it is."""

import json
import re

import yaml

from benchmarks import catalogue, cost
from regjax.techniques.table import TABLE
from tests.small import ROOT

PAGE = (ROOT / "docs" / "catalogue.md").read_text()


def test_the_catalogue_is_in_step_with_the_table():
    assert catalogue.catalogue() == PAGE, "run python benchmarks/catalogue.py"


def test_every_technique_has_its_formula_paper_range_judge_and_cost_in_the_catalogue():
    costs = json.loads((ROOT / "benchmarks" / "cost.json").read_text())["techniques"]
    for row in TABLE:
        (line,) = (text for text in PAGE.splitlines() if text.startswith(f"| `{row.name}`,"))
        key = f"{row.choice.key}={row.choice.value}" if row.choice else row.strength.key
        parts = (row.source.rpartition(", ")[2], f"`{key}`", row.judge.partition("::")[2])
        assert [part for part in parts if part not in line] == []
        assert row.formula.replace("|", r"\|") in line
        assert line.endswith(f"| {costs[row.name]['cost']:.2f}x |")


def test_the_experiments_of_the_catalogue_compare_every_technique():
    compared = set()
    for name in ("catalogue", "catalogue_beside"):
        experiment = yaml.safe_load((ROOT / "conf" / "experiment" / f"{name}.yaml").read_text())
        listed = experiment["hydra"]["sweeper"]["params"]["regularization"]
        compared |= set(re.findall(r"\w+", listed))
        assert listed.startswith("none")
    assert compared == {path.stem for path in (ROOT / "conf" / "regularization").glob("*.yaml")}


def test_the_page_of_costs_is_in_step_with_the_figures():
    figures = json.loads((ROOT / "benchmarks" / "cost.json").read_text())
    assert cost.document(figures) == (ROOT / "docs" / "cost.md").read_text(), "run python benchmarks/cost.py"
    assert figures["techniques"].keys() == {row.name for row in TABLE}
