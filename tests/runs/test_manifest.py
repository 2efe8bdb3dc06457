"""Folders that are whole or not there: each flipped bit, missing, added and linked file is named."""

import json
import os
import random
from pathlib import Path

import pytest

from regjax.runs.manifest import MANIFEST, DamagedError, _own_digest, commit, verify

FACTS = {"lanes": [{"identity": "a", "epoch": 3}], "number": 1.5}


def fill(folder):
    (folder / "deep").mkdir()
    (folder / "deep" / "array").write_bytes(bytes(range(256)) * 4)
    (folder / "metadata").write_text("some text")


@pytest.fixture
def folder(tmp_path):
    commit(tmp_path / "whole", fill, FACTS)
    return tmp_path / "whole"


def test_a_whole_folder_gives_its_facts(folder):
    assert verify(folder) == FACTS
    assert {path.name for path in folder.iterdir()} == {"deep", "metadata", MANIFEST}
    assert [path.name for path in folder.parent.iterdir()] == ["whole"]


def test_every_flipped_bit_is_found_and_its_file_named(folder):
    draw = random.Random(0)
    files = [path for path in folder.rglob("*") if path.is_file()]
    for _ in range(300):
        path = draw.choice(files)
        whole = path.read_bytes()
        flipped = bytearray(whole)
        flipped[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
        path.write_bytes(flipped)
        with pytest.raises(DamagedError, match=path.name):
            verify(folder)
        path.write_bytes(whole)
    verify(folder)


def test_both_digests_are_told(folder):
    (folder / "metadata").write_text("other text")
    with pytest.raises(DamagedError, match=r"metadata: SHA-256 is [0-9a-f]{64}, expected [0-9a-f]{64}"):
        verify(folder)


@pytest.mark.parametrize("name", ["metadata", "deep/array", MANIFEST])
@pytest.mark.parametrize("damage", ["removed", "emptied", "cut short"])
def test_what_is_gone_or_cut_short_is_named(folder, name, damage):
    path = folder / name
    if damage == "removed":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: 0 if damage == "emptied" else 5])
    with pytest.raises(DamagedError, match=path.name):
        verify(folder)


def test_a_file_that_nobody_wrote_is_named(folder):
    (folder / "deep" / "stranger").touch()
    with pytest.raises(DamagedError, match="stranger: the manifest does not list it"):
        verify(folder)


@pytest.mark.parametrize("name", ["metadata", "deep", ".", MANIFEST])
def test_links_are_never_followed(folder, tmp_path, name):
    elsewhere = tmp_path / "elsewhere"
    (folder / name).resolve().rename(elsewhere)
    (folder / name).symlink_to(elsewhere)
    with pytest.raises(DamagedError, match=f"{name}: it is a link, which regjax never follows"):
        verify(folder)


@pytest.mark.parametrize("name", ["/etc/passwd", "../outside", "deep/../../outside"])
def test_names_that_lead_outside_are_refused(folder, name):
    listed = json.loads((folder / MANIFEST).read_text())
    content = {"facts": listed["facts"], "files": {name: "0" * 64}}
    (folder / MANIFEST).write_text(json.dumps(content | {"sha256": _own_digest(content)}))
    with pytest.raises(DamagedError, match="which lies outside"):
        verify(folder)


def test_a_save_that_fails_leaves_what_was_there(folder):
    def fail(partial):
        fill(partial)
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        commit(folder, fail, {"new": True})
    assert verify(folder) == FACTS
    commit(folder, fill, {"new": True})
    assert verify(folder) == {"new": True}
    assert [path.name for path in folder.parent.iterdir()] == ["whole"]


@pytest.mark.parametrize("kind", ["a link", "a file"])
def test_what_is_no_folder_is_not_replaced(folder, tmp_path, kind):
    place = tmp_path / "place"
    place.symlink_to(folder) if kind == "a link" else place.write_text("mine")
    with pytest.raises(OSError, match=r"link, which regjax never follows: .*place|Not a directory: .*place"):
        commit(place, fill, {"new": True})
    assert place.is_symlink() == (kind == "a link")
    assert kind == "a link" or place.read_text() == "mine"
    assert verify(folder) == FACTS
    assert {path.name for path in tmp_path.iterdir()} == {"whole", "place"}


def test_all_of_a_folder_is_on_the_disk_before_it_has_its_name_and_then_the_name_is(tmp_path, monkeypatch):
    steps = []
    replace, fsync = os.replace, os.fsync

    def synced(descriptor):
        steps.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).relative_to(tmp_path).as_posix())
        fsync(descriptor)

    monkeypatch.setattr("os.fsync", synced)
    monkeypatch.setattr("os.replace", lambda *given: (steps.append("named"), replace(*given)))
    commit(tmp_path / "whole", lambda folder: (folder / "array").write_bytes(b"12345"), FACTS)
    assert steps[-2:] == ["named", "."]
    written = ("", "/array", f"/{MANIFEST}")
    assert set(steps[:-2]) == {f".whole.partial{name}" for name in written}
