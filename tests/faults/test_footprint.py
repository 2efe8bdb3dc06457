"""What a command leaves on the machine beside its results, and what it opens to the network: nothing."""

import contextlib
import os
import signal
from pathlib import Path

import pytest

from tests.commands import begin, stop, wait_for_epochs

LISTENING = "0A"  # in the fourth column of /proc/net/tcp


def listening_sockets(pid: int) -> set[str]:
    """The inodes of a process's sockets that wait for connections."""
    table = [
        line.split() for name in ("tcp", "tcp6") for line in Path("/proc/net", name).read_text().splitlines()
    ]
    waiting = {row[9] for row in table if row[3] == LISTENING}
    links = []
    for path in Path("/proc", str(pid), "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
            links.append(os.readlink(path))
    return {link.removeprefix("socket:[").rstrip("]") for link in links} & waiting


@pytest.mark.slow
@pytest.mark.parametrize("place", ["hydra.run.dir=out", "-m seed=0,1 hydra.sweep.dir=out"])
def test_nothing_is_written_elsewhere_and_nothing_listens(tmp_path, monkeypatch, place):
    for name, variable in (("home", "HOME"), ("temporary", "TMPDIR"), ("cache", "REGJAX_CACHE_DIR")):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / name))
    (tmp_path / "here").mkdir()
    process = begin(tmp_path / "here", f"{place} data=wine trainer.epochs=100000 checkpoint=every_epoch")
    wait_for_epochs(process, tmp_path, 3)
    assert listening_sockets(process.pid) == set()
    stop(process, signal.SIGTERM)
    assert process.returncode == 143
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    places = ("here/out/", "cache/", "home/.cache/matplotlib/")  # the last is matplotlib's list of fonts
    assert {name for name in left if not name.startswith(places)} == set()
