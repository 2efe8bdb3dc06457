"""Explains an error in a command. A message has the key, the value, what is allowed and the likely name."""

import errno
import re
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path

import yaml
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

from regjax.config.likely import hint, meant
from regjax.config.ranges import CHOICES, NEUTRAL, RANGES, WIDTHS
from regjax.config.schema import Config, known_keys
from regjax.errors import UserError, invalid_choice, shown

GROUPS = ("data", "model", "optimizer", "schedule", "regularization", "experiment", "debug")
REQUIRED = GROUPS[:5]  # the others may be null
# The extras of pyproject.toml that bring a launcher or a sweeper of Hydra.
EXTRAS = ("joblib", "submitit", "ray", "optuna")
TRAIN_EACH = "To train a run for each"
OWN_TABLES = " Tables of your own (.csv, .npz) are not read yet."
SECTIONS = {field.name: field.type for field in fields(Config) if is_dataclass(field.type)}
SPAN = re.compile(r"(\d+)(?:\.{2,3}|-|:)(\d+)")


def explain(error: BaseException, arguments: Sequence[str], conf: Path, *, composed: bool) -> str:
    """One message for an error in a command. `conf` is the folder of the groups.

    The message is empty if Hydra has `composed` the command and the error is unexpected: a bug in regjax.
    """
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, yaml.YAMLError):
        return _unreadable(error)
    if isinstance(error, MissingConfigException):
        return _missing_choice(error, conf)
    if isinstance(error, OSError):
        place = error.filename or "a file in the folder"  # not every OSError names its file
        key = "hydra.sweep.subdir" if error.errno == errno.ENAMETOOLONG else "hydra.sweep.dir"
        return f"{place}: {error.strerror or error}. Choose another hydra.run.dir (with -m: {key})."
    if isinstance(error, OverrideParseException):
        return _unparsable(error, arguments)
    if composed and not isinstance(error, HydraException | OmegaConfBaseException):
        return ""
    wrong = _wrong_in_file(error) or _unknown_key(arguments, conf) or _several(error, arguments)
    wrong = wrong or _wrong_sign(error, arguments)
    return wrong or _wrong_value(error, arguments) or _unexplained(error, arguments, conf)


def all_keys() -> list[str]:
    """The keys that a user may set, with the groups."""
    return [*known_keys(), *GROUPS]


def _unparsable(error: OverrideParseException, arguments: Sequence[str]) -> str:
    """What to type in place of an argument that is no override, often because a space has split it."""
    text = str(error.override)
    at = arguments.index(text) if text in arguments else len(arguments)
    before, after = list(arguments[:at]), list(arguments[at + 1 :])
    if "=" not in text:
        return _without_spaces(text, before, after)
    whole = text
    while after and _is_open(whole):
        whole += f" {after.pop(0)}"
    if _is_open(text):
        typed = re.sub(r",?\s+", ",", whole) + "]" * (whole.count("[") - whole.count("]"))
        return f"{whole}: type a list in quotes and brackets, with commas and no spaces: '{typed}'."
    if text.count("(") > text.count(")"):
        return f"{text}: a parenthesis is not closed: '{text})'."
    key, _, value = text.partition("=")
    if value.endswith(","):
        return f"{text}: a comma at the end needs another value: {key}={value.rstrip(',')}."
    if unknown := re.search(r"Unknown function '(\w+)'", error.message):
        functions = OverridesParser.create().functions.functions
        return f"{text}: {invalid_choice('function', unknown[1], functions)}"
    reason = error.message.splitlines()[0]
    quoted = value.strip("\"'")
    return f"{text}: {reason}. A value with =, brackets or commas needs quotes: '{key}=\"{quoted}\"'."


def _without_spaces(text: str, before: Sequence[str], after: Sequence[str]) -> str:
    """What to type in place of an argument without a =. Its value or its key may be the next or last one."""
    beside = [argument for argument in after if argument != "="]
    key, value = (before[-1], text) if before and before[-1].endswith("=") else (text, next(iter(beside), ""))
    key = key.rstrip("=")
    likely = f": {key}={value.lstrip('=') or 'VALUE'}." if key in all_keys() else f".{hint(key, all_keys())}"
    return f"{text}: type a setting as KEY=VALUE, without spaces{likely}"


def _is_open(text: str) -> bool:
    """Whether a bracket is not closed."""
    return text.count("[") > text.count("]")


def _several(error: BaseException, arguments: Sequence[str]) -> str | None:
    """What to type in place of several values without -m. Hydra's message names --multirun then."""
    for override in _overrides(arguments) if "--multirun" in str(error) else ():
        if override.is_sweep_override():
            key, _, value = str(override.input_line).partition("=")
            if key in ("regularization", "model.hidden"):
                remedy = f" As one list: '{key}=[{value}]'."
            elif re.fullmatch(r"\d+,\d+", value) and not (key in RANGES and RANGES[key].whole):
                remedy = f" A decimal has a point: {key}={value.replace(',', '.')}."
            else:
                remedy = ""
            return f"{key}={value}: several values. {TRAIN_EACH}: -m '{key}={value}'.{remedy}"
    return None


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
    remark = f" Install it by pip install -e '.[{extra[0]}]'." if extra else ""
    if group == "data" and Path(name).suffix:
        remark = OWN_TABLES
    return str(invalid_choice(group, name, {*_choices(group, conf), *(error.options or [])})) + remark


def _choices(group: str, conf: Path) -> set[str]:
    folder = conf / group
    return {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml")}


def _unreadable(error: yaml.YAMLError) -> str:
    """The file, the line, and the problem that PyYAML found."""
    mark = getattr(error, "problem_mark", None)
    place = f"{mark.name}, line {mark.line + 1}" if mark else "YAML"
    return f"{place}: {getattr(error, 'problem', None) or error}."


def _wrong_in_file(error: BaseException) -> str | None:
    """The message for an error in a YAML file. Hydra names the file first. None if the error is elsewhere."""
    cause = error.__context__
    if not str(error).startswith("In '") or not isinstance(cause, OmegaConfBaseException):
        return None
    place, key = str(error).partition(":")[0], str(cause.full_key)
    if key in GROUPS and key not in SECTIONS:
        return f"{place}: its first line must be `# @package _global_`."
    return f"{place}: {key}: {_reason(cause, key)}" if key else str(error)


def _unknown_key(arguments: Sequence[str], conf: Path) -> str | None:
    """The message for the first override with an unknown key."""
    keys = all_keys()
    for override in _overrides(arguments):
        key = override.key_or_group
        is_own_group = override.is_add() or override.is_delete()  # only Hydra knows a user's own groups
        if key not in keys and not key.startswith("hydra") and not is_own_group:
            name = str(override.value())
            of_group = [f"{group}={name}" for group in GROUPS if name in _choices(group, conf)]
            likely = (
                f" Did you mean {of_group[0]!r}?" if of_group and not meant(key, keys) else hint(key, keys)
            )
            return f"{override.input_line}: there is no such key.{likely}"
    return None


def _wrong_sign(error: BaseException, arguments: Sequence[str]) -> str | None:
    """What to type in place of a `+key=value` or `~key` in the error. Hydra's own message is for files."""
    keys = all_keys()
    for override in _overrides(arguments):
        line, key = str(override.input_line), str(override.key_or_group)
        if not re.search(rf"\b{re.escape(key)}\b", str(error)):
            continue
        if key in keys and line.startswith("+"):
            return f"{line}: {key} exists already; leave out the +: {line.lstrip('+')}."
        if override.is_delete() and key in NEUTRAL:
            return f"{line}: no key can be removed; {key}={shown(NEUTRAL[key])} turns it off."
        if override.is_delete() and key not in GROUPS:  # the choice of a group can be removed
            return f"{line}: no key can be removed; leave it out." + ("" if key in keys else hint(key, keys))
    return None


def _wrong_value(error: BaseException, arguments: Sequence[str]) -> str | None:
    """The override that OmegaConf refuses, with the reason. None if the error names no key."""
    cause = error if isinstance(error, OmegaConfBaseException) else error.__cause__
    if not isinstance(cause, OmegaConfBaseException) or not cause.full_key:
        return None
    key, remedy = str(cause.full_key), ""
    entry = re.sub(r"\[\d+\]$", "", key)  # model.hidden[0] is set through model.hidden
    for override in _overrides(arguments):
        if f"{override.key_or_group}.".startswith(f"{entry}."):
            key = str(override.input_line)
            remedy = _as_sweep(*key.partition("=")[::2])
            break
    return f"{key}: {_reason(cause, entry)}{remedy}"


def _as_sweep(key: str, value: str) -> str:
    """How to train a run for each of several numbers, if the key takes one number."""
    values, span = value.strip("[]"), SPAN.fullmatch(value)
    if key not in RANGES or not (span or "," in values):
        return ""
    values = f"range({span[1]},{int(span[2]) + 1})" if span else values
    return f" {TRAIN_EACH}: -m '{key}={values}'."


def _unexplained(error: BaseException, arguments: Sequence[str], conf: Path) -> str:
    """The choices of a group that got a value of another type, or else Hydra's message with the overrides."""
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
        return f"there is no such key.{hint(key, all_keys())}"
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


def _overrides(arguments: Sequence[str]) -> list[Override]:
    """The overrides among the arguments. The list is empty if Hydra cannot parse one of them."""
    texts = [text for text in arguments if text.startswith("~") or ("=" in text and not text.startswith("-"))]
    try:
        return OverridesParser.create().parse_overrides(texts)
    except OverrideParseException:
        return []
