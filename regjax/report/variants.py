"""Groups runs into variants, and names these."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from regjax.errors import UserError, invalid_choice, shown
from regjax.runs.identity import as_computed, decisive, is_decisive

Summary = Mapping[str, Any]

# Two runs are a pair if they agree in these: the seed, and the seeds of the split.
PAIRED_BY = ("seed", "data.split_seed", "data.test_seed")
# These settings say which runs are trained together. They name no variant.
NOT_NAMED = "sweep."
# The group whose choices are named without it: `l2` for `regularization=l2`.
BARE = "regularization"
WORDS = {"true": "true", "false": "false", "null": "null", "none": "null"}


def by_dataset(summaries: Iterable[Summary]) -> dict[str, list[Summary]]:
    """Runs by the name of their dataset, in their first order."""
    found: dict[str, list[Summary]] = {}
    for summary in summaries:
        found.setdefault(summary["config"]["data.name"], []).append(summary)
    return found


def variants(summaries: Sequence[Summary]) -> dict[str, list[Summary]]:
    """Runs by variant, in their first order. The overrides that differ between runs name the variant.

    Runs of one name may differ in other settings, for instance because a file changed. Then every name has
    these settings too. The variant is called `default` if its name is empty.
    """
    spelled = _spelled_alike(summaries)
    keys = dict.fromkeys(key for overrides in spelled for key in overrides)
    varied = [key for key in keys if len({overrides.get(key) for overrides in spelled}) > 1]
    by_overrides: dict[str, list[Summary]] = {}
    for overrides, summary in zip(spelled, summaries, strict=True):
        name = " ".join(_setting(key, overrides[key]) for key in varied if key in overrides)
        by_overrides.setdefault(name, []).append(summary)
    unnamed = dict.fromkeys(key for group in by_overrides.values() for key in varying_settings(group))
    named: dict[str, list[Summary]] = {}
    for name, group in by_overrides.items():
        for summary in group:
            settings = [f"{key}={shown(summary['config'][key])}" for key in unnamed]
            named.setdefault(" ".join(filter(None, [name, *settings])) or "default", []).append(summary)
    return named


def varying_settings(summaries: Sequence[Summary]) -> list[str]:
    """The settings that differ between runs, except seeds and settings with an interpolation.

    An override such as `trainer.epochs=${seed}` is one setting, whatever its value for each seed.
    """
    ignored = set(PAIRED_BY).union(
        key for summary in summaries for key, text in _overrides(summary["overrides"]).items() if "${" in text
    )
    configs = [decisive(summary["config"]) for summary in summaries]
    keys = dict.fromkeys(key for config in configs for key in config)  # a neutral setting is in none
    return [
        key
        for key in keys
        if key not in ignored and any(config.get(key) != configs[0].get(key) for config in configs)
    ]


def pair_of(summary: Summary) -> tuple[int, ...]:
    """The seeds that a run shares with the run that it is paired with."""
    return tuple(summary["config"][key] for key in PAIRED_BY)


def grouped_by(summaries: Sequence[Summary], key: str) -> dict[str, list[Summary]]:
    """Runs by the value of one configuration key.

    Raises `UserError` if runs of one value differ in other settings: only one run of each seed would count,
    and the comparison would be of the other settings too.
    """
    spelling: dict[str, str] = {}
    groups: dict[str, list[Summary]] = {}
    for summary in summaries:
        value = summary["config"].get(key)
        name = spelling.setdefault(repr(as_computed(value)), f"{key}={shown(value)}")
        groups.setdefault(name, []).append(summary)
    for name, group in groups.items():
        if others := varying_settings(group):
            raise UserError(
                f"--group-by={key}: runs of {name} also differ in {', '.join(others)}. Name folders of runs "
                "that do not, or leave --group-by out to compare each combination."
            )
    return groups


def variant_called(name: str, named: Iterable[str]) -> str:
    """The variant with the settings of `name`, in any order and spelling: 1e-3 is 0.001, None is null.

    Raises `UserError` if no variant has them, or if several do and none has exactly this name.
    """
    names = list(named)
    meant = [name] if name in names else [other for other in names if _parsed(other) == _parsed(name)]
    if len(meant) != 1:
        raise invalid_choice("compare.baseline", name, names)
    return meant[0]


def _parsed(name: str) -> list[list[str]]:
    """The settings in a name, sorted, each split into words and signs. Equal values become equal words."""
    given = [setting.partition("=") for setting in re.split(r"\s+(?=[\w.]+=)", name.strip())]
    settings = [_setting(key, value) if sign else key for key, sign, value in given]
    return sorted([_word(word) for word in re.findall(r"[^\s\[\],=]+|\S", text)] for text in settings)


def _word(text: str) -> str:
    """One spelling of each number of float32, truth value and null: the command line takes several."""
    try:
        return str(as_computed(float(text)))
    except ValueError:
        return WORDS.get(text.lower(), text)


def _spelled_alike(summaries: Sequence[Summary]) -> list[dict[str, str]]:
    """The overrides of each run by key. Equal values have the spelling of the first.

    The value of an interpolation, or of a choice from a group, is its text.
    """
    first: dict[tuple[str, str], str] = {}
    spelled = [_overrides(summary["overrides"]) for summary in summaries]
    for overrides, summary in zip(spelled, summaries, strict=True):
        config = summary["config"]
        for key, text in overrides.items():
            value = text if "${" in text or key not in config else repr(as_computed(config[key]))
            overrides[key] = first.setdefault((key, value), text)
    return spelled


def _overrides(texts: Sequence[str]) -> dict[str, str]:
    """By key, the overrides that can name a variant: those that decide what is trained, except seeds.

    The last override of a key counts, as in Hydra.
    """
    pairs = (text.lstrip("+").split("=", 1) for text in texts)
    return {
        key: value
        for key, value in pairs
        if is_decisive(key) and key not in PAIRED_BY and not key.startswith(NOT_NAMED)
    }


def _setting(key: str, value: str) -> str:
    if key == BARE:
        return value.strip("[]").replace(" ", "").replace(",", "+")
    return f"{key}={value}"
