"""Refuses configurations that name code, before Hydra starts.

Hydra calls what a `_target_` names, and logging what a `class` or `()` does; a YAML file may be anyone's.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from itertools import accumulate
from pathlib import Path

import yaml
from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser

from regjax.config.hydra_part import PARAMS, objection
from regjax.config.schema import Config
from regjax.errors import UserError, invalid

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
RESOLVER = yaml.resolver.Resolver()
STANDARD_TAG = "tag:yaml.org,2002:"
# What anchors and brackets may multiply to; no configuration comes near.
MAX_ENTRIES, MAX_DEPTH = 20_000, 50
# An entry that names code, or an interpolation whose name is put together; some of logging's own do not.
NAMES_CODE = re.compile(
    r"""(?<!\w)_target_(?!\w)
    | \$\{ [^:}]* \$\{
    | (^|\W) \(\) ['"]? \s* [:=]
    | (^|\W) class ['"]? \s* [:=] \s*+ ['"]?+
        (?! logging\.(StreamHandler|NullHandler|Formatter) \s* (['",}]|$))
    | ext:// (?! sys\.std(out|err) \s* (['",}]|$))""",
    re.VERBOSE,
)
# Functions that an interpolation calls: those that read; another could make what is refused when written out.
CALLED = re.compile(r"\$\{\s*([^:${}]*?)\s*:")
READING = ("oc.env", "oc.select", "oc.dict.keys", "oc.dict.values", "now", "hydra")
# A file or choice that is put into Hydra's own part, though its place is another.
RELOCATED = re.compile(r"@[\w.:]*(hydra|callbacks|launcher|sweeper|logging|job|env_set)")
HEADER = re.compile(r"\s*#\s*@package\s+(\S+)")
# Settings of launchers that are commands; of a command line they are the user's own.
COMMANDS = re.compile(r"(env_)?setup|\w*commands|runtime_env|run_options")
# A choice that leads out of the folders that are looked through, or that only a resolver knows.
LEADS_OUT = re.compile(r"""(^|[\s\[,/'"(])\. | // | ^/ | \$\{[^}]*:""", re.VERBOSE)
# Numbers lead nowhere: .2 is the name of a file that is looked through.
NUMBERS = re.compile(r"\d*\.?\d+(,\d*\.?\d+)*")
SINGLE_KEYS = {field.name for field in fields(Config) if not is_dataclass(field.type)}
ELSEWHERE = "it puts one section's keys into Hydra's own; write them there"
REMEDY = "a configuration holds names and numbers alone; take it out"


def refuse_code(arguments: Sequence[str], conf: Path) -> None:
    """Raises `UserError` for an argument, or a YAML file that Hydra may load, which names code to be called.

    The files are those below `conf` or --config-path, --config-dir and `hydra.searchpath`. Hidden folders are
    left out, and cannot be chosen from; nor can what lies above.
    """
    given, _ = get_args_parser().parse_known_args(list(arguments))
    if given.experimental_rerun:
        raise UserError(
            f"--experimental-rerun={given.experimental_rerun}: a pickled configuration can run any code; "
            "give the overrides of the run's .hydra/overrides.yaml instead."
        )
    if given.config_name and LEADS_OUT.search(given.config_name):
        raise _leads_out("--config-name", given.config_name)
    folders = searched(arguments, conf)
    while folders:
        folder = folders.pop(0)
        for path in _files(folder):
            folders += _checked_file(path, path.relative_to(folder).parts[:-1])


def searched(arguments: Sequence[str], conf: Path) -> list[Path]:
    """The folders that Hydra searches for files, in its order; raises `UserError` as above."""
    given, _ = get_args_parser().parse_known_args(list(arguments))
    folders = {"--config-path": conf.parent / _folder(given.config_path) if given.config_path else conf}
    folders |= {"--config-dir": Path(given.config_dir)} if given.config_dir else {}
    for option, folder in folders.items():
        if not folder.is_dir():
            raise UserError(f"{option}={folder}: there is no such folder.")
    return [*folders.values(), *(found for argument in arguments for found in _checked_argument(argument))]


def _checked_argument(argument: str) -> list[Path]:
    """The folders that it adds to Hydra's search path."""
    key, equals, value = argument.partition("=")
    why = _wrong(argument.replace("\\", ""))  # which Hydra takes out
    if why or RELOCATED.search(key):
        raise UserError(f"{argument}: {why or ELSEWHERE}.")
    steps = ((character in "([{") - (character in ")]}") for character in argument)
    if max(accumulate(steps), default=0) > MAX_DEPTH:
        raise UserError(f"{argument}: brackets are nested more than {MAX_DEPTH} deep.")
    if equals and not argument.startswith("-"):
        check_choice(key, value)
    if equals and key.lstrip("+~") == "hydra.searchpath":
        listed = OverridesParser.create().parse_override(argument).value()
        found = [_folder(str(path)) for path in (listed if isinstance(listed, list) else [])]
        for folder in found:
            if not folder.is_dir():
                raise UserError(f"{argument}: there is no folder {folder}.")
        return found
    return []


def check_choice(key: str, value: str) -> None:
    """Raises `UserError` where a key is a group's, and the value leads out of its folder."""
    group = key.lstrip("+~").partition("@")[0]
    is_group = "." not in group and group not in SINGLE_KEYS
    if is_group and LEADS_OUT.search(value) and not NUMBERS.fullmatch(value):
        raise _leads_out(group, value)


def _wrong(text: str) -> str | None:
    """Why an entry, or an argument, may not be read, wherever it stands."""
    if NAMES_CODE.search(text):
        return f"it names code to be called; {REMEDY}"
    others = [name for name in CALLED.findall(text) if name not in READING]
    if others:
        return f"${{{others[0]}:...}} is not read here; of Hydra's functions there are {', '.join(READING)}"
    return None


def _leads_out(key: str, value: str) -> UserError:
    return UserError(
        f"{key}={value}: it must be a name in that folder, without .., //, hidden folders or resolvers."
    )


def _folder(path: str) -> Path:
    """The folder that an element of the search path is."""
    if "${" in path:
        raise UserError(f"{path}: it is saved with every run; write the folder in full, without ${{...}}.")
    scheme, separator, rest = path.rpartition("://")
    if separator and scheme != "file":
        raise UserError(
            f"{path}: hydra.searchpath and --config-path take folders alone: FOLDER or file://FOLDER."
        )
    return Path(rest)


def _files(folder: Path) -> Iterator[Path]:
    for place, inside, names in os.walk(folder, followlinks=True):
        inside[:] = sorted(name for name in inside if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(names) if name.endswith(".yaml"))


def _checked_file(path: Path, group: Sequence[str]) -> list[Path]:
    """The folders that a file adds to Hydra's search path; raises `UserError` for what it may not hold."""
    text = _text(path)
    root, package = _root(path, text), _package(text, group)
    found: list[Path] = []
    for count, (keys, node) in enumerate(entries(root, ()) if root else ()):
        where = f"{path}, line {node.start_mark.line + 1}"
        if count > MAX_ENTRIES or len(keys) > MAX_DEPTH:
            raise UserError(f"{where}: the file unfolds to too much; write it without anchors.")
        _check_tag(node, where)
        if not keys and not isinstance(node, yaml.MappingNode):
            raise UserError(f"{where}: `key: value` lines are expected here.")
        if isinstance(node, yaml.ScalarNode):
            _check_scalar(keys, node.value, where)
            _check_place((*package, *keys), None if node.tag == f"{STANDARD_TAG}null" else node.value, where)
            found += [_folder(node.value)] if "searchpath" in keys else []
        elif keys and NAMES_CODE.search(f"{keys[-1]}:"):
            raise UserError(f"{where}: {keys[-1]}: it names code to be called; {REMEDY}.")
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8.") from None


def _package(text: str, group: Sequence[str]) -> list[str]:
    """The keys below which Hydra puts what a file holds: those of its header, or else of its folder."""
    package = ".".join(group)
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            break
        header = HEADER.match(line)
        if header:
            package = header[1].replace("_group_", ".".join(group)).rpartition("_global_")[2]
    return [key for key in package.split(".") if key]


def _root(path: Path, text: str) -> yaml.Node | None:
    """A file's nodes; None for one that is empty or broken, which Hydra says where it is to load it.

    Broken is what neither of YAML's parsers takes: Hydra has the slower one, which is the more lenient.
    """
    try:
        try:
            return yaml.compose(text, Loader=LOADER)
        except yaml.YAMLError:
            return yaml.compose(text, Loader=yaml.SafeLoader)
    except RecursionError:
        raise UserError(f"{path}: its brackets are nested more than {MAX_DEPTH} deep.") from None
    except yaml.YAMLError:
        return None


def entries(node: yaml.Node, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], yaml.Node]]:
    """Every node below one, aliases followed, each after the keys that lead to it."""
    yield keys, node
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from entries(value, (*keys, str(key.value)))
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from entries(value, (*keys, keys[-1]) if keys else ("",))


def _check_tag(node: yaml.Node, where: str) -> None:
    """Refuses a tag that is written out: it makes an object, or a number of a text."""
    value = node.value if isinstance(node, yaml.ScalarNode) else None
    expected = {RESOLVER.resolve(type(node), value, (True, False)), f"{STANDARD_TAG}str"}
    if node.tag not in expected:
        raise UserError(f"{where}: the tag {node.tag.replace(STANDARD_TAG, '!!')} names code; {REMEDY}.")


def _check_scalar(keys: tuple[str, ...], value: str, where: str) -> None:
    why = _wrong(f"{keys[-1]}: {value}")
    if why:
        raise UserError(f"{where}: {keys[-1]}: {value}: {why}.")
    if keys[0] == "defaults" and LEADS_OUT.search(value):
        raise UserError(f"{where}: {_leads_out('defaults', value)}")
    if keys[0] == "defaults" and RELOCATED.search(f"{keys[-1]}: {value}"):
        raise UserError(f"{where}: {keys[-1]}: {value}: {ELSEWHERE}.")


def _check_place(keys: tuple[str, ...], value: str | None, where: str) -> None:
    """Refuses what may not stand below those keys, which begin at the root."""
    keys = tuple(key for key in keys if key != "<<")  # of a merged section, whose keys stand beside it
    why = objection(keys, value)
    if keys[:2] == ("hydra", "launcher") and any(COMMANDS.fullmatch(key) for key in keys[2:]):
        why = "it holds commands; give it on the command line if they are yours"
    try:
        if keys[:3] == PARAMS and value is not None:
            check_choice(".".join(keys[3:]), value)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    if why:
        raise UserError(f"{where}: {invalid('.'.join(keys), value, why)}")


def unreadable(error: yaml.YAMLError, path: Path | None = None) -> str:
    """A message with the file, the line and what YAML says of it."""
    mark = getattr(error, "problem_mark", None)
    place = f", line {mark.line + 1}" if mark else ""
    problem = getattr(error, "problem", None) or str(error)
    return f"{path or getattr(mark, 'name', 'YAML')}{place}: {problem}."
