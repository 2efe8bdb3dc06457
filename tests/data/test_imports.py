"""`regjax.data` imports nothing slow before it is needed."""

import subprocess
import sys

from tests.small import ROOT

CACHED = """
import sys
from pathlib import Path
from regjax import data
from regjax.data.cache import through_cache
from regjax.data.idx_sets import VERSION
from tests.data_fixtures import load_under, table
cache = Path(sys.argv[1]) / "cache" / "data"
through_cache(cache, f"idx-mnist-{VERSION}", lambda: table([5, 5], test_rows=2), name="mnist")
dataset = load_under(Path(sys.argv[1]), "idx", "mnist")
print(dataset.test_rows, data.draw_split(dataset, validation="test", split_seed=0, train_size=None).test)
slow = ("sklearn", "tensorflow_datasets", "tensorflow", "requests")
print([name for name in slow if name in sys.modules])
"""


def test_a_cached_set_is_read_without_anything_slow(tmp_path):
    command = [sys.executable, "-c", CACHED, str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert told.splitlines() == ["2 []", "[]"]
