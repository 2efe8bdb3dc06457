"""Writes `docs/catalogue.md` from the table of techniques and the figures of `benchmarks/cost.py`.

python benchmarks/catalogue.py
"""

import json
import pathlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any

ROOT = pathlib.Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from hydra import compose, initialize_config_dir  # noqa: E402

from regjax.config import flatten, typed  # noqa: E402
from regjax.config.folder import CONF  # noqa: E402
from regjax.errors import shown  # noqa: E402
from regjax.techniques.declaration import Hook, Number, Technique, Values  # noqa: E402
from regjax.techniques.settings import conditions, keys_of  # noqa: E402
from regjax.techniques.table import rows  # noqa: E402

FIGURES, DOCUMENT = ROOT / "benchmarks" / "cost.json", ROOT / "docs" / "catalogue.md"
BAR = r"\|"  # one inside a cell
ABOUT = """# The catalogue

<!-- python benchmarks/catalogue.py writes this file -->
Every technique, by the place where it acts. `'regularization=[NAME]'` turns it on with the numbers of its
file; `elastic_net` is `l1` and `l2`. `python -m regjax.explain NAME` says the same at your numbers. The judge
is the test that compares it with a closed form, a statistic of its paper or another implementation. The cost
is of an epoch of notebook 1, as a ratio to the epoch without it ([how it was measured](cost.md)).
"""
COLUMNS = ("technique", "formula", "key: range; what is off; its file's value", "elsewhere", "judge", "cost")
HEAD = f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|"


def catalogue() -> str:
    """The page."""
    costs = json.loads(FIGURES.read_text())["techniques"] if FIGURES.exists() else {}
    parts = [ABOUT]
    for hook in Hook:
        lines = [_line(row, costs.get(row.name)) for row in rows(hook)]
        if lines:
            title = f"## {hook.value[0].upper()}{hook.value[1:]}"
            parts.append("\n".join([title, HEAD, *lines, ""]))
    return "\n".join(parts)


def _line(row: Technique, cost: Mapping[str, float] | None) -> str:
    values = _values(row)
    paper, _, link = row.source.rpartition(", ")
    cells = [
        f"`{row.name}`, [{paper}]({link})",
        f"`{row.formula}`",
        "<br>".join(_settings(row, values)),
        "<br>".join(_elsewhere(row, values)),
        f"`{row.judge.partition('::')[2]}`",
        f"{cost['cost']:.2f}x" if cost else "",
    ]
    return f"| {' | '.join(cell.replace('|', BAR) for cell in cells)} |"


def _values(row: Technique) -> dict[str, Any]:
    """The configuration with the technique at the numbers of its file."""
    listed = ",".join((*row.needs_one_of[:1], row.name))
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return flatten(typed(compose("config", [f"regularization=[{listed}]"])))


def _settings(row: Technique, values: Values) -> Iterator[str]:
    if row.choice:
        yield f"`{row.choice.key}={row.choice.value}`; none is off"
    for index, number in enumerate(row.numbers.values()):
        neutral = f"{shown(number.neutral)} is {'off' if index == 0 else 'usual'}"
        yield f"`{number.key}`: {_range(number)}; {neutral}; {shown(values[number.key])}"
    for key, needed in row.needs.items():
        yield f"needs {needed.words} (`{key}`)"
    for word, text in conditions(row):
        yield f"{word} {text}"


def _range(number: Number) -> str:
    layers = ", or one for each hidden layer" * number.per_layer
    scheduled = ", may follow a schedule" * number.scheduled
    return f"{number.range.allowed.removeprefix('must be ')}{layers}{scheduled}"


def _elsewhere(row: Technique, values: Values) -> Iterator[str]:
    strength = values[keys_of(row)[0]]
    for place, convert in row.elsewhere.items():
        found = convert(strength, values)
        yield f"{place}: {found:g}" if isinstance(found, float) else f"{place}: {found}"


if __name__ == "__main__":
    DOCUMENT.write_text(catalogue())
