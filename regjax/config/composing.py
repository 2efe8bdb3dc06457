"""What Hydra and OmegaConf have against a key or its value, told by the file and line, or the override."""

import re
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path

import yaml
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException, ValidationError

from regjax.config.checks import CHOICES, RANGES, WIDTHS
from regjax.config.places import PLACES, UNNAMED
from regjax.config.schema import Config, known_keys
from regjax.config.untrusted import LOADER, entries, unreadable
from regjax.errors import UserError, nearest

GROUPS = ("data", "model", "optimizer", "schedule", "regularization", "experiment", "debug")
ABBREVIATIONS = {"lr": "learning_rate", "bs": "batch_size", "wd": "weight_decay"}
IN_FILE = re.compile(r"In '([^']+)': \w+ raised while composing config")
UNKNOWN = re.compile(r"Interpolation key '([\w.]+)' not found")
SAID_BY_OMEGACONF = {
    "is not a valid bool": "must be true or false",
    "is not Optional": "must have a value",
    "does not support deletion": "a key is not taken away; give its neutral value",
}
SECTIONS = {field.name: field.type for field in fields(Config) if is_dataclass(field.type)}


def check_first_file(name: str, folders: Sequence[Path]) -> None:
    """Raises `UserError` for a first file that no configuration can come of: without defaults, or no YAML."""
    path = _file(name, folders)
    if not path.is_file():
        return  # Hydra says where it has looked
    try:
        root = yaml.compose(path.read_text("utf-8"), Loader=LOADER)
    except yaml.YAMLError as error:
        raise UserError(unreadable(error, path)) from None
    keys = [key.value for key, _ in root.value] if root else []
    if "defaults" not in keys:
        found = f"has {', '.join(keys)} but no `defaults` list" if keys else "is empty"
        raise UserError(
            f"{path}: it {found}; `defaults` must stand there as in regjax's own conf/config.yaml."
        )


def wrong_in_file(error: Exception, folders: Sequence[Path]) -> str | None:
    """A message for what a file may not say, with its line; None where the error is of no file.

    `folders` are those that Hydra searches, in its order.
    """
    found, cause = IN_FILE.match(str(error)), error.__context__
    if not found or not isinstance(cause, OmegaConfBaseException):
        return None
    path = _file(found[1], folders)
    key = str(cause.full_key or _section_of_no_keys(path))
    if key in GROUPS and key not in SECTIONS:
        return f"{path}: all is read as keys of {key!r}; its first line must be `# @package _global_`."
    line, value = _entry(path, key)
    where = f"{path}, line {line}" if line else str(path)
    if isinstance(cause, ConfigKeyError | ConfigAttributeError):
        return f"{where}: {key}{value}: there is no such key.{hint(key)}"
    return f"{where}: {key}{value}: {reason(cause, key)}."


def reason(cause: OmegaConfBaseException, key: str) -> str:
    """Why a key's value was refused: what it must be where we know it, else OmegaConf's first line."""
    if key == "model.hidden":
        return WIDTHS
    if key in RANGES and isinstance(cause, ValidationError):
        return RANGES[key].allowed
    if key in PLACES and isinstance(cause, ValidationError):
        return UNNAMED
    if key in SECTIONS:
        names = ", ".join(field.name for field in fields(SECTIONS[key]))
        return f"must be a section of keys, which are {names}"
    if key in CHOICES:
        return f"must be one of {', '.join(CHOICES[key])}"
    told = str(cause).splitlines()[0].rstrip(".")
    if named := UNKNOWN.search(told):
        near = nearest(named[1], known_keys())
        return f"{told}; did you mean {near!r}" if near else told
    return next((ours for theirs, ours in SAID_BY_OMEGACONF.items() if theirs in told), told)


def hint(key: str) -> str:
    """The near miss of a key that does not exist, or where to see all keys."""
    near = _meant(key, [*known_keys(), *GROUPS])
    return f" Did you mean {near!r}?" if near else " `python train.py --cfg job` shows all keys."


def _meant(key: str, keys: list[str]) -> str | None:
    """The key whose last part was typed, or else the one most like what was typed, or its last part."""
    last = ABBREVIATIONS.get(key.rpartition(".")[2], key.rpartition(".")[2])
    sections = _ending(last, keys)
    if len(sections) == 1:
        return sections[0]
    close = nearest(last, [known.rpartition(".")[2] for known in keys])
    alike = _ending(close, keys) if close else []
    return nearest(key, keys) or (alike[0] if len(alike) == 1 else None)


def _ending(last: str, keys: list[str]) -> list[str]:
    return [known for known in keys if known.rpartition(".")[2] == last]


def _file(name: str, folders: Sequence[Path]) -> Path:
    """The file that Hydra takes for a name, or the name where it is in none of the folders."""
    file = name if name.endswith(".yaml") else f"{name}.yaml"
    return next((folder / file for folder in folders if (folder / file).is_file()), Path(file))


def _section_of_no_keys(path: Path) -> str:
    """The first section that a file gives one value, which OmegaConf does not name; else nothing."""
    found = (keys[0] for keys, node in _nodes(path) if len(keys) == 1 and isinstance(node, yaml.ScalarNode))
    return next((key for key in found if key in SECTIONS), "")


def _entry(path: Path, key: str) -> tuple[int | None, str]:
    """The line of a key in a file, whose keys may stand below its group's, and `=value` where it is one."""
    named = [(".".join(keys), node) for keys, node in _nodes(path)]
    ends = [(name, node) for name, node in named if f".{key}".endswith(f".{name}")]
    if not ends:
        return None, ""
    _, node = max(ends, key=lambda end: len(end[0]))
    return node.start_mark.line + 1, f"={node.value}" if isinstance(node, yaml.ScalarNode) else ""


def _nodes(path: Path) -> list[tuple[tuple[str, ...], yaml.Node]]:
    """What a file holds, by its keys; nothing where it is in a folder that a file adds to the search path."""
    root = yaml.compose(path.read_text("utf-8"), Loader=LOADER) if path.is_file() else None
    return [(keys, node) for keys, node in entries(root, ()) if keys] if root else []
