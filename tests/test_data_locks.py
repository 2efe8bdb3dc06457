"""Processes that want the same data at once: one makes it, the others wait, and take over if it dies."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.data_fixtures import NAMES, tiny_arrays, tiny_set
from tests.mirrors import from_folder, mirror
from tests.small import ROOT

NOWHERE = "http://127.0.0.1:9/"
PROGRAM = """
import sys
from pathlib import Path
from regjax import data
from regjax.data import idx
from tests.data_fixtures import tiny_set
folder, own, url = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
idx.SETS = {"tiny": tiny_set(folder / own, url)}
places = {"data_dir": str(folder / "tfds"), "cache_dir": str(folder / sys.argv[4])}
dataset = data.load("idx", "tiny", manual_dir=None, mirror=None, test_share=0.2, test_seed=0, **places)
print(*dataset.labels)
"""


def loader(folder, own, url, cache="cache"):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), own, url, cache],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("caches", [("cache", "cache"), ("cache", "another")], ids=["shared", "apart"])
@pytest.mark.parametrize("killed", [False, True], ids=["both", "killed"])
def test_one_process_prepares_and_the_other_waits_for_it_or_takes_over(tmp_path, caches, killed):
    served = tmp_path / "served"
    tiny_set(served, NOWHERE)
    begun, go_on = threading.Event(), threading.Event()

    def held_up(handler):
        begun.set()
        go_on.wait(60)
        from_folder(served)(handler)

    with mirror(held_up) as (url, asked):
        first = loader(tmp_path, "one", url, caches[0])
        assert begun.wait(60)
        second = loader(tmp_path, "two", url, caches[1])
        assert second.stderr.readline() == "waiting for another process that prepares tiny\n"
        if killed:
            first.kill()
            first.wait(60)
        go_on.set()
        outputs = [process.communicate(timeout=60) for process in (first, second)]
    labels = " ".join(str(label) for part in tiny_arrays()[1::2] for label in part) + "\n"
    assert [process.returncode for process in (first, second)] == [-9 if killed else 0, 0]
    assert outputs[1][0] == labels
    told = "downloading tiny (0.0 MB)"
    assert outputs[1][1].count("waiting") == 0  # once, above
    assert (told in outputs[1][1]) == killed
    assert asked.count(f"/{NAMES[3]}") == 1
    assert not [
        path for path in Path(tmp_path).rglob("*") if path.suffix == ".part" or "incomplete" in path.name
    ]
