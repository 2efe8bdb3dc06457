"""The shape of the repository: what is imported when and by whom, sizes, and what `conf/` may hold."""

import ast
import graphlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
from omegaconf import MISSING

from regjax.config import Config, flatten
from regjax.config.schema import known_keys
from tests.small import ROOT, composed

HEAVY = {"jax", "jaxlib", "flax", "optax", "orbax", "sklearn", "scipy", "matplotlib", "tensorflow_datasets"}
# Runs train.py and tells, last, which modules were imported.
PROBE = """
import runpy, sys
sys.argv = sys.argv[1:]
sys.path[0] = {root!r}
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    print("IMPORTED", *sorted(sys.modules), file=sys.stderr)
"""
# Which of our modules each may import, `errors` and `types` apart, which all may; a package is one module.
MAY_IMPORT: dict[str, set[str]] = {
    "types": set(),
    "errors": set(),
    "disk": set(),
    "links": {"manifests", "runs"},
    "statistics": set(),
    "progress": set(),
    "platforms": set(),
    "output": set(),
    "config": {"links", "output"},
    "data": {"disk", "locks"},
    "noise": set(),
    "penalties": set(),
    "stopping": set(),
    "arrays": {"manifests"},
    "checkpoint": {"arrays", "disk", "manifests"},
    "runs": {"disk", "manifests"},
    "summaries": {"config", "manifests", "runs"},
    "records": {"penalties", "runs"},
    "models": {"noise"},
    "optimizers": {"penalties"},
    "evaluation": {"penalties"},
    "inputs": set(),
    "inference": {"models"},
    "training": {"models", "noise", "penalties", "optimizers", "stopping", "evaluation"},
    "manifests": {"disk"},
    "signals": set(),
    "states": {"checkpoint", "disk", "manifests"},
    "programs": {"training"},
    "lanes": {"programs", "signals"},
    "journal": {"config", "runs", "records", "checkpoint"},
    "schedule": {"programs", "lanes", "journal"},
    "endings": {"checkpoint", "journal", "schedule", "states"},
    "worker": {"training", "endings", "lanes", "journal", "manifests", "schedule", "signals", "states"},
    "sweep": {"schedule", "states", "worker"},
    "archive": {"runs", "manifests", "summaries"},
    "report": {
        "archive",
        "config",
        "disk",
        "evaluation",
        "links",
        "manifests",
        "output",
        "runs",
        "statistics",
    },
    "jobs": {
        "config",
        "data",
        "platforms",
        "runs",
        "journal",
        "manifests",
        "schedule",
        "signals",
        "states",
        "sweep",
    },
    "study": {"config", "jobs", "runs", "archive", "progress", "report"},
    "continuing": {"checkpoint", "lanes", "manifests", "records", "runs", "states", "training"},
    "locks": set(),
    "settings": {"config", "links"},
    "surroundings": set(),
    "directories": {"jobs", "links", "locks", "manifests", "report", "runs"},
    "launcher": {
        "archive",
        "config",
        "continuing",
        "directories",
        "jobs",
        "locks",
        "other_launchers",
        "runs",
        "progress",
        "report",
        "settings",
        "study",
        "summaries",
    },
    "other_launchers": {"archive", "config"},
    "verify": {"archive", "output"},
    "trained": {"checkpoint", "config", "manifests", "models", "runs", "summaries"},
    "predict": {
        "config",
        "evaluation",
        "inference",
        "inputs",
        "links",
        "manifests",
        "noise",
        "output",
        "platforms",
        "runs",
        "surroundings",
        "trained",
    },
    "hydra_plugins": {"directories", "launcher"},
    "train": {"config", "launcher", "other_launchers", "signals", "surroundings"},
}
MAY_IMPORT_NOTHING = {"types", "errors", "statistics"}
# Libraries that only some of our modules may meet.
KEPT_TO = {
    "flax": {"models"},
    "orbax": {"arrays"},
    "matplotlib": {"report"},
    "plotly": {"report"},
    "sklearn": {"data"},
    "tensorflow_datasets": {"data"},
    "requests": {"data"},
    "urllib3": {"data"},
    "tensorflow": {"data"},
    "scipy": {"statistics"},
    "filelock": {"locks"},
    "hydra": {"config", "launcher", "settings", "hydra_plugins", "other_launchers", "train"},
    "omegaconf": {"config", "launcher", "settings", "hydra_plugins", "train"},
}
PACKAGES = ("regjax", "hydra_plugins")
SOURCES = [ROOT / "train.py", *(path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py")))]
OTHERS = [path for name in ("tests", "benchmarks") for path in sorted((ROOT / name).rglob("*.py"))]
ALL_PYTHON = [*SOURCES, *OTHERS]
CONF = ROOT / "conf"
YAML = sorted(CONF.rglob("*.yaml"))
FILES = [path.relative_to(CONF).with_suffix("") for path in YAML if path.parent != CONF]
OPTIONS = [file.as_posix().replace("/", "=", 1) for file in FILES if file.parts[0] != "hydra"]


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def unit(path: Path) -> str:
    """The row of the table that a source file belongs to."""
    first, *rest = path.relative_to(ROOT).with_suffix("").parts
    return rest[0] if first == "regjax" else first


def imported(path: Path) -> Iterator[str]:
    """The dotted names that a file imports, at its top or inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{shown(path)}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_units(path: Path) -> set[str]:
    """The rows of the table that a file imports; `regjax` itself holds the version alone."""
    names = [name.split(".") for name in imported(path)]
    inside = {parts[1] for parts in names if parts[0] == "regjax" and parts[1:] != ["__version__"]}
    return inside - {unit(path)}


@pytest.mark.parametrize(
    ("arguments", "environment", "printed"),
    [
        (["--help"], {}, "regularization"),
        (["--cfg", "job", "regularization=[dropout,l2]"], {}, "dropout: 0.2"),
        (["-sc", "query=bash"], {"COMP_LINE": "python train.py data=", "COMP_POINT": "21"}, "data=mnist"),
        (["data=mnits"], {}, "mnist"),
    ],
    ids=["help", "cfg", "completion", "near-miss"],
)
def test_what_trains_nothing_loads_no_numerical_library(arguments, environment, printed, tmp_path):
    command = [sys.executable, "-c", PROBE.format(root=str(ROOT)), str(ROOT / "train.py"), *arguments]
    environment = {**os.environ, **environment}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    *messages, modules = done.stderr.splitlines()
    loaded = modules.removeprefix("IMPORTED ").split()
    assert printed in done.stdout + "\n".join(messages)
    assert "regjax.config.schema" in loaded
    assert {name.split(".")[0] for name in loaded} & HEAVY == set()
    assert list(tmp_path.iterdir()) == []


def test_every_module_has_its_row_in_the_table():
    present = {unit(path) for path in SOURCES} - {"__init__"}
    assert present == set(MAY_IMPORT)
    assert not {"utils", "util", "common", "helpers", "misc"} & {path.stem for path in ALL_PYTHON}


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_modules_import_only_what_lies_below_them(path):
    row = unit(path)
    everyone = set() if row in MAY_IMPORT_NOTHING else {"types", "errors"}
    assert own_units(path) <= MAY_IMPORT.get(row, set()) | everyone


def test_the_table_itself_runs_downward():
    graphlib.TopologicalSorter(MAY_IMPORT).prepare()


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_libraries_are_met_only_where_they_belong(path):
    libraries = {name.split(".")[0] for name in imported(path)}
    assert [library for library in libraries & set(KEPT_TO) if unit(path) not in KEPT_TO[library]] == []


@pytest.mark.parametrize("path", ALL_PYTHON, ids=shown)
def test_files_have_at_most_300_lines_and_functions_50(path):
    text = path.read_text()
    functions = [
        node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert len(text.splitlines()) <= 300
    assert [node.name for node in functions if node.end_lineno - node.lineno >= 50] == []


@pytest.mark.parametrize("path", YAML, ids=shown)
def test_yaml_holds_names_and_numbers_and_never_python_paths(path):
    assert "_target_" not in path.read_text()


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_no_code_instantiates_what_a_configuration_names(path):
    assert not [name for name in imported(path) if name.startswith("hydra.utils")]
    called = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    names = {getattr(function, "attr", getattr(function, "id", None)) for function in called}
    assert not names & {"instantiate", "get_class", "get_method", "eval", "exec"}


def test_values_live_in_yaml_alone_and_every_key_has_one():
    sections = [field for field in fields(Config) if is_dataclass(field.type)]
    leaves = [field for section in sections for field in fields(section.type)]
    assert all(field.default == MISSING for field in [*fields(Config), *leaves])
    keys = {field.name for field in fields(Config)} - {section.name for section in sections}
    keys |= {f"{section.name}.{field.name}" for section in sections for field in fields(section.type)}
    assert set(flatten(composed())) == keys
    assert sorted(known_keys()) == sorted(keys | {section.name for section in sections})


@pytest.mark.parametrize("option", OPTIONS)
def test_every_file_of_every_group_composes_to_a_legal_configuration(option):
    composed(option, *(["data.name=any"] if option == "data=tfds" else []))
