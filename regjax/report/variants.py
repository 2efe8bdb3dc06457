"""Groups runs into variants, and names the variants."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from regjax.errors import UserError, invalid_choice, shown
from regjax.saved.identity import as_computed, decisive, identity_of_parts, is_decisive

Summary = Mapping[str, Any]

# Two runs are a pair if these settings agree: the seed, and the seeds of the split.
PAIRED_BY = ("seed", "data.split_seed", "data.test_seed")
# These settings say which runs train together. They name no variant.
NOT_NAMED = "sweep."
# The names of variants leave this group out: `l2` stands for `regularization=l2`.
BARE = "regularization"
WORDS = {"true": "true", "false": "false", "null": "null", "none": "null"}


def by_dataset(summaries: Iterable[Summary]) -> dict[str, list[Summary]]:
    """Runs by the name of their dataset. The datasets have the order of their first runs."""
    found: dict[str, list[Summary]] = {}
    for summary in summaries:
        found.setdefault(summary["config"]["data.name"], []).append(summary)
    return found


class Variants(NamedTuple):
    """Runs by the name of their variant. `also` has other names of some variants, and their names here."""

    runs: dict[str, list[Summary]]
    also: dict[str, str]


def variants(summaries: Sequence[Summary]) -> Variants:
    """Groups runs by their configuration: one configuration is one variant, whatever overrides made it.

    The overrides that differ between runs name the variant. If none differs, `regularization` does. Runs of
    one name may differ in other settings, for instance because a file changed. Then every name has these
    settings too. A variant with an empty name is called `default`. If several commands gave a variant several
    names, the first name that is not empty counts, and `also` has the others.
    """
    spelled = _spelled_alike(summaries)
    keys = dict.fromkeys(key for overrides in spelled for key in overrides)
    varied = [key for key in keys if len({overrides.get(key) for overrides in spelled}) > 1] or [BARE]
    names = [
        " ".join(_setting(key, overrides[key]) for key in varied if key in overrides) for overrides in spelled
    ]
    by_name: dict[str, list[Summary]] = {}
    for name, summary in zip(names, summaries, strict=True):
        by_name.setdefault(name, []).append(summary)
    unnamed = dict.fromkeys(key for group in by_name.values() for key in varying_settings(group))
    groups: dict[str, list[Summary]] = {}
    names_of: dict[str, dict[str, None]] = {}  # ordered sets
    for name, summary in zip(names, summaries, strict=True):
        settings = [f"{key}={shown(summary['config'][key])}" for key in unnamed]
        configuration = _configuration(summary)
        groups.setdefault(configuration, []).append(summary)
        whole = " ".join(filter(None, [name, *settings])) or "default"
        names_of.setdefault(configuration, {})[whole] = None
    return _by_one_name(groups, names_of)


def _by_one_name(groups: Mapping[str, list[Summary]], names_of: Mapping[str, Mapping[str, None]]) -> Variants:
    """Each group under its first name that is not `default`."""
    named: dict[str, list[Summary]] = {}
    also: dict[str, str] = {}
    for configuration, group in groups.items():
        names = list(names_of[configuration])
        name = next((each for each in names if each != "default"), names[0])
        named.setdefault(name, []).extend(group)
        also |= {other: name for other in names if other != name}
    return Variants(named, {other: name for other, name in also.items() if other not in named})


def _configuration(summary: Summary) -> str:
    """A hash of the settings that decide a variant's results. It leaves out seeds.

    An interpolation counts by its text.
    """
    settings = decisive(summary["config"])
    texts = {key: text for key, text in _overrides(summary["overrides"]).items() if "${" in text}
    varying = {key: value for key, value in settings.items() if key not in PAIRED_BY} | texts
    return identity_of_parts([varying])


def varying_settings(summaries: Sequence[Summary]) -> list[str]:
    """The settings that differ between runs, except seeds and settings with an interpolation.

    An override such as `trainer.epochs=${seed}` is one setting, although its value differs between seeds.
    """
    ignored = set(PAIRED_BY).union(
        key for summary in summaries for key, text in _overrides(summary["overrides"]).items() if "${" in text
    )
    configs = [decisive(summary["config"]) for summary in summaries]
    keys = dict.fromkeys(key for config in configs for key in config)  # `decisive` drops neutral values
    return [
        key
        for key in keys
        if key not in ignored and any(config.get(key) != configs[0].get(key) for config in configs)
    ]


def pair_of(summary: Summary) -> tuple[int, ...]:
    """The seeds of a run. Two runs with equal seeds are a pair."""
    return tuple(summary["config"][key] for key in PAIRED_BY)


def grouped_by(summaries: Sequence[Summary], key: str) -> dict[str, list[Summary]]:
    """Runs by the value of one configuration key.

    Raises `UserError` if runs of one value differ in other settings. Otherwise only one run of each seed
    would count, and the other settings could explain a difference.
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


def variant_called(name: str, named: Variants) -> str:
    """The variant with the settings in `name`. Order and spelling do not matter: 1e-3 is 0.001, None is null.

    Raises `UserError` if no variant has these settings, or if several have them and none has exactly this
    name.
    """
    names = {each: each for each in named.runs} | named.also
    meant = [name] if name in names else [other for other in names if _parsed(other) == _parsed(name)]
    if len({names[other] for other in meant}) != 1:
        raise invalid_choice("compare.baseline", name, list(named.runs))
    return names[meant[0]]


def settings_in(name: str) -> dict[str, str]:
    """The settings in a variant's name by key. A part without a key, such as `dropout+l2`, has the key ""."""
    given = [setting.rpartition("=") for setting in re.split(r"\s+(?=[\w.]+=)", name.strip())]
    return {key: value for key, _, value in given}


def _parsed(name: str) -> list[list[str]]:
    """The settings in a name, sorted. Each is split into words and signs. Equal values become equal words."""
    settings = [_setting(key, value) if key else value for key, value in settings_in(name).items()]
    return sorted([_word(word) for word in re.findall(r"[^\s\[\],=]+|\S", text)] for text in settings)


def _word(text: str) -> str:
    """One spelling for each float32 number, truth value and null. The command line accepts several."""
    try:
        return str(as_computed(float(text)))
    except ValueError:
        return WORDS.get(text.lower(), text)


def _spelled_alike(summaries: Sequence[Summary]) -> list[dict[str, str]]:
    """The overrides of each run by key. Equal values get the spelling of the first of them.

    For an interpolation, or a choice from a group, the text is the value.
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
    """The overrides that can name a variant, by key: they decide the training, and are no seeds.

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
