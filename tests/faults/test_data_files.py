"""Data files that are damaged or hostile: refused by name, in bounded memory, and nothing in them is run."""

import gzip
import os
import pickle
import re
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from regjax.data import cache, idx
from regjax.data.idx_files import read_idx
from regjax.errors import UserError
from regjax.files import sha256
from tests.data_fixtures import idx_bytes, load_under, table, tiny_set

MEGABYTE = 1 << 20
RECORDS = "regjax_idx-train.array_record-00000-of-00001"
KEPT = table([5, 5], test_rows=2)


@pytest.fixture
def kept(tmp_path):
    """A cached dataset's file."""
    cache.through_cache(tmp_path / "cache", "set-1.0", lambda: KEPT, name="set")
    return tmp_path / "cache" / "set-1.0.npz"


@pytest.fixture
def peak():
    """The most memory that Python and NumPy have held since the test began to call it."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


def read(path):
    return cache.through_cache(path.parent, "set-1.0", pytest.fail, name="set")


def vouch(path):
    cache.hash_path(path).write_text(f"{sha256(path)}  {path.name}\n")


class Canary:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_zip_bomb_is_refused_in_little_memory(kept, peak):
    with (
        zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as members,
        members.open("inputs.npy", "w", force_zip64=True) as file,
    ):
        for _ in range(64):
            file.write(bytes(MEGABYTE))
    vouch(kept)
    assert kept.stat().st_size < MEGABYTE
    tracemalloc.reset_peak()
    with pytest.raises(UserError, match="its parts are larger than the file"):
        read(kept)
    assert peak() < 4 * MEGABYTE


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_what_is_no_file_is_refused_and_not_waited_for(kept, make):
    kept.unlink()
    make(kept)
    with pytest.raises(UserError, match=rf"^{kept}: not a file\. Delete"):
        read(kept)


def test_a_hash_that_cannot_be_read_is_refused_with_another_cache_as_the_remedy(kept):
    path = cache.hash_path(kept)
    path.unlink()
    path.mkdir()
    told = f"{path}: the decoded data cannot be read (Is a directory). Name another folder with cache_dir="
    with pytest.raises(UserError, match=f"^{re.escape(told)}"):
        read(kept)


@pytest.mark.parametrize("content", [b"", b"\x1b[2J" + bytes(2**20), b"A" * 64])
def test_a_hash_that_is_none_is_refused(kept, content):
    path = cache.hash_path(kept)
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"^{kept}: wrong SHA-256\.[^\0\x1b]*\nDelete the file") as refusal:
        read(kept)
    assert f"found    {sha256(kept)}" in str(refusal.value)


def test_a_gzip_bomb_is_refused_in_little_memory(tmp_path, peak):
    start = idx_bytes(np.zeros((2, 3), np.uint8))
    (tmp_path / "bomb.gz").write_bytes(start + gzip.compress(bytes(64 * MEGABYTE)))
    assert (tmp_path / "bomb.gz").stat().st_size < MEGABYTE
    tracemalloc.reset_peak()
    with pytest.raises(UserError, match="expected 6 bytes after the header, found more"):
        read_idx(tmp_path / "bomb.gz", (2, 3))
    assert peak() < 4 * MEGABYTE


@pytest.mark.parametrize("kind", ["pickle", "object array"])
def test_a_pickle_is_refused_and_not_run(kept, tmp_path, kind):
    canary = tmp_path / "canary"
    pickled = pickle.dumps([Canary(canary)])
    if kind == "pickle":
        kept.write_bytes(pickled)
    else:
        parts = {field: value for field, value in KEPT._asdict().items() if value is not None}
        np.savez(kept, **parts | {"inputs": np.array([Canary(canary)], object)})
    vouch(kept)
    reason = "File is not a zip file" if kind == "pickle" else "Object arrays cannot be loaded"
    with pytest.raises(UserError, match=rf"not a cached dataset \({reason}"):
        read(kept)
    (tmp_path / "pickle.gz").write_bytes(gzip.compress(pickled))
    with pytest.raises(UserError, match="expected the IDX header"):
        read_idx(tmp_path / "pickle.gz", (2, 2))
    assert not canary.exists()
    pickle.loads(pickled)
    assert canary.exists()


@pytest.mark.parametrize(
    ("name", "damage", "reason"),
    [
        ("dataset_info.json", lambda content: b"<html></html>", ""),
        ("dataset_info.json", lambda content: content.replace(b'"6"', b'"5"'), "9 rows with 4 test rows"),
        ("dataset_info.json", lambda content: content.replace(b'"6"', b'"7"'), "out of bound"),
        (RECORDS, lambda content: b"<html></html>", ""),
        (RECORDS, lambda content: content[: len(content) // 2], ""),
    ],
)
def test_damage_in_the_prepared_folder_is_refused_with_the_folder_to_delete(
    tmp_path, monkeypatch, name, damage, reason
):
    monkeypatch.setattr(idx, "SETS", {"tiny": tiny_set(tmp_path / "files")})
    load_under(tmp_path, "idx", "tiny", manual_dir=str(tmp_path / "files"))
    path = tmp_path / "tfds" / "regjax_idx" / "tiny" / "1.0.0" / name
    content = path.read_bytes()
    path.write_bytes(damage(content))
    assert path.read_bytes() != content
    refusal = rf"^{path.parent}: its files are damaged \(.*{reason}.*\)\. Delete the folder"
    with pytest.raises(UserError, match=refusal):
        load_under(tmp_path, "idx", "tiny", cache_dir=str(tmp_path / "another"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (idx_bytes(np.zeros((2, 3), np.uint8))[:-9], "not a complete gzip file"),
        (b"<html></html>", "not a complete gzip file"),
        (b"", "found nothing"),
        (idx_bytes(np.zeros((2, 3), np.uint8), magic=b"\0\0\x0d\2"), "found 00000d02 00000002 00000003"),
        (idx_bytes(np.zeros((3, 2), np.uint8)), "header 00000802 0+2 0+3, found 00000802 0+3 0+2"),
        (idx_bytes(np.zeros((1, 3), np.uint8), sizes=(2, 3)), "expected 6 bytes after the header, found 3"),
    ],
)
def test_damaged_idx_files_are_refused_by_path_and_reason(tmp_path, content, message):
    path = tmp_path / "file.gz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"^{path}: .*{message}.*Delete the file"):
        read_idx(path, (2, 3))
