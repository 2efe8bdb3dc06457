"""Folders that are whole or not there: each flipped bit, missing, added and linked file is named."""

import os
import random
from pathlib import Path

import pytest

from regjax.saved.manifest import MANIFEST, DamagedError, commit, verify
from tests.finished import DAMAGE, damage, flipped_bit, forge_manifest

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
        with flipped_bit(path, draw), pytest.raises(DamagedError, match=path.name):
            verify(folder)
    verify(folder)


@pytest.mark.parametrize("name", ["metadata", "deep/array", MANIFEST])
@pytest.mark.parametrize("how", DAMAGE)
def test_what_is_gone_or_cut_short_is_named(folder, name, how):
    damage(folder / name, how)
    with pytest.raises(DamagedError, match=(folder / name).name):
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
    with pytest.raises(DamagedError, match=f"{name}: it is a link, and regjax follows no links"):
        verify(folder)


@pytest.mark.parametrize("name", ["/etc/passwd", "../outside", "deep/../../outside"])
def test_names_that_lead_outside_are_refused(folder, name):
    forge_manifest(folder, lambda content: content.update(files={name: "0" * 64}))
    with pytest.raises(DamagedError, match="that lies outside"):
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
