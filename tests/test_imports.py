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
from omegaconf import MISSING, OmegaConf

from regjax.config import Config, flatten
from regjax.config.schema import known_keys
from regjax.techniques.settings import neutral_values
from regjax.techniques.table import TABLE
from tests.small import ROOT, composed

HEAVY = {
    *("jax", "jaxlib", "flax", "optax", "safetensors"),
    *("sklearn", "scipy", "matplotlib", "tensorflow_datasets"),
}
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
# From the top down: each imports only those below it. A module that stands alone is a row of its own.
LAYERS = (
    *("train", "__main__", "results", "hydra_plugins", "explain", "verify", "launch", "predict", "report"),
    "sweep",
    *("saved", "training", "config", "techniques", "data", "statistics", "validation", "files", "errors"),
)
# Libraries that only some packages or modules may meet.
KEPT_TO = {
    "flax": ("regjax.training.model", "regjax.techniques.norms"),
    "safetensors": ("regjax.saved.checkpoint",),
    "matplotlib": ("regjax.report",),
    "plotly": ("regjax.report",),
    "sklearn": ("regjax.data",),
    "tensorflow_datasets": ("regjax.data",),
    "requests": ("regjax.data",),
    "urllib3": ("regjax.data",),
    "tensorflow": ("regjax.data",),
    "scipy": ("regjax.statistics",),
    "filelock": ("regjax.files",),
    "hydra": ("regjax.config", "regjax.launch", "regjax.explain", "hydra_plugins"),
    "omegaconf": ("regjax.config", "regjax.launch", "regjax.explain", "hydra_plugins"),
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


def module(path: Path) -> str:
    """The dotted name of a source file; a package's `__init__` is the package."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module(path): path for path in SOURCES}


def layer(name: str) -> str:
    """The row of the table that a module belongs to."""
    first, *rest = name.split(".")
    return rest[0] if first == "regjax" and rest else first


def imported(path: Path) -> Iterator[str]:
    """The dotted names that a file imports, at its top or inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{shown(path)}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own(path: Path) -> set[str]:
    """The modules of the project that a file imports; `regjax` itself holds the version alone."""
    found = set()
    for name in imported(path):
        while name not in MODULES and "." in name:
            name = name.rpartition(".")[0]
        found |= {name} & MODULES.keys()
    return found - {"regjax", module(path)}


def probed(folder: Path, arguments: list[str], **environment: str) -> tuple[str, list[str]]:
    """What `python train.py` prints in a folder, and the modules that it loads."""
    command = [sys.executable, "-c", PROBE.format(root=str(ROOT)), str(ROOT / "train.py"), *arguments]
    environment = {**os.environ, **environment}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    *messages, modules = done.stderr.splitlines()
    return done.stdout + "\n".join(messages), modules.removeprefix("IMPORTED ").split()


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
    told, loaded = probed(tmp_path, arguments, **environment)
    assert printed in told
    assert "regjax.config.schema" in loaded
    assert {name.split(".")[0] for name in loaded} & HEAVY == set()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("data.validation=20%", "error: data.validation=20%: must be a share"),
        ("regularization=[dropout,none]", "none stands alone"),
    ],
)
def test_what_can_be_refused_without_the_data_loads_no_numerical_library(override, told, tmp_path):
    printed, loaded = probed(tmp_path, [override])
    assert told in printed
    assert {name.split(".")[0] for name in loaded} & HEAVY == set()


# Tells which modules are there when `print_summary` has printed the results of a run.
UNTIL_RESULTS = """
import sys
sys.path[0] = {root!r}
from regjax.report import tables
print_summary = tables.print_summary
def printed(*given):
    print_summary(*given)
    print("IMPORTED", *sorted(sys.modules), file=sys.stderr)
tables.print_summary = printed
import runpy
sys.argv = ["train.py", "trainer.epochs=1", "hydra.run.dir=" + sys.argv[1]]
runpy.run_path({root!r} + "/train.py", run_name="__main__")
"""


@pytest.mark.slow
def test_a_run_on_cached_data_loads_nothing_that_it_does_not_need_for_its_results(tmp_path):
    command = [sys.executable, "-c", UNTIL_RESULTS.format(root=str(ROOT))]
    environment = {**os.environ, "REGJAX_CACHE_DIR": str(tmp_path / "cache")}
    given = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True, "timeout": 60}
    cold, warm = (subprocess.run([*command, folder], **given) for folder in ("cold", "warm"))
    loaded = {line for line in warm.stderr.splitlines() if line.startswith("IMPORTED")}.pop().split()
    assert "jax" in loaded
    assert {"scipy.stats", "matplotlib", "sklearn", "tensorflow_datasets"} & set(loaded) == set()
    assert "selected epoch" in warm.stdout
    assert (tmp_path / "warm" / "curves.png").exists()
    assert " sklearn" in cold.stderr  # what is not kept yet comes from there


def test_every_package_has_its_row_in_the_table():
    assert {layer(name) for name in MODULES} - {"regjax"} == set(LAYERS)
    assert not {"utils", "util", "common", "helpers", "misc"} & {path.stem for path in ALL_PYTHON}
    assert len(list((ROOT / "regjax").glob("*.py"))) <= 8


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_packages_import_only_what_lies_below_them(path):
    below = LAYERS[LAYERS.index(layer(module(path))) :] if module(path) != "regjax" else LAYERS
    assert [name for name in own(path) if layer(name) not in below] == []


def test_no_module_imports_itself_by_way_of_others():
    graphlib.TopologicalSorter({name: own(path) for name, path in MODULES.items()}).prepare()


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_libraries_are_met_only_where_they_belong(path):
    libraries = {name.split(".")[0] for name in imported(path)} & KEPT_TO.keys()
    within = {library for library in libraries for home in KEPT_TO[library] if module(path).startswith(home)}
    assert libraries == within


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
    named = [line.strip() for line in path.read_text().splitlines() if "_target_" in line]
    assert all(line.startswith("callbacks: {regjax:") for line in named)  # Hydra's own node


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_no_code_instantiates_what_a_configuration_names(path):
    assert not [name for name in imported(path) if name.startswith("hydra.utils")]
    called = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    names = {getattr(function, "attr", getattr(function, "id", None)) for function in called}
    assert not names & {"instantiate", "get_class", "get_method", "eval", "exec"}


def test_values_live_in_yaml_or_the_table_of_techniques_and_every_key_has_one():
    sections = [field for field in fields(Config) if is_dataclass(field.type)]
    defaults = {f"{part.name}.{leaf.name}": leaf.default for part in sections for leaf in fields(part.type)}
    defaults |= {leaf.name: leaf.default for leaf in fields(Config) if leaf not in sections}
    in_table = {key: default for key, default in defaults.items() if default != MISSING}
    assert in_table == neutral_values()
    keys = {field.name for field in fields(Config)} - {section.name for section in sections}
    keys |= {f"{section.name}.{field.name}" for section in sections for field in fields(section.type)}
    assert set(flatten(composed())) == keys
    assert sorted(known_keys()) == sorted(keys | {section.name for section in sections})


@pytest.mark.parametrize("name", ["config.yaml", "model/mlp.yaml"])
def test_no_file_of_defaults_repeats_what_the_table_of_techniques_says(name):
    sections = OmegaConf.to_container(OmegaConf.load(CONF / name), resolve=False)
    sections = {"model": sections} if name.startswith("model") else sections
    keys = {
        f"{section}.{key}" for section, value in sections.items() if isinstance(value, dict) for key in value
    }
    assert "model.hidden" in keys or "trainer.epochs" in keys
    assert keys & neutral_values().keys() == set()


@pytest.mark.parametrize("option", OPTIONS)
def test_every_file_of_every_group_composes_to_a_legal_configuration(option):
    group, _, name = option.partition("=")
    needed = [row.needs_one_of[0] for row in TABLE if row.name == name and row.needs_one_of]
    option = f"{group}=[{','.join([*needed, name])}]" if needed else option
    composed(option, *(["data.name=any"] if option == "data=tfds" else []))
