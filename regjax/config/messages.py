"""Explains an error in a command: the key, the value, what is allowed and the likely intended name."""

import errno
import re
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, cast

import yaml
from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    ValidationError,
)

from regjax.config.ranges import CHOICES, NEUTRAL, RANGES, WIDTHS
from regjax.config.schema import Config, known_keys
from regjax.errors import UserError, invalid_choice, nearest, shown

GROUPS = ("data", "model", "optimizer", "schedule", "regularization", "experiment", "debug")
REQUIRED = GROUPS[:5]  # the others may be null
ABBREVIATIONS = {"lr": "learning_rate", "bs": "batch_size", "wd": "weight_decay"}
# The extras of pyproject.toml that bring a launcher or a sweeper of Hydra.
EXTRAS = ("joblib", "submitit", "ray", "optuna")
IN_FILE = re.compile(r"In '([^']+)': \w+ raised while composing config")
SECTIONS = {field.name: field.type for field in fields(Config) if is_dataclass(field.type)}


def explain(error: BaseException, arguments: Sequence[str], conf: Path, *, composed: bool) -> str:
    """One message for an error in a command. `conf` is the folder of the groups.

    It is empty for an unexpected error after Hydra has `composed` the command: that is a bug in regjax.
    """
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, yaml.YAMLError):
        return _unreadable(error)
    if isinstance(error, MissingConfigException):
        return _missing_choice(error, conf)
    if isinstance(error, OSError):
        place = error.filename or "a file in the directory"  # not every OSError names its file
        key = "hydra.sweep.subdir" if error.errno == errno.ENAMETOOLONG else "hydra.sweep.dir"
        return f"{place}: {error.strerror or error}. Choose another hydra.run.dir (with -m: {key})."
    if isinstance(error, OverrideParseException):
        reason = error.message.splitlines()[0]
        quotes = "A value with =, brackets or commas takes quotes: 'KEY=\"VALUE\"'."
        return f"{error.override}: {reason}. {quotes}"
    if composed and not isinstance(error, HydraException | OmegaConfBaseException):
        return ""
    wrong = _wrong_in_file(error, _searched(arguments, conf)) or _unknown_key(arguments)
    wrong = wrong or _wrong_sign(error, arguments)
    return wrong or _wrong_value(error, arguments) or _unexplained(error, arguments, conf)


def hint(key: str) -> str:
    """The likely intended key, or how to see all keys."""
    near = _meant(key, [*known_keys(), *GROUPS])
    return f" Did you mean {near!r}?" if near else " `python train.py --cfg job` shows all keys."


def _searched(arguments: Sequence[str], conf: Path) -> list[Path]:
    """The folders that Hydra searches for a command line, in Hydra's order."""
    given, _ = get_args_parser().parse_known_args(list(arguments))
    added = [
        folder.removeprefix("file://")
        for override in _overrides(arguments)
        if override.key_or_group == "hydra.searchpath" and isinstance(override.value(), list)
        for folder in map(str, cast(list[Any], override.value()))
    ]
    first = conf.parent / given.config_path if given.config_path else conf
    return [*([Path(given.config_dir)] if given.config_dir else []), first, *map(Path, added)]


def _missing_choice(error: MissingConfigException, conf: Path) -> str:
    if error.missing_cfg_file is None:
        return str(error)
    missing = str(error.missing_cfg_file)
    ours = [group for group in GROUPS if missing.startswith(f"{group}/")]
    group = ours[0] if ours else missing.rpartition("/")[0]
    if not group:
        return f"--config-name={missing}: {str(error).splitlines()[0]}"
    name = missing.removeprefix(f"{group}/")
    extra = [extra for extra in EXTRAS if group.startswith("hydra/") and name.startswith(extra)]
    install = f" Install it by pip install -e '.[{extra[0]}]'." if extra else ""
    return str(invalid_choice(group, name, {*_choices(group, conf), *(error.options or [])})) + install


def _choices(group: str, conf: Path) -> set[str]:
    folder = conf / group
    return {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml")}


def _unreadable(error: yaml.YAMLError) -> str:
    """The file, the line, and the problem that PyYAML found."""
    mark = getattr(error, "problem_mark", None)
    place = f"{mark.name}, line {mark.line + 1}" if mark else "YAML"
    return f"{place}: {getattr(error, 'problem', None) or error}."


def _wrong_in_file(error: BaseException, folders: Sequence[Path]) -> str | None:
    """The message for an error in a YAML file, with its line. None where the error is elsewhere."""
    found, cause = IN_FILE.match(str(error)), error.__context__
    if not found or not isinstance(cause, OmegaConfBaseException):
        return None
    path = _file(found[1], folders)
    root = yaml.compose(path.read_text("utf-8"), Loader=yaml.SafeLoader) if path.is_file() else None
    nodes = dict(_nodes(root)) if root else {}
    # OmegaConf does not name a section that a file gives one value.
    flat = (key for key, node in nodes.items() if key in SECTIONS and isinstance(node, yaml.ScalarNode))
    key = str(cause.full_key or next(flat, ""))
    if key in GROUPS and key not in SECTIONS:
        return f"{path}: its keys are read below {key!r}; its first line must be `# @package _global_`."
    # A file in its section's group may leave the section out.
    ends = [name for name in nodes if f".{key}".endswith(f".{name}")]
    node = nodes[max(ends, key=len)] if ends else None
    where = f"{path}, line {node.start_mark.line + 1}" if node else str(path)
    value = f"={node.value}" if isinstance(node, yaml.ScalarNode) else ""
    return f"{where}: {key}{value}: {_reason(cause, key)}"


def _file(name: str, folders: Sequence[Path]) -> Path:
    """The file that Hydra loads for a name, or the name alone where no folder has such a file."""
    file = name if name.endswith(".yaml") else f"{name}.yaml"
    return next((folder / file for folder in folders if (folder / file).is_file()), Path(file))


def _nodes(node: yaml.Node, keys: str = "") -> list[tuple[str, yaml.Node]]:
    """The nodes of a file by their dotted keys."""
    found = [(keys, node)] if keys else []
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            found += _nodes(value, f"{keys}.{key.value}" if keys else str(key.value))
    return found


def _unknown_key(arguments: Sequence[str]) -> str | None:
    """The message for the first override with an unknown key."""
    keys = [*known_keys(), *GROUPS]
    for override in _overrides(arguments):
        key = override.key_or_group
        is_own_group = override.is_add() or override.is_delete()  # of a folder that only Hydra knows
        if key not in keys and not key.startswith("hydra") and not is_own_group:
            return f"{override.input_line}: there is no such key.{hint(key)}"
    return None


def _wrong_sign(error: BaseException, arguments: Sequence[str]) -> str | None:
    """What to type in place of a `+key=value` or `~key` that the error names: Hydra tells what files take."""
    keys = [*known_keys(), *GROUPS]
    for override in _overrides(arguments):
        line, key = str(override.input_line), str(override.key_or_group)
        if not re.search(rf"\b{re.escape(key)}\b", str(error)):
            continue
        if key in keys and line.startswith("+"):
            return f"{line}: {key} is there already; leave out the +: {line.lstrip('+')}."
        if override.is_delete() and key in NEUTRAL:
            return f"{line}: no key can be removed; {key}={shown(NEUTRAL[key])} turns it off."
        if override.is_delete() and key not in GROUPS:  # a choice can be removed
            return f"{line}: no key can be removed; leave it out." + ("" if key in keys else hint(key))
    return None


def _wrong_value(error: BaseException, arguments: Sequence[str]) -> str | None:
    """The override that OmegaConf refuses, with the reason. None where the error names no key."""
    cause = error if isinstance(error, OmegaConfBaseException) else error.__cause__
    if not isinstance(cause, OmegaConfBaseException) or not cause.full_key:
        return None
    key = str(cause.full_key)
    entry = re.sub(r"\[\d+\]$", "", key)  # model.hidden[0] is set through model.hidden
    for override in _overrides(arguments):
        if f"{override.key_or_group}.".startswith(f"{entry}."):
            key = str(override.input_line)
            break
    return f"{key}: {_reason(cause, entry)}"


def _unexplained(error: BaseException, arguments: Sequence[str], conf: Path) -> str:
    """The choices of a group that got another type, or else Hydra's message, with the overrides."""
    given = _overrides(arguments)
    for override in given:
        group, value = str(override.key_or_group), override.value()
        chosen = value if isinstance(value, list) else [value]
        if group in GROUPS and not all(isinstance(name, str) for name in chosen if name or group in REQUIRED):
            given_name = str(override.input_line).partition("=")[2]
            return str(invalid_choice(group, given_name, _choices(group, conf)))
    message = str(error) or repr(error)
    names = filter(None, [*arguments, *(str(override.key_or_group) for override in given)])
    if not given or any(name in message for name in names):
        return message
    return f"{' '.join(str(override.input_line) for override in given)}: {message}"


def _reason(cause: OmegaConfBaseException, key: str) -> str:
    """What the key must be, or the first line of OmegaConf's message for an unknown key."""
    if isinstance(cause, ConfigKeyError | ConfigAttributeError) and not key.startswith("hydra"):
        return f"there is no such key.{hint(key)}"
    if isinstance(cause, MissingMandatoryValue):
        return f"must be given; add {key}=VALUE."
    if key == "model.hidden":
        return f"{WIDTHS}."
    if key in RANGES and isinstance(cause, ValidationError):
        return f"{RANGES[key].allowed}."
    if key in SECTIONS:
        names = ", ".join(field.name for field in fields(SECTIONS[key]))
        return f"must be a section of keys, which are {names}."
    if key in CHOICES:
        return f"must be one of {', '.join(CHOICES[key])}."
    return f"{str(cause).splitlines()[0].rstrip('.')}."


def _meant(key: str, keys: list[str]) -> str | None:
    """The one key that ends as typed, or else the key most like it, or the one with the most similar end."""
    ends: dict[str, list[str]] = {}
    for known in keys:
        ends.setdefault(known.rpartition(".")[2], []).append(known)
    last = key.rpartition(".")[2]
    last = ABBREVIATIONS.get(last, last)
    exact, similar = ends.get(last, []), ends.get(nearest(last, ends) or "", [])
    if len(exact) == 1:
        return exact[0]
    return nearest(key, keys) or (similar[0] if len(similar) == 1 else None)


def _overrides(arguments: Sequence[str]) -> list[Override]:
    """The overrides among the arguments. Empty where Hydra cannot parse one."""
    texts = [text for text in arguments if text.startswith("~") or ("=" in text and not text.startswith("-"))]
    try:
        return OverridesParser.create().parse_overrides(texts)
    except OverrideParseException:
        return []
