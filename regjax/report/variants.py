"""Which runs belong to one variant, and what it is called."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from regjax.errors import UserError, invalid_choice, shown
from regjax.runs.identity import as_computed, decisive, is_decisive

Summary = Mapping[str, Any]

# What a run shares with its pair: the seed, and the split's where that one varies.
PAIRED_BY = ("seed", "data.split_seed", "data.test_seed")
# Names of what is trained together, not of what is trained.
NOT_NAMED = "sweep."
UNNAMED = "default"
# A technique's name says enough without its group's.
BARE = "regularization"
WORDS = {"true": "true", "false": "false", "null": "null", "none": "null"}


def by_dataset(summaries: Iterable[Summary]) -> dict[str, list[Summary]]:
    """Runs by the name of their dataset, in their first order."""
    found: dict[str, list[Summary]] = {}
    for summary in summaries:
        found.setdefault(summary["config"]["data.name"], []).append(summary)
    return found


def variants(summaries: Sequence[Summary]) -> dict[str, list[Summary]]:
    """Runs by variant, in their first order; a variant's name is the overrides in which it differs.

    Overrides that all runs share are left out of the names. Where none is left, there is one variant. Runs
    of one name that were trained with other settings, as from files that have changed, have these in their
    names too.
    """
    given = _spelled_alike(summaries)
    keys = list(dict.fromkeys(key for overrides in given for key in overrides))
    telling = [key for key in keys if len({overrides.get(key) for overrides in given}) > 1]
    grouped: dict[str, list[Summary]] = {}
    for overrides, summary in zip(given, summaries, strict=True):
        grouped.setdefault(_name(overrides, telling), []).append(summary)
    unspoken = list(dict.fromkeys(key for group in grouped.values() for key in _varying(group)))
    if not unspoken:
        return grouped
    told: dict[str, list[Summary]] = {}
    for name, group in grouped.items():
        for summary in group:
            settings = [f"{key}={shown(summary['config'][key])}" for key in unspoken]
            full = " ".join(settings if name == UNNAMED else [name, *settings])
            told.setdefault(full, []).append(summary)
    return told


def _varying(summaries: Sequence[Summary]) -> list[str]:
    """The settings in which runs differ, but for what pairs them and what an override takes from elsewhere.

    An override such as `trainer.epochs=${seed}` is one setting, whatever it comes to for each seed.
    """
    referring = {
        key for summary in summaries for key, text in _overrides(summary["overrides"]).items() if "${" in text
    }
    configs = [decisive(summary["config"]) for summary in summaries]
    return [
        key
        for key, value in configs[0].items()
        if key not in PAIRED_BY and key not in referring and any(other.get(key) != value for other in configs)
    ]


def pair_of(summary: Summary) -> tuple[int, ...]:
    """What a run shares with its pair: the seed, and those of the split where they vary."""
    return tuple(summary["config"][key] for key in PAIRED_BY)


def grouped_by(summaries: Sequence[Summary], key: str) -> dict[str, list[Summary]]:
    """Runs by the value of one configuration key.

    Raises `UserError` where runs of one value differ in other settings: such runs of one seed would be one
    sample, and the comparison one of the other settings as well.
    """
    spelling: dict[str, str] = {}
    grouped: dict[str, list[Summary]] = {}
    for summary in summaries:
        value = summary["config"].get(key)
        name = spelling.setdefault(repr(as_computed(value)), f"{key}={shown(value)}")
        grouped.setdefault(name, []).append(summary)
    for name, group in grouped.items():
        if others := _varying(group):
            raise UserError(
                f"--group-by={key}: runs of {name} differ in {', '.join(others)} too; name folders whose "
                "runs do not, or leave it out, which compares each combination."
            )
    return grouped


def differ_besides(key: str, summaries: Sequence[Summary]) -> list[str]:
    """The other settings that vary among runs which are compared by the value of one key."""
    return [other for other in _varying(summaries) if other != key]


def variant_called(name: str, named: Iterable[str]) -> str:
    """The variant that has the settings of `name`, in whatever order and spelling: 1e-3 is 0.001, None null.

    Raises `UserError` where there is none, or where several have them and none has this very name.
    """
    names = list(named)
    meant = [name] if name in names else [other for other in names if _settings(other) == _settings(name)]
    if len(meant) != 1:
        raise invalid_choice("compare.baseline", name, names)
    return meant[0]


def _settings(name: str) -> list[list[str]]:
    """The settings of a name, sorted, each as its words and signs; equal values are equal words."""
    given = [setting.partition("=") for setting in re.split(r"\s+(?=[\w.]+=)", name.strip())]
    parts = [_part(key, value) if sign else key for key, sign, value in given]
    return sorted([_word(word) for word in re.findall(r"[^\s\[\],=]+|\S", part)] for part in parts)


def _word(text: str) -> str:
    """One spelling of a number, a truth value or nothing, of the several that the command line takes."""
    try:
        return str(float(text))
    except ValueError:
        return WORDS.get(text.lower(), text)


def _spelled_alike(summaries: Sequence[Summary]) -> list[dict[str, str]]:
    """The overrides of each run by key; equal values read as the first of them was typed."""
    first: dict[tuple[str, str], str] = {}
    return [
        {
            key: first.setdefault((key, _value(key, text, summary["config"])), text)
            for key, text in _overrides(summary["overrides"]).items()
        }
        for summary in summaries
    ]


def _value(key: str, text: str, config: Mapping[str, Any]) -> str:
    """What an override sets; the text itself where that is a group, or refers to what differs by seed."""
    return text if "${" in text or key not in config else repr(as_computed(config[key]))


def _overrides(texts: Sequence[str]) -> dict[str, str]:
    """Overrides of what is trained by key; of several for one key the last counts, as it does for Hydra."""
    pairs = (text.lstrip("+").split("=", 1) for text in texts)
    return {key: value for key, value in pairs if _names(key)}


def _names(key: str) -> bool:
    """Whether a variant has a setting in its name: it decides what is trained, and is not a seed."""
    return is_decisive(key) and key not in PAIRED_BY and not key.startswith(NOT_NAMED)


def _name(overrides: Mapping[str, str], telling: Sequence[str]) -> str:
    parts = [_part(key, overrides[key]) for key in telling if key in overrides]
    return " ".join(parts) or UNNAMED


def _part(key: str, value: str) -> str:
    if key == BARE:
        return value.strip("[]").replace(" ", "").replace(",", "+")
    return f"{key}={value}"
