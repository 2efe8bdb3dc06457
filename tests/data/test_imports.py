"""`regjax.data` imports nothing slow before it is needed."""

import subprocess
import sys

from tests.small import ROOT

SLOW = ("sklearn", "tensorflow_datasets", "tensorflow", "requests")
TELL = f"print([name for name in {SLOW} if name in sys.modules])"


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
    command = [sys.executable, "-c", CACHED, str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert told.splitlines() == ["2 []", "[]"]
