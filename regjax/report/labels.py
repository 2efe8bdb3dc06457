"""Makes the words on a sweep's picture: its title, and short names that keep variants apart."""

import re
import textwrap
from collections.abc import Iterable, Sequence

from regjax.report.overall import Report
from regjax.report.styles import STYLES
from regjax.report.variants import BARE

# A variant's name has settings with spaces between them. A value may have spaces too.
BETWEEN = re.compile(r"\s+(?=[\w.]+=)")
# A label has at most so many characters on a line, and so many lines.
BROAD, LINES = 20, 3
# A title lists at most so many datasets, and counts them if there are more.
LISTED = 3


def sweep_title(report: Report) -> str:
    """Says which keys vary, on which data, with how many seeds, and which curves are left out."""
    names = list(dict.fromkeys(name for group in report.variants.values() for name in group))
    runs = [run for group in report.variants.values() for each in group.values() for run in each]
    datasets = list(dict.fromkeys(run.summary["config"]["data.name"] for run in runs))
    data = _listed(datasets) if len(datasets) <= LISTED else f"{len(datasets)} datasets"
    seeds = sorted({row.n for comparison in report.comparisons.values() for row in comparison.rows if row.n})
    number = " to ".join(map(str, dict.fromkeys(seeds[:1] + seeds[-1:]))) or "no"
    title = f"{_listed(varied(names)) or 'one variant'} on {data}, {number} seed{'s' * (number != '1')}"
    left_out = f"\ncurves of {len(STYLES)} of {len(names)} variants, chosen evenly from the best to the worst"
    return "\n".join(textwrap.wrap(title, 100)) + left_out * (len(names) > len(STYLES))


def varied(names: Iterable[str]) -> list[str]:
    """The keys in the names of variants, in the order of their first use."""
    return list(dict.fromkeys(key for name in names for key, _ in _settings(name) if key))


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Each name as a label of a few lines. Two names never get the same label.

    If all settings have one key, a label has only the values. If there are several keys, it has the last part
    of each key. A label that is still too long loses its middle, unless two labels would then be equal.
    """
    keys = varied(names)
    leaves = [key.rpartition(".")[2] for key in keys]
    shown = dict(zip(keys, leaves if len({*leaves}) == len(leaves) else keys, strict=True))

    def short(key: str, value: str) -> str:
        return value if not key or key == BARE or len(keys) == 1 else f"{shown[key]}={value}"

    whole = [" ".join(short(*setting) for setting in _settings(name)) for name in names]
    most, half = BROAD * LINES, BROAD * LINES // 2 - 2
    cut = [f"{text[:half]} … {text[-half:]}" if len(text) > most else text for text in whole]
    labels = next(each for each in (cut, whole, names) if len({*each}) == len(names))
    return dict(zip(names, map(_wrapped, labels), strict=True))


def _listed(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _settings(name: str) -> list[tuple[str, str]]:
    """The key and the value of each setting in a name. `default` sets none."""
    found = []
    for setting in BETWEEN.split(name):
        key, sign, value = setting.partition("=")
        bare = "" if key == "default" else BARE
        found.append((key, value) if sign else (bare, setting))
    return found


def _wrapped(text: str) -> str:
    """Breaks a label after spaces and the signs + , /. It breaks only words that are longer than a line."""
    lines = [""]
    for piece in re.findall(r"[^\s+,/]*[\s+,/]+|[^\s+,/]+", text):
        if len(lines[-1]) + len(piece.rstrip()) > BROAD and lines[-1]:
            lines.append("")
        lines[-1] += piece
    return "\n".join(part for line in lines for part in textwrap.wrap(line, BROAD))
