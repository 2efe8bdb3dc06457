"""Processes that want the same data at once: one makes it, the others wait, and take over if it dies."""

import concurrent.futures
import os
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from regjax.data import cache, preparation
from regjax.errors import UserError
from regjax.files import one_process
from tests.data_fixtures import NAMES, table, tiny_arrays, tiny_set
from tests.mirrors import from_folder, mirror
from tests.small import ROOT


def decode(folder, work):
    return cache.through_cache(folder, "set-1.0", lambda: work() or table([3, 3]), name="set").name


def prepare(folder, work):
    def obtain(builder):
        work()
        (folder / "done").touch()

    builder = SimpleNamespace(data_dir_root=folder, is_prepared=(folder / "done").exists)
    return preparation.prepared(lambda: builder, obtain, name="set").is_prepared()


@pytest.mark.parametrize("make", [decode, prepare])
def test_what_one_makes_another_waits_for_and_does_not_make_again(tmp_path, capfd, make):
    begun, go_on = threading.Event(), threading.Event()

    def work():
        begun.set()
        assert go_on.wait(60)

    told = ""
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        first = threads.submit(make, tmp_path, work)
        assert begun.wait(60)
        second = threads.submit(make, tmp_path, pytest.fail)
        while not told and not second.done():
            time.sleep(0.01)
            told += capfd.readouterr().err
        go_on.set()
        assert first.result(60) == second.result(60)
    assert told + capfd.readouterr().err == "waiting for another process that prepares set\n"


@pytest.mark.parametrize("make", [decode, prepare])
def test_no_lock_is_taken_where_all_is_there(tmp_path, monkeypatch, make):
    make(tmp_path, lambda: None)
    for module in (cache, preparation):
        monkeypatch.setattr(module, "one_process", pytest.fail)
    make(tmp_path, pytest.fail)


@pytest.mark.parametrize(("make", "remedy"), [(decode, "cache_dir=FOLDER"), (prepare, "data.data_dir")])
def test_a_folder_that_takes_no_lock_is_refused_with_the_way_out(tmp_path, make, remedy):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=rf"file.*: nothing can be prepared here .*{remedy}"):
        make(tmp_path / "file", pytest.fail)


def test_of_many_that_come_and_go_only_one_is_inside_at_a_time(tmp_path):
    inside, most = [], []

    def enter(number):
        for _ in range(10):
            with one_process(tmp_path / ".lock", name="set", remedy=""):
                inside.append(number)
                most.append(len(inside))
                time.sleep(0.001)
                inside.remove(number)

    with concurrent.futures.ThreadPoolExecutor(6) as threads:
        list(threads.map(enter, range(6)))
    assert most == [1] * 60
    assert list(tmp_path.iterdir()) == []


PROGRAM = """
import sys
from pathlib import Path
from regjax.data import idx
from tests.data_fixtures import load_under, tiny_set
folder, own, url, cache = Path(sys.argv[1]), *sys.argv[2:]
idx.SETS = {"tiny": tiny_set(folder / own)}
print(*load_under(folder, "idx", "tiny", mirror=url, cache_dir=str(folder / cache)).labels)
"""


def loader(folder, own, url, cache):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), own, url, cache],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("caches", [("cache", "cache"), ("cache", "another")], ids=["shared", "apart"])
@pytest.mark.parametrize("killed", [False, True], ids=["both", "killed"])
def test_one_process_prepares_and_the_other_waits_for_it_or_takes_over(tmp_path, caches, killed):
    served = tmp_path / "served"
    tiny_set(served)
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
    assert outputs[1][1].count("waiting") == 0  # once, above
    assert ("downloading 0.0 MB from http" in outputs[1][1]) == killed
    assert asked.count(f"/{NAMES[3]}") == 1
    assert [*tmp_path.rglob("*.part"), *tmp_path.rglob("*incomplete*")] == []
