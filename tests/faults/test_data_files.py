"""Data files that are damaged or hostile: refused by name, in bounded memory, and nothing in them is run."""

import gzip
import hashlib
import io
import os
import pickle
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from regjax.data import cache, idx
from regjax.data.idx_files import read_idx
from regjax.errors import UserError
from tests.data_fixtures import NAMES, idx_bytes, put_vouched, table, tiny_arrays, tiny_set

MEGABYTE = 1 << 20
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


def archive(compression=zipfile.ZIP_STORED, **replaced):
    """A cached dataset whose parts are replaced, by raw bytes or by arrays."""
    buffer = io.BytesIO()
    parts = {field: value for field, value in KEPT._asdict().items() if value is not None} | replaced
    with zipfile.ZipFile(buffer, "w", compression) as members:
        for name, part in parts.items():
            array = io.BytesIO()
            if not isinstance(part, bytes):
                np.save(array, np.asarray(part))
            members.writestr(f"{name}.npy", part if isinstance(part, bytes) else array.getvalue())
    return buffer.getvalue()


def npy_header(shape):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"shape": shape, "fortran_order": False, "descr": "|u1"})
    return header.getvalue()


class Canary:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_the_archive_of_these_tests_is_read_where_nothing_in_it_is_wrong(kept):
    put_vouched(kept, archive())
    np.testing.assert_array_equal(read(kept).inputs, KEPT.inputs)


def test_a_zip_bomb_is_refused_in_little_memory(kept, peak):
    with (
        zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as members,
        members.open("inputs.npy", "w", force_zip64=True) as file,
    ):
        file.write(npy_header((64 * MEGABYTE, 1)))
        for _ in range(64):
            file.write(bytes(MEGABYTE))
    put_vouched(kept, kept.read_bytes())
    assert kept.stat().st_size < MEGABYTE
    tracemalloc.reset_peak()
    with pytest.raises(UserError, match="its parts are larger than the file"):
        read(kept)
    assert peak() < 4 * MEGABYTE


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_what_is_no_file_is_refused_and_not_waited_for(kept, tmp_path, monkeypatch, make):
    kept.unlink()
    make(kept)
    with pytest.raises(UserError, match=rf"^{kept}: not a file\. Delete"):
        read(kept)
    monkeypatch.setattr(idx, "SETS", {"tiny": tiny_set(tmp_path / "files", "http://127.0.0.1:9/")})
    (tmp_path / "files" / NAMES[0]).unlink()
    make(tmp_path / "files" / NAMES[0])
    with pytest.raises(UserError, match=rf"{NAMES[0]}: not a file\. Replace it by the file at http"):
        idx.given_files("tiny", str(tmp_path / "files"))


def test_a_folder_in_place_of_the_hash_is_refused(kept):
    path = cache.hash_path(kept)
    path.unlink()
    path.mkdir()
    with pytest.raises(UserError, match=rf"^{path}: the decoded data cannot be read \(Is a directory\)"):
        read(kept)


@pytest.mark.parametrize("content", [b"", b"\x1b[2J" + bytes(2**20), b"A" * 64])
def test_a_hash_that_is_none_is_refused(kept, content):
    path = cache.hash_path(kept)
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"^{kept}: wrong SHA-256\.[^\0\x1b]*\nDelete the file") as refusal:
        read(kept)
    assert f"found    {hashlib.sha256(kept.read_bytes()).hexdigest()}" in str(refusal.value)


def pickled(canary):
    return pickle.dumps([canary])


def object_array(canary):
    return archive(inputs=np.array([canary], object))


@pytest.mark.parametrize("content", [pickled, object_array])
def test_a_pickle_is_refused_and_not_run(kept, tmp_path, content):
    put_vouched(kept, content(Canary(tmp_path / "canary")))
    with pytest.raises(UserError, match="not a cached dataset"):
        read(kept)
    (tmp_path / "pickle.gz").write_bytes(gzip.compress(pickled(Canary(tmp_path / "canary"))))
    with pytest.raises(UserError, match="expected the IDX header"):
        read_idx(tmp_path / "pickle.gz", (2, 2))
    assert not (tmp_path / "canary").exists()
    pickle.loads(pickled(Canary(tmp_path / "canary")))
    assert (tmp_path / "canary").exists()


def test_a_gzip_bomb_is_refused_in_little_memory(tmp_path, peak):
    start = idx_bytes(np.zeros((2, 3), np.uint8))
    (tmp_path / "bomb.gz").write_bytes(start + gzip.compress(bytes(64 * MEGABYTE)))
    assert (tmp_path / "bomb.gz").stat().st_size < MEGABYTE
    tracemalloc.reset_peak()
    with pytest.raises(UserError, match="expected 6 bytes after the header, found more"):
        read_idx(tmp_path / "bomb.gz", (2, 3))
    assert peak() < 4 * MEGABYTE


DAMAGE = {
    "dataset_info.json": [b"", b"<html></html>", b'{"version": "1.0', b"\xff\xfe"],
    "regjax_idx-train.array_record-00000-of-00001": [b"", b"<html></html>"],
}


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """The folder of a prepared set, and how it is loaded from there."""
    monkeypatch.setattr(idx, "SETS", {"tiny": tiny_set(tmp_path / "files", "http://127.0.0.1:9/")})

    def load():
        given = idx.given_files("tiny", str(tmp_path / "files"))
        return idx.load_idx("tiny", given=given, data_dir=str(tmp_path / "tfds"), mirror=None)

    load()
    return tmp_path / "tfds" / "regjax_idx" / "tiny" / "1.0.0", load


@pytest.mark.parametrize(("name", "content"), [(name, each) for name in DAMAGE for each in DAMAGE[name]])
def test_damage_in_the_prepared_folder_is_refused_with_the_folder_to_delete(prepared, name, content):
    folder, load = prepared
    assert (folder / name).exists()
    (folder / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"^{folder}: its files are damaged \(.*\)\. Delete the folder"):
        load()


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_cut_records_are_refused(prepared, share):
    folder, load = prepared
    (path,) = folder.glob("*train*")
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(UserError, match=rf"^{folder}: its files are damaged"):
        load()


@pytest.mark.parametrize(("train", "found"), [(5, "9 rows with 4 test rows"), (7, "out of bound")])
def test_another_count_of_rows_than_the_set_has_is_refused(prepared, train, found):
    folder, load = prepared
    assert len(tiny_arrays()[0]) == 6
    info = folder / "dataset_info.json"
    changed = info.read_text().replace('"6"', f'"{train}"')
    assert changed != info.read_text()
    info.write_text(changed)
    with pytest.raises(UserError, match=rf"^{folder}: its files are damaged \(.*{found}.*Delete the folder"):
        load()
