"""Holds `regularization=` to its word: the techniques that it names are on, and no others."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from hydra._internal.config_repository import ConfigRepository
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from regjax.config.ranges import NEUTRAL
from regjax.errors import UserError, invalid, shown
from regjax.runs.identity import identity_untrained
from regjax.techniques.declaration import Technique
from regjax.techniques.settings import is_on, keys_of
from regjax.techniques.table import TABLE

GROUP = "regularization"
# Choosing a file of these groups does not count as typing what it sets.
OF_SETTINGS = ("experiment", "debug")
Places = tuple[tuple[str, str], ...]


def chosen(overrides: Iterable[str]) -> list[str] | None:
    """The files that the command line names, or None. Hydra records them in the override alone."""
    given = [names for text in overrides if GROUP in text and (names := _chosen_by(text)) is not None]
    return list(given[-1]) if given else None  # the last one counts


@cache
def _chosen_by(text: str) -> tuple[str, ...] | None:
    """What one override names. Parsing it takes a fifth of a millisecond, and many jobs share it."""
    override = OverridesParser.create().parse_override(text)
    if override.key_or_group != GROUP:
        return None
    value = override.value()
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def check_list(overrides: Sequence[str]) -> None:
    """Refuses `none` beside a technique, and one that is named twice."""
    names = chosen(overrides) or []
    if "none" in names and len(names) > 1:
        rest = ",".join(name for name in names if name != "none")
        raise invalid(GROUP, _listed(names), f"none stands alone; leave it out: '{GROUP}=[{rest}]'")
    for name in names:
        if names.count(name) > 1:
            times = names.count(name)
            raise invalid(GROUP, _listed(names), f"{name} is named {times} times; name it once")


def check_named(values: Mapping[str, Any], overrides: Sequence[str], hydra: Any) -> None:
    """Refuses a typed list of techniques if others are on, or one of them is off, by no typed key.

    `values` is a job's configuration by dotted key, and `hydra` Hydra's part of it.
    """
    names = chosen(overrides)
    if names is None:
        return
    places = tuple(
        (place.provider, f"{place.schema}://{place.path}") for place in hydra.runtime.config_sources
    )
    alone = {**values, **NEUTRAL, **_settings_of_all(names, places)}
    typed = _typed_keys(overrides)
    files = _files(hydra.runtime.choices, typed)
    typed |= {key for file in files[True] for key in _settings(file, places)}
    for row in TABLE:
        if is_on(row, alone) != is_on(row, values) and not typed & set(keys_of(row)):
            setting = [file for file in files[False] if set(keys_of(row)) & _settings(file, places).keys()]
            raise _broken_word(row, names, values, setting[-1:])


def check_distinct(jobs: Iterable[tuple[Mapping[str, Any], Sequence[str]]]) -> None:
    """Refuses two lists of techniques that a typed number makes the same run.

    Each job has its configuration by dotted key and its overrides.
    """
    first: dict[str, list[str]] = {}
    for values, overrides in jobs:
        names = chosen(overrides)
        if names is None:
            continue
        other = first.setdefault(identity_untrained(values), names)
        typed = [text for text in overrides if _typed_keys([text]) & NEUTRAL.keys()]
        if typed and sorted(other) != sorted(names):
            raise UserError(
                f"{', '.join(typed)}: {GROUP}={_listed(other)} and {GROUP}={_listed(names)} are the same run "
                "with it. Leave it out, or name one of them."
            )


def _settings_of_all(names: Sequence[str], places: Places) -> dict[str, Any]:
    """What the listed files set. Raises `UserError` if two of them set one key: one would undo the other."""
    setters: dict[str, str] = {}
    found: dict[str, Any] = {}
    for name in names:
        for key, value in _settings(f"{GROUP}/{name}", places).items():
            if key in setters:
                allowed = f"{setters[key]} and {name} both set {key}; name one of them"
                raise invalid(GROUP, _listed(names), allowed)
            setters[key], found[key] = name, value
    return found


@cache
def _settings(file: str, places: Places) -> dict[str, Any]:
    """What a file of a group sets, by dotted key, from the first place where Hydra finds it."""
    search = ConfigSearchPathImpl()
    for provider, path in places:
        search.append(provider, path)
    found = ConfigRepository(search).load_config(file)
    if found is None:
        return {}
    package = found.header.get("package") or file.rpartition("/")[0].replace("/", ".")
    plain = OmegaConf.to_container(found.config, resolve=False)
    return dict(_leaves(plain, "" if package == "_global_" else package))


def _leaves(node: Any, key: str) -> Iterable[tuple[str, Any]]:
    if not isinstance(node, dict):
        return [(key, node)]
    return [leaf for name, value in node.items() for leaf in _leaves(value, f"{key}.{name}".lstrip("."))]


def _typed_keys(overrides: Iterable[str]) -> set[str]:
    return {text.lstrip("+~").partition("=")[0].partition("@")[0] for text in overrides}


def _files(choices: Mapping[str, str | None], typed: set[str]) -> dict[bool, list[str]]:
    """The files of the other groups that are loaded: those that the user typed, and the rest."""
    loaded: dict[bool, list[str]] = {True: [], False: []}
    for group, choice in choices.items():
        if choice is not None and group != GROUP and not group.startswith("hydra"):
            loaded[group in typed and group not in OF_SETTINGS].append(f"{group}/{choice}")
    return loaded


def _broken_word(
    row: Technique, names: Sequence[str], values: Mapping[str, Any], file: Sequence[str]
) -> UserError:
    key, where = keys_of(row)[0], f"{file[0]}.yaml" if file else "the configuration"
    on = is_on(row, values)
    remedy = "Add it to the list" if on else "Leave it out of the list"
    return UserError(
        f"{GROUP}={_listed(names)}: {where} turns {row.name} {'on' if on else 'off'} "
        f"({key}={shown(values[key])}). {remedy}, or give {key} on the command line."
    )


def _listed(names: Sequence[str]) -> str:
    return f"[{','.join(names)}]"
