"""What the rows of the table name exists."""

import ast

import pytest

from regjax.config import flatten
from regjax.techniques.table import TABLE
from tests.small import ROOT, composed

NAMES = {row.name for row in TABLE}
TESTS = {
    f"{path.name}::{node.name}"
    for path in (ROOT / "tests").rglob("test_*.py")
    for node in ast.parse(path.read_text()).body
    if isinstance(node, ast.FunctionDef)
}
named = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)


@named
def test_a_row_names_the_test_that_judges_it_from_outside(row):
    assert row.judge in TESTS


@named
def test_what_a_row_says_of_others_names_keys_and_techniques_that_there_are(row):
    assert {*row.needs, *row.suits} <= flatten(composed()).keys()
    others = {*row.needs_one_of, *row.excludes, *([row.for_tables] if row.for_tables else [])}
    assert others <= NAMES - {row.name}
