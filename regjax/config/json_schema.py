"""The JSON schema of a configuration. With it, editors complete and check YAML."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import NoneType
from typing import Any, get_args

from regjax.config.ranges import CHOICES, NEUTRAL, RANGES
from regjax.config.schema import Config
from regjax.techniques.declaration import COUNT, Range
from regjax.techniques.settings import FINAL, NUMBERS, keys_of
from regjax.techniques.table import TABLE

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", NoneType: "null"}
INTERPOLATION = {"type": "string", "pattern": r"\$\{"}
Schema = dict[str, Any]


def json_schema() -> Schema:
    """The schema of a whole configuration. `$defs` has one for the files of each group, such as `model`.

    Every key may be missing, since a file sets only some. Every value may be an interpolation.
    """
    sections = {section.name: section.type for section in fields(Config) if is_dataclass(section.type)}
    definitions = {name: _object(_leaves(kind, f"{name}.")) for name, kind in sections.items()}
    own = {"defaults": {"type": "array"}, "hydra": {"type": "object"}}  # Hydra's keys in the first file
    own |= {name: {"$ref": f"#/$defs/{name}"} for name in sections}
    whole = _object(_leaves(Config) | own) | {"type": ["object", "null"]}  # a file may have only comments
    return {"$schema": DIALECT, "title": "regjax", **whole, "$defs": definitions}


def _object(properties: Mapping[str, Schema]) -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": dict(properties)}


def _leaves(section: Any, prefix: str = "") -> dict[str, Schema]:
    named = ((leaf.name, leaf.type) for leaf in fields(section) if not is_dataclass(leaf.type))
    return {name: _leaf(f"{prefix}{name}", kind) for name, kind in named}


def _leaf(key: str, kind: Any) -> Schema:
    value = _value(key, kind)
    default = {"default": NEUTRAL[key]} if key in NEUTRAL else {}
    described = {"description": text} if (text := _description(key)) else {}
    return described | default | ({"anyOf": [value, INTERPOLATION]} if value else {})


def _value(key: str, kind: Any) -> Schema:
    """The schema of a value without interpolation, or {} if the type says nothing."""
    by_layer = {
        each: number for number in NUMBERS if number.per_layer for each in (number.key, number.key + FINAL)
    }
    if key in by_layer:
        one = {"type": ["number", "null"], **_bounds(by_layer[key].range)}
        return {"anyOf": [one, {"type": "array", "items": one}]}
    if kind is Any:
        return {}
    if kind == list[int]:
        return {"type": "array", "items": {"type": "integer", **_bounds(COUNT)}}
    names = [TYPES[part] for part in get_args(kind) or (kind,)]
    typed: Schema = {"type": names[0] if len(names) == 1 else names}
    return typed | _bounds(RANGES.get(key)) | ({"enum": list(CHOICES[key])} if key in CHOICES else {})


def _bounds(limits: Range | None) -> Schema:
    if limits is None:
        return {}
    low, high = (
        ("exclusiveMinimum" if limits.above else "minimum"),
        ("exclusiveMaximum" if limits.below else "maximum"),
    )
    ends = {low: limits.low, high: limits.high}
    return {name: value for name, value in ends.items() if abs(value) < float("inf")}


def _description(key: str) -> str:
    found = [f"{row.name}: {row.formula}. {row.source}." for row in TABLE if key in keys_of(row)]
    return "\n".join([*found, f"{RANGES[key].allowed}." if key in RANGES else ""]).strip()
