"""Checks `regularization=`: the techniques that it names must be on, and no others."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from hydra._internal.config_repository import ConfigRepository
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra.core.override_parser.overrides_parser import OverridesParser

from regjax.config.ranges import NEUTRAL
from regjax.config.schema import as_written
from regjax.errors import UserError, invalid, shown
from regjax.saved.identity import identity_untrained
from regjax.techniques.declaration import Technique
from regjax.techniques.settings import NO_CHOICE, is_on, keys_of
from regjax.techniques.table import TABLE

GROUP = "regularization"
# If the user chooses a file of these groups, its keys do not count as typed.
OF_SETTINGS = ("experiment", "debug")
Places = tuple[tuple[str, str], ...]


class Loaded(NamedTuple):
    """The files of other groups that Hydra loaded, by group, and the places where it looks for files."""

    places: Places
    by_group: dict[str, str]


def chosen(overrides: Iterable[str]) -> list[str] | None:
    """The files that a typed `regularization=` names, or None. Hydra records them only in the override."""
    given = [names for text in overrides if GROUP in text and (names := _chosen_by(text)) is not None]
    return list(given[-1]) if given else None  # the last one counts


@cache
def _chosen_by(text: str) -> tuple[str, ...] | None:
    """The files that one override names. Parsing takes 0.2 ms, and many jobs share an override."""
    override = OverridesParser.create().parse_override(text)
    if override.key_or_group != GROUP:
        return None
    value = override.value()
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def check_list(overrides: Sequence[str], files: Loaded) -> None:
    """Refuses `none` beside a technique, two techniques that set one key, and a technique named twice."""
    names = chosen(overrides) or []
    if "none" in names and len(names) > 1:
        rest = ",".join(name for name in names if name != "none")
        raise invalid(GROUP, _listed(names), f"none stands alone; leave it out: '{GROUP}=[{rest}]'")
    for name in names:
        if names.count(name) > 1:
            times = names.count(name)
            raise invalid(GROUP, _listed(names), f"{name} is named {times} times; name it once")
    setters: dict[str, str] = {}  # the second technique would overwrite the key of the first
    for name in names:
        for key in _settings(f"{GROUP}/{name}", files.places):
            if (other := setters.setdefault(key, name)) != name:
                raise invalid(GROUP, _listed(names), f"{other} and {name} both set {key}; name one of them")


def loaded(hydra: Any) -> Loaded:
    """The files that Hydra loaded for a job."""
    places = ((place.provider, f"{place.schema}://{place.path}") for place in hydra.runtime.config_sources)
    chosen_files = ((group, choice) for group, choice in hydra.runtime.choices.items() if choice is not None)
    own = {group: f"{group}/{choice}" for group, choice in chosen_files if not group.startswith("hydra")}
    own.pop(GROUP, None)
    return Loaded(tuple(places), own)


def check_named(values: Mapping[str, Any], overrides: Sequence[str], files: Loaded) -> None:
    """Refuses a typed list of techniques if another technique is on, or one of them is off.

    A technique may differ from the list if its key is typed. `values` is a job's configuration by dotted key.
    """
    names = chosen(overrides)
    if names is None:
        return
    alone = {**values, **NEUTRAL}
    for name in names:
        alone |= _settings(f"{GROUP}/{name}", files.places)
    typed = _typed_keys(overrides)
    by_user = [file for group, file in files.by_group.items() if group in typed and group not in OF_SETTINGS]
    typed |= {key for file in by_user for key in _settings(file, files.places)}
    for row in TABLE:
        if is_on(row, alone) != is_on(row, values) and not typed & set(keys_of(row)):
            raise _broken_word(row, names, values, files)
        choice = row.choice
        if choice and is_on(row, alone) and values[choice.key] not in (choice.value, NO_CHOICE):
            chosen_by = f"{GROUP}={_listed(names)} turns {row.name} on, which is {choice.key}={choice.value}"
            raise invalid(choice.key, values[choice.key], f"{chosen_by}; name one of them")


def check_distinct(jobs: Sequence[tuple[Mapping[str, Any], Sequence[str]]]) -> None:
    """Refuses a typed number if it contradicts the lists of techniques: the variants' names would be wrong.

    The number is typed for all jobs. Each job has its configuration by dotted key, and its overrides.
    """
    _check_same_runs(jobs)
    lists = {tuple(names) for _, overrides in jobs if (names := chosen(overrides))}
    if len(lists) < 2:  # the lists name no variant
        return
    of_all = set.intersection(*(set(overrides) for _, overrides in jobs))
    typed = [(row, text) for row in TABLE for text in sorted(of_all) if _sets(text, row)]
    for values, overrides in jobs:
        names = chosen(overrides) or []
        for row, text in typed:
            on = is_on(row, values)
            if (names == ["none"]) if on else (row.name in names):
                effect = f"turns {row.name} {'on' if on else 'off'}"
                remedy = f"add {row.name} to each list" if on else f"leave {row.name} out of the lists"
                raise UserError(
                    f"{text}: it {effect} in every job, and {GROUP}={_listed(names)} says otherwise. "
                    f"Leave {text} out, or {remedy}."
                )


def _sets(text: str, row: Technique) -> bool:
    return not _typed_keys([text]).isdisjoint(keys_of(row))


def _check_same_runs(jobs: Iterable[tuple[Mapping[str, Any], Sequence[str]]]) -> None:
    """Refuses two lists of techniques that a typed number makes the same run."""
    first: dict[str, list[str]] = {}
    for values, overrides in jobs:
        names = chosen(overrides)
        if names is None:
            continue
        other = first.setdefault(identity_untrained(values), names)
        typed = [text for text in overrides if _typed_keys([text]) & NEUTRAL.keys()]
        if typed and sorted(other) != sorted(names):
            numbers, lists = ", ".join(typed), f"{GROUP}={_listed(other)} and {GROUP}={_listed(names)}"
            remedy = f"Leave {numbers} out, or name one of the two lists"
            raise UserError(f"{numbers}: {lists} are the same run, since {numbers} overrules both. {remedy}.")


@cache
def _settings(file: str, places: Places) -> dict[str, Any]:
    """The keys and values that a file of a group sets. The first place that has the file counts."""
    search = ConfigSearchPathImpl()
    for provider, path in places:
        search.append(provider, path)
    found = ConfigRepository(search).load_config(file)
    if found is None:
        return {}
    package = found.header.get("package") or file.rpartition("/")[0].replace("/", ".")
    prefix = "" if package == "_global_" else f"{package}."
    return {f"{prefix}{key}": value for key, value in as_written(found.config).items()}


def _typed_keys(overrides: Iterable[str]) -> set[str]:
    return {text.lstrip("+~").partition("=")[0].partition("@")[0] for text in overrides}


def _broken_word(row: Technique, names: Sequence[str], values: Mapping[str, Any], files: Loaded) -> UserError:
    keys, on = keys_of(row), is_on(row, values)
    setting = [file for file in files.by_group.values() if set(keys) & _settings(file, files.places).keys()]
    where = f"{setting[-1]}.yaml" if setting else "the configuration"
    remedy = "Add it to the list" if on else "Leave it out of the list"
    return UserError(
        f"{GROUP}={_listed(names)}: {where} turns {row.name} {'on' if on else 'off'} "
        f"({keys[0]}={shown(values[keys[0]])}). {remedy}, or give {keys[0]} on the command line."
    )


def _listed(names: Sequence[str]) -> str:
    return f"[{','.join(names)}]"
