"""Says what techniques do, and which strengths mean the same in other libraries.

python -m regjax.explain                    all techniques
python -m regjax.explain l2 dropout         some techniques, at the strengths of their files
python -m regjax.explain l2 penalty.l2=1e-3 optimizer=adamw
python -m regjax.explain --json-schema      a schema: with it, editors check YAML files
"""

import argparse
import json
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from hydra import compose, initialize_config_dir
from omegaconf import open_dict, read_write

from regjax.config import explain, flatten
from regjax.config.folder import CONF
from regjax.config.json_schema import json_schema
from regjax.errors import UserError, shown
from regjax.files import outlive_readers
from regjax.launch.composing import Refused, job_of
from regjax.techniques.declaration import Hook, Number, Technique
from regjax.techniques.settings import FINAL, SCHEDULES, conditions, is_on, keys_of, schedule_of
from regjax.techniques.table import TABLE, rows

WIDTH, COLUMN = 80, 12


def main(arguments: Sequence[str]) -> int:
    """Prints the answer and gives the exit code."""
    parser = argparse.ArgumentParser(
        "python -m regjax.explain", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="*", help="names of techniques, and overrides as train.py takes them")
    parser.add_argument("--json-schema", action="store_true", help="print the schema of a configuration")
    given = parser.parse_args(arguments)
    outlive_readers()
    asked = _asked(given.what)
    try:
        if given.json_schema:
            print(json.dumps(json_schema(), indent=2))
        else:
            print("\n".join([line for each in asked for line in _explained(each)] if asked else _catalogue()))
    except Exception as error:
        typed = [text for each in asked for text in each.overrides]
        message = explain(error, typed, CONF, composed=isinstance(error, UserError))
        if not message:
            raise
        print(f"error: {message}", file=sys.stderr)
        return 1
    return 0


class Asked(NamedTuple):
    """The overrides of a configuration to explain, its file of `regularization`, and what this file needs."""

    overrides: list[str]
    name: str = ""
    needed: tuple[str, ...] = ()


def _asked(words: Sequence[str]) -> list[Asked]:
    """Words without a = name files of `regularization`. Each is explained apart, with all overrides."""
    overrides = [word for word in words if "=" in word]
    found = []
    for name in (word for word in words if "=" not in word):
        needed = next((row.needs_one_of[:1] for row in TABLE if row.name == name), ())
        listed = f"regularization=[{','.join((*needed, name))}]"
        found.append(Asked([listed, *overrides], name, needed))
    return found or [Asked(overrides)] * bool(overrides)


def _values(overrides: Sequence[str]) -> dict[str, Any]:
    """The configuration that train.py would train, by dotted key."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        whole = compose("config", list(overrides), return_hydra_config=True)
    hydra = whole.hydra
    with read_write(whole), open_dict(whole):
        del whole["hydra"]
    job = job_of(whole, hydra)
    if isinstance(job, Refused):
        raise UserError(job.reason)
    return flatten(job.config)


def _catalogue() -> Iterator[str]:
    """All techniques, by the place where they act."""
    for hook in Hook:
        yield f"{hook.value[0].upper()}{hook.value[1:]}:"
        for row in rows(hook):
            yield f"  {row.name:<19} {_turned_on_by(row):<24}  {row.source.rpartition(', ')[0]}"
    yield "More about one: python -m regjax.explain NAME"


def _turned_on_by(row: Technique) -> str:
    return f"{row.choice.key}={row.choice.value}" if row.choice else keys_of(row)[0]


def _explained(asked: Asked) -> Iterator[str]:
    """The techniques that are on, and the one that is named."""
    values = _values(asked.overrides)
    on = [row for row in TABLE if is_on(row, values) or row.name == asked.name]
    found = [row for row in on if row.name not in asked.needed]
    if not found:
        yield "No technique is on."
    for row in found:
        yield row.name
        yield from _entry("formula", row.formula)
        yield from _entry("acts", row.hook.value)
        for number in row.numbers.values():
            setting, neutral = _setting(number, values), _short(number.neutral)
            role = "off" if number is row.strength else "usual"
            layers = ", or a list of them, one per hidden layer" if number.per_layer else ""
            scheduled = "; may follow a schedule" * number.scheduled
            text = f"{setting}: {number.range.allowed}{layers}; {neutral} is {role}{scheduled}"
            yield from _entry("number", text)
        if row.choice:
            chosen = f"{row.choice.key}={values[row.choice.key]}"
            yield from _entry("choice", f"{chosen}: {row.choice.value} turns it on")
        for key, needed in row.needs.items():
            yield from _entry("needs", f"{needed.words} ({key}={shown(values[key])})")
        for word, text in conditions(row):
            yield from _entry(word, text)
        yield from _entry("source", row.source)
        if is_on(row, values):
            yield from _elsewhere(row, values)


def _entry(name: str, text: str, indent: int = 0) -> Iterator[str]:
    """Lines with a name and its text in two columns. Later lines of the text are indented by `indent`."""
    wrap = partial(textwrap.wrap, break_long_words=False, break_on_hyphens=False)
    first, *rest = wrap(text, WIDTH - COLUMN, subsequent_indent=" " * indent)
    yield f"  {name}".ljust(COLUMN) + first
    yield from (" " * COLUMN + line for line in rest)


def _setting(number: Number, values: Mapping[str, Any]) -> str:
    kind, text = schedule_of(number, values), f"{number.key}={shown(values[number.key])}"
    return text if kind == SCHEDULES[0] else f"{text}, {kind} to {shown(values[number.key + FINAL])}"


def _elsewhere(row: Technique, values: Mapping[str, Any]) -> Iterator[str]:
    """The same strength in other libraries, for this optimizer and batch size."""
    keys = [keys_of(row)[0]]
    if row.strength and schedule_of(row.strength, values) != SCHEDULES[0]:
        keys.append(row.strength.key + FINAL)
    for index, (place, convert) in enumerate(row.elsewhere.items()):
        ends = []
        for given in (values[key] for key in keys):
            found = [convert(each, values) for each in (given if isinstance(given, list) else [given])]
            ends.append(", ".join(map(_short, found)))
        yield from _entry("elsewhere" if index == 0 else "", f"{place}: {' to '.join(ends)}", indent=2)


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else shown(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
