"""One message for what a user mistyped: it names the key, the value, what is allowed and the near miss."""

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

from regjax.config.ranges import CHOICES, RANGES, WIDTHS
from regjax.config.schema import Config, known_keys
from regjax.errors import UserError, invalid_choice, nearest

GROUPS = ("data", "model", "optimizer", "schedule", "regularization", "experiment", "debug")
CHOSEN = GROUPS[:5]  # the others may be null
ABBREVIATIONS = {"lr": "learning_rate", "bs": "batch_size", "wd": "weight_decay"}
# The extras of pyproject.toml that bring a launcher or a sweeper of Hydra.
EXTRAS = ("joblib", "submitit", "ray", "optuna")
IN_FILE = re.compile(r"In '([^']+)': \w+ raised while composing config")
SECTIONS = {field.name: field.type for field in fields(Config) if is_dataclass(field.type)}


def explain(error: BaseException, arguments: Sequence[str], conf: Path, *, composed: bool) -> str:
    """What is wrong with a command, in one message; `conf` is the folder of the groups.

    Nothing of an unexpected error once Hydra has `composed` the command: that is a fault of the program.
    """
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, yaml.YAMLError):
        return _unreadable(error)
    if isinstance(error, MissingConfigException):
        return _missing_choice(error, conf)
    if isinstance(error, OSError):
        place = error.filename or "a file in the directory"  # the system does not always name it
        return f"{place}: {error.strerror or error}. Choose another hydra.run.dir (with -m: hydra.sweep.dir)."
    if isinstance(error, OverrideParseException):
        reason = error.message.splitlines()[0]
        return (
            f"{error.override}: {reason}. A value with =, brackets or commas takes quotes: 'KEY=\"VALUE\"'."
        )
    if composed and not isinstance(error, HydraException | OmegaConfBaseException):
        return ""
    wrong = _wrong_in_file(error, _searched(arguments, conf)) or _unknown_key(arguments)
    return wrong or _wrong_value(error, arguments) or _unexplained(error, arguments, conf)


def hint(key: str) -> str:
    """The near miss of a key that does not exist, or where to see all keys."""
    near = _meant(key, [*known_keys(), *GROUPS])
    return f" Did you mean {near!r}?" if near else " `python train.py --cfg job` shows all keys."


def _searched(arguments: Sequence[str], conf: Path) -> list[Path]:
    """The folders that a command line has Hydra search, in Hydra's order."""
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
    """The file, the line, and what YAML says of it."""
    mark = getattr(error, "problem_mark", None)
    place = f"{mark.name}, line {mark.line + 1}" if mark else "YAML"
    return f"{place}: {getattr(error, 'problem', None) or error}."


def _wrong_in_file(error: BaseException, folders: Sequence[Path]) -> str | None:
    """A message for what a file of one's own says, with its line; None where the error is of no file."""
    found, cause = IN_FILE.match(str(error)), error.__context__
    if not found or not isinstance(cause, OmegaConfBaseException):
        return None
    path = _file(found[1], folders)
    root = yaml.compose(path.read_text("utf-8"), Loader=yaml.SafeLoader) if path.is_file() else None
    nodes = dict(_nodes(root)) if root else {}
    key = str(cause.full_key or next((key for key, node in nodes.items() if _is_flat(key, node)), ""))
    if key in GROUPS and key not in SECTIONS:
        return f"{path}: its keys are read below {key!r}; its first line must be `# @package _global_`."
    # The file may lie in its section's group, and leave the section out.
    ends = [name for name in nodes if f".{key}".endswith(f".{name}")]
    node = nodes[max(ends, key=len)] if ends else None
    where = f"{path}, line {node.start_mark.line + 1}" if node else str(path)
    value = f"={node.value}" if isinstance(node, yaml.ScalarNode) else ""
    return f"{where}: {key}{value}: {_reason(cause, key)}"


def _is_flat(key: str, node: yaml.Node) -> bool:
    """Whether a file gives a whole section one value, which OmegaConf refuses without naming it."""
    return key in SECTIONS and isinstance(node, yaml.ScalarNode)


def _file(name: str, folders: Sequence[Path]) -> Path:
    """The file that Hydra takes for a name, or the name where none of the folders has it."""
    file = name if name.endswith(".yaml") else f"{name}.yaml"
    return next((folder / file for folder in folders if (folder / file).is_file()), Path(file))


def _nodes(node: yaml.Node, keys: str = "") -> list[tuple[str, yaml.Node]]:
    """What a file holds, by its dotted keys."""
    found = [(keys, node)] if keys else []
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            found += _nodes(value, f"{keys}.{key.value}" if keys else str(key.value))
    return found


def _unknown_key(arguments: Sequence[str]) -> str | None:
    """A message for the first override whose key does not exist."""
    keys = [*known_keys(), *GROUPS]
    for override in _overrides(arguments):
        key = override.key_or_group
        if key not in keys and not key.startswith("hydra") and not override.is_delete():
            return f"{override.input_line}: there is no such key.{hint(key)}"
    return None


def _wrong_value(error: BaseException, arguments: Sequence[str]) -> str | None:
    """What OmegaConf says of a value, after its key; None where the error is of no key."""
    cause = error if isinstance(error, OmegaConfBaseException) else error.__cause__
    if not isinstance(cause, OmegaConfBaseException) or not cause.full_key:
        return None
    key = str(cause.full_key)
    entry = re.sub(r"\[\d+\]$", "", key)  # model.hidden[0] is given as model.hidden
    below = (
        str(override.input_line)
        for override in _overrides(arguments)
        if f"{override.key_or_group}.".startswith(f"{entry}.")
    )
    return f"{next(below, key)}: {_reason(cause, entry)}"


def _unexplained(error: BaseException, arguments: Sequence[str], conf: Path) -> str:
    """Hydra's own words, after the overrides where they name none; or the choices of a group."""
    given = _overrides(arguments)
    for override in given:
        group, value = str(override.key_or_group), override.value()
        names = value if isinstance(value, list) else [value]
        if group in GROUPS and not all(isinstance(name, str) for name in names if name or group in CHOSEN):
            return str(
                invalid_choice(group, str(override.input_line).partition("=")[2], _choices(group, conf))
            )
    told = str(error) or repr(error)
    if not given or any(name in told for name in [*arguments, *(str(each.key_or_group) for each in given)]):
        return told
    return f"{' '.join(str(override.input_line) for override in given)}: {told}"


def _reason(cause: OmegaConfBaseException, key: str) -> str:
    """What a key must be where the schema knows it, else OmegaConf's first line."""
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


def _overrides(arguments: Sequence[str]) -> list[Override]:
    """The overrides among the arguments, as far as they can be read."""
    texts = [text for text in arguments if text.startswith("~") or ("=" in text and not text.startswith("-"))]
    try:
        return OverridesParser.create().parse_overrides(texts)
    except OverrideParseException:
        return []
