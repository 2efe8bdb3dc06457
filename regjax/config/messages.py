"""Runs the command, and turns what Hydra and OmegaConf raise into one message that users can act on."""

import os
import re
import shlex
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import yaml
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, Override
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from hydra.types import RunMode
from omegaconf import OmegaConf
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    MissingMandatoryValue,
    OmegaConfBaseException,
)

from regjax.config.beforehand import check_beforehand
from regjax.config.composing import GROUPS, check_first_file, hint, reason, wrong_in_file
from regjax.config.places import PLACES, home_meant
from regjax.config.schema import known_keys
from regjax.config.untrusted import refuse_code, searched, unreadable
from regjax.errors import StoppedError, UserError, invalid, invalid_choice
from regjax.output import outlive_readers

CHOSEN_FROM = GROUPS[:4]  # one of each is needed
# Choices of Hydra's that an extra of ours brings.
EXTRAS = {
    "hydra/launcher/joblib": "joblib",
    "hydra/launcher/submitit_local": "submitit",
    "hydra/launcher/submitit_slurm": "submitit",
    "hydra/launcher/ray": "ray",
    "hydra/launcher/ray_aws": "ray",
    "hydra/sweeper/optuna": "optuna",
}
# Hydra's groups as keys, which Hydra takes for a new value of their whole section.
DOTTED = {
    group.replace("/", "."): group for group in ("hydra/launcher", "hydra/sweeper", "hydra/sweeper/sampler")
}
AMBIGUOUS = re.compile(r"Ambiguous value for argument '(.*)'")
FIRST = "config"  # the file that train.py begins with
FULL_ERROR = "HYDRA_FULL_ERROR"


def run_command(main: Callable[[], object], conf: Path) -> int:
    """Calls Hydra's main; gives the exit code, and prints one message for what users can put right.

    Hydra prints its own errors and exits unless told to raise them; raised, they can be explained here. A
    user who sets HYDRA_FULL_ERROR gets the traceback.
    """
    wants_traceback = FULL_ERROR in os.environ
    os.environ.setdefault(FULL_ERROR, "1")
    outlive_readers(_results)
    try:
        refuse_code(sys.argv[1:], conf)
        name, folders = _first_name(sys.argv[1:]), searched(sys.argv[1:], conf)
        check_first_file(name, folders)
        _check_groups(_overrides(sys.argv[1:]), conf)
        check_beforehand(sys.argv[1:], folders[0], name)
        main()
    except StoppedError as error:
        print(error, file=sys.stderr)
        return 128 + error.number
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (UserError, HydraException, OmegaConfBaseException, OSError, yaml.YAMLError) as error:
        if wants_traceback:
            raise
        print(f"error: {explain(error, sys.argv[1:], conf)}", file=sys.stderr)
        return 1
    except (AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
        blamed = _suspects(sys.argv[1:])
        if wants_traceback or not blamed or not _raised_by_hydra(error):
            raise
        print(f"error: {blamed}: {type(error).__name__}: {str(error).splitlines()[0]}", file=sys.stderr)
        return 1
    finally:
        if not wants_traceback:
            os.environ.pop(FULL_ERROR, None)
    return 0


def _results() -> str:
    """The directory of the run or of the sweep; "" before there is a job, or where only help is asked for."""
    hydra = HydraConfig.get() if HydraConfig.initialized() else None
    if hydra is None or OmegaConf.is_missing(hydra.runtime, "output_dir"):
        return ""
    return str(Path(hydra.sweep.dir if hydra.mode == RunMode.MULTIRUN else hydra.run.dir).absolute())


def command_again(*settings: str) -> str:
    """This process's command with other `key=value` settings, whose values are texts as they are meant."""
    keys = tuple(setting.partition("=")[0] + "=" for setting in settings)
    kept = [argument for argument in sys.argv[1:] if not argument.startswith(keys)]
    return shlex.join(["python", sys.argv[0], *kept, *map(_as_override, settings)])


def report_command(sweep: Path) -> str:
    """The command that compares a sweep's runs, and leaves in its directory what counts later looks."""
    return shlex.join(["python", "-m", "regjax.report", str(sweep), "--output", str(sweep)])


def _as_override(setting: str) -> str:
    """A setting as Hydra reads it: in quotes where it would take the value for something else."""
    key, _, value = setting.partition("=")
    read = _value(setting)
    if str(read) == value or isinstance(read, bool):
        return setting
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{key}="{escaped}"'


def explain(error: Exception, arguments: list[str], conf: Path) -> str:
    """What was wrong with the command line, in one message; `conf` is the folder of the groups."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, yaml.YAMLError):
        return unreadable(error)
    if isinstance(error, MissingConfigException):
        return _missing_choice(error, conf)
    if isinstance(error, OSError):
        if error.strerror is None:
            return str(error)
        place = error.filename or "a file in the directory"  # which, the system does not always say
        return f"{place}: {error.strerror}. Choose another hydra.run.dir (with -m: hydra.sweep.dir)."
    if isinstance(error, OverrideParseException):
        return _unparsed(error)
    wrong = wrong_in_file(error, searched(arguments, conf)) or _unknown_key(arguments)
    return wrong or _not_swept(str(error), arguments) or _wrong_value(error, arguments)


def _not_swept(told: str, arguments: list[str]) -> str | None:
    """A message for several values without -m, and for an interval in a grid."""
    if several := AMBIGUOUS.match(told):
        listed = shlex.quote(f"{several[1].replace('=', '=[', 1)}]")
        return f"{several[1]}: to sweep over several values give -m first; a list takes brackets: {listed}."
    if "does not support sweep type" not in told:
        return None
    intervals = [
        str(override.input_line)
        for override in _overrides(arguments)
        if override.is_sweep_override() and override.is_interval_sweep()
    ]
    allowed = "a grid takes values, range(...) and glob(...); hydra/sweeper=optuna searches intervals"
    return f"{' '.join(intervals)}: {allowed}."


def _unparsed(error: OverrideParseException) -> str:
    """What to do with an override that cannot be read: most need quotes of their own."""
    given, told = str(error.override), error.message.splitlines()[0]
    key, equals, value = given.partition("=")
    if key in PLACES and value.startswith("~"):
        return str(home_meant(key, value))
    odd = [character for character in value if character == "=" or _value(f"{key}=a{character}a") is None]
    quoted = f'{key}="{value}"'
    unread = told.startswith("Lexer")
    if equals and odd and _value(quoted) == value and ("=" in odd or unread):
        return f"{given}: a value with {odd[0]} in it takes quotes of its own: {shlex.quote(quoted)}."
    told = "it cannot be read" if unread else told
    return f"{given}: {told}. Write KEY=VALUE without spaces, in quotes where it has brackets or commas."


def _value(text: str) -> object:
    """The value of an override; None where it cannot be read."""
    try:
        return OverridesParser.create().parse_override(text).value()
    except HydraException:
        return None


def _first_name(arguments: list[str]) -> str:
    given, _ = get_args_parser().parse_known_args(arguments)
    return str(given.config_name or FIRST)


def _raised_by_hydra(error: BaseException) -> bool:
    """Whether it comes from Hydra's composing, before any code of ours was called with a configuration."""
    modules = [frame.f_globals["__name__"] for frame, _ in traceback.walk_tb(error.__traceback__)]
    around = (__name__, "regjax.config.beforehand", "regjax.other_launchers")  # they call Hydra
    ours = [name for name in modules if name.startswith("regjax") and name not in around]
    return not ours and "__main__" not in modules and any(name.startswith("hydra.") for name in modules)


def _suspects(arguments: list[str]) -> str:
    """The overrides of Hydra's own settings, or all of them where there are none."""
    lines = [str(override.input_line) for override in _overrides(arguments)]
    return " ".join([line for line in lines if line.lstrip("+~").startswith("hydra")] or lines)


def _check_groups(given: list[Override], conf: Path) -> None:
    """Refuses choices that are no names, on which Hydra itself gives a bare ValueError or TypeError."""
    for override in given:
        value, group = override.value(), override.key_or_group
        if not group:
            raise UserError(f"{override.input_line}: the name of a key is missing.")
        if group in DOTTED and "${" not in str(value):
            allowed = f"it is a group, whose choice takes slashes: {DOTTED[group]}={value}"
            raise invalid(group, value, allowed)
        if group not in GROUPS or (override.is_delete() and value is None):
            continue
        if isinstance(value, Glob):  # of the names that there are
            continue
        choices = value.list if isinstance(value, ChoiceSweep) else [value]
        if [] in choices and group in CHOSEN_FROM:
            raise invalid_choice(group, "[]", _choices(group, conf))
        for choice in [
            name for listed in choices for name in (listed if isinstance(listed, list) else [listed])
        ]:
            if not isinstance(choice, str) or "${" in choice:
                raise invalid_choice(group, "null" if choice is None else choice, _choices(group, conf))


def _choices(group: str, conf: Path) -> set[str]:
    folder = conf / group
    return {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml")}


def _missing_choice(error: MissingConfigException, conf: Path) -> str:
    missing = str(error.missing_cfg_file)
    ours = [group for group in GROUPS if missing.startswith(f"{group}/")]
    group = ours[0] if ours else missing.rpartition("/")[0]
    choices = {*_choices(group, conf), *(error.options or [])}
    if not group:
        return f"--config-name={missing}: {str(error).splitlines()[0]}"
    extra = f" It comes with pip install -e '.[{EXTRAS[missing]}]'." if missing in EXTRAS else ""
    return str(invalid_choice(group, missing.removeprefix(f"{group}/"), choices)) + extra


def _unknown_key(arguments: list[str]) -> str | None:
    """A message for the first override whose key does not exist."""
    keys = [*known_keys(), *GROUPS]
    for override in _overrides(arguments):
        key = override.key_or_group
        if key in keys or key.startswith("hydra") or override.is_delete():
            continue
        return f"{override.input_line}: there is no such key.{hint(key)}"
    return None


def _wrong_value(error: Exception, arguments: list[str]) -> str:
    """OmegaConf's first line where there is one, after the key and the value it speaks of; else Hydra's."""
    cause = error if isinstance(error, OmegaConfBaseException) else error.__cause__
    if not isinstance(cause, OmegaConfBaseException):
        text = str(error) or repr(error)
        return text if _names_any(text, arguments) else f"{_suspects(arguments)}: {text}"
    given = {override.key_or_group: override.input_line for override in _overrides(arguments)}
    key = str(cause.full_key)
    if isinstance(cause, MissingMandatoryValue):
        return f"{key}: must be given; add {key}=VALUE."
    unknown = isinstance(cause, ConfigKeyError | ConfigAttributeError)
    if unknown and not key.startswith("hydra"):  # of a file's hydra.sweeper.params
        return f"{key}: there is no such key.{hint(key)}"
    entry = re.sub(r"\[\d+\]$", "", key)  # model.hidden[0] is given as model.hidden
    below = (given[name] for name in given if f"{name}.".startswith(f"{entry}."))
    return f"{next(below, key)}: {reason(cause, entry)}."


def _names_any(text: str, arguments: list[str]) -> bool:
    return any(str(override.key_or_group) in text for override in _overrides(arguments))


def _overrides(arguments: list[str]) -> list[Override]:
    """The overrides among the arguments, as far as they can be read."""
    texts = [text for text in arguments if text.startswith("~") or ("=" in text and not text.startswith("-"))]
    try:
        return OverridesParser.create().parse_overrides(texts)
    except OverrideParseException:
        return []
