"""What `regjax.data` imports: no circle, and nothing slow before it is needed."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

from tests.small import ROOT

SLOW = ("sklearn", "tensorflow_datasets", "tensorflow", "requests")
TELL = f"print([name for name in {SLOW} if name in sys.modules])"


def imported_modules(path: Path) -> set[str]:
    """The modules of `regjax.data` that a module imports, in functions too."""
    found = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    names = {node.module for node in found if node.module is not None}
    return {name.removeprefix("regjax.data.") for name in names if name.startswith("regjax.data.")}


def test_no_module_imports_itself_through_others_in_functions_or_outside():
    modules = {path.stem: imported_modules(path) for path in (ROOT / "regjax" / "data").glob("*.py")}
    assert modules["idx"] >= {"idx_sets", "idx_builder", "download"}
    order = list(graphlib.TopologicalSorter(modules).static_order())  # raises CycleError
    assert order[-1] == "__init__"


def run(program: str, *arguments: str) -> str:
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()


def test_importing_the_package_imports_nothing_slow():
    assert run(f"import sys, regjax.data; {TELL}") == "[]"


CACHED = f"""
import sys
from pathlib import Path
from regjax import data
from regjax.data.cache import through_cache
from regjax.data.idx_sets import VERSION
from tests.data_fixtures import table
folder = Path(sys.argv[1])
through_cache(folder / "data", f"idx-mnist-{{VERSION}}", lambda: table([5, 5], test_rows=2), name="mnist")
folders = {{"manual_dir": None, "data_dir": None, "cache_dir": str(folder)}}
dataset = data.load("idx", "mnist", mirror=None, test_share=0.2, test_seed=0, **folders)
print(dataset.test_rows, data.draw_split(dataset, validation="test", split_seed=0, train_size=None).test)
{TELL}
"""


def test_a_cached_set_is_read_without_anything_slow(tmp_path):
    assert run(CACHED, str(tmp_path)).splitlines() == ["2 []", "[]"]
