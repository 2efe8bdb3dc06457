"""Counts the looks at a sweep in `comparison.json`. This file also has the paths that the report is about."""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from regjax.errors import UserError
from regjax.saved.collection import SavedRun
from regjax.saved.directory import CURVES
from regjax.saved.identity import identity_of_parts
from regjax.saved.manifest import DamagedError, read_json

COMPARISON = NUMBERS, PAGE, SHEET = ("comparison.json", "comparison.md", "comparison.csv")


class Look(NamedTuple):
    """One comparison of a sweep: its number of finished runs, a SHA-256 of their identities, and the plan.

    `planned` is `compare.looks` at this look.
    """

    runs: int
    results: str
    planned: int = 1


def check_output(directory: Path, paths: Iterable[Path]) -> None:
    """Raises `UserError` if a folder has files of a report, but not of the report of these paths.

    `comparison.json` has the paths of a report.
    """
    present = [name for name in (*COMPARISON, CURVES) if os.path.lexists(directory / name)]
    if not present:
        return
    try:
        of, _ = _read(directory)
    except DamagedError as error:
        raise UserError(
            f"{directory}: it has {', '.join(present)}, and no report of regjax wrote that ({error}). Name "
            "another folder, or move these files away."
        ) from None
    if of != relative(paths, directory):
        raise UserError(
            f"{directory}: it has the comparison of other runs ({', '.join(of)}) and counts the looks at "
            "these. Name another folder, or move comparison.json away."
        )


def previous_looks(directory: Path, paths: Iterable[Path]) -> list[Look]:
    """The looks at these paths that the comparison in a folder has counted.

    If the comparison cannot be read, its looks are lost. A warning on standard error says so.
    """
    if not (directory / NUMBERS).exists():
        return []
    try:
        of, looks = _read(directory)
    except DamagedError as error:
        print(f"warning: {error}; the earlier looks that it counted are lost", file=sys.stderr)
        return []
    return looks if of == relative(paths, directory) else []


def _read(directory: Path) -> tuple[list[str], list[Look]]:
    """The paths and the looks of the comparison in a folder. Raises `DamagedError`."""
    path = directory / NUMBERS
    found = read_json(path)
    try:
        looks = [
            Look(int(look["runs"]), str(look["results"]), int(look.get("planned", 1)))
            for look in found["looks"]
        ]
        return [*map(str, found["of"])], looks
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise DamagedError(f"{path}: it cannot be read ({error!r})") from None


def relative(paths: Iterable[Path], directory: Path) -> list[str]:
    """Paths relative to a folder, so that both can be moved together."""
    return sorted(os.path.relpath(path.resolve(), directory.resolve()) for path in paths)


def counted(
    runs: Sequence[SavedRun], judged: list[list[str]], earlier: Sequence[Look], planned: int
) -> list[Look]:
    """The earlier looks and this one. A look that repeats an earlier one, or has no results, does not count.

    `judged` has the names, metrics and baselines of the comparisons. If one of them differs, the look is new.
    """
    done = sorted(run.summary["identity"] for run in runs if run.summary["status"] == "done")
    look = Look(len(done), identity_of_parts([done, judged]), planned)
    is_new = done and look.results not in [each.results for each in earlier]
    return [*earlier, look] if is_new else [*earlier]


def looks_in_words(looks: Sequence[Look]) -> tuple[list[str], list[str]]:
    """A note about looks that were planned, or a caution about more looks than the first look planned."""
    planned = looks[0].planned if looks else 1
    listed = ", then ".join(f"{look.runs} runs" for look in looks)
    if len(looks) > planned:
        share = f", and {planned} {'was' if planned == 1 else 'were'} planned (compare.looks)"
        return [], [
            f"look {len(looks)} at this sweep ({listed}){share}: each further look raises the "
            "chance of a false positive above alpha. Plan looks before the first one by compare.looks=N"
        ]
    if planned > 1:
        return [
            f"look {len(looks)} of {planned} planned at this sweep ({listed}): each is judged at "
            f"alpha / {planned}"
        ], []
    return [], []
