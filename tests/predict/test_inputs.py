"""Rows from users' files: what NumPy writes is read as it is, all else is refused by one message."""

import zipfile

import numpy as np
import pytest

from regjax.errors import UserError
from regjax.predict.inputs import read_rows

ROWS = np.arange(24).reshape(6, 4)


def written(path, array):
    np.save(path, array)
    return path


@pytest.mark.parametrize("kind", ["u1", "i1", "<u2", ">i4", "<i8", "<u8", "<f2", ">f4", "<f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_kind_of_number_is_read_as_numpy_wrote_it(tmp_path, kind, order):
    array = np.asarray(ROWS, kind, order=order)
    np.savez_compressed(tmp_path / "new.npz", array)
    for path in (written(tmp_path / "new.npy", array), tmp_path / "new.npz"):
        np.testing.assert_array_equal(read_rows(path, 4), ROWS)


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 12), (2, 3, 4, 1)])
def test_images_are_flattened_row_by_row(tmp_path, shape):
    found = read_rows(written(tmp_path / "new.npy", np.arange(24).reshape(shape)), 12)
    np.testing.assert_array_equal(found, np.arange(24).reshape(2, 12))


def test_of_several_arrays_it_is_the_one_called_inputs(tmp_path):
    np.savez(tmp_path / "new.npz", labels=np.zeros(6), inputs=ROWS)
    np.testing.assert_array_equal(read_rows(tmp_path / "new.npz", 4), ROWS)
    np.savez(tmp_path / "new.npz", x=ROWS, y=ROWS)
    with pytest.raises(UserError, match=r"it has 2 arrays \(x, y\); one must be called inputs"):
        read_rows(tmp_path / "new.npz", 4)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (ROWS[:, :3], r"3 features \(its shape is \(6, 3\)\), and the network takes 4"),
        (np.zeros((5, 2, 3)), r"6 features \(its shape is \(5, 2, 3\)\), and the network takes 4"),
        (np.zeros(4), r"its shape is \(4,\); it must be rows x features or rows x height x width"),
        (np.zeros((0, 4)), r"its shape is \(0, 4\); it must be rows"),
        (np.zeros((3, 4), "M8[s]"), "its entries are of kind <M8"),
        (np.zeros((3, 4), "U3"), "its entries are of kind <U3"),
        (np.zeros((3, 4), complex), "its entries are of kind <c16"),
        (np.zeros((3, 4), [("a", "f4")]), r"its entries are of kind \|V4"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused(tmp_path, array, message):
    with pytest.raises(UserError, match=message) as refused:
        read_rows(written(tmp_path / "new.npy", array), 4)
    assert str(refused.value).startswith(f"--input={tmp_path / 'new.npy'}: ")


@pytest.mark.parametrize("entry", [np.nan, np.inf, -np.inf, 1e39])
@pytest.mark.parametrize("row", [0, 5000])
def test_a_row_that_is_not_finite_is_named(tmp_path, entry, row):
    rows = np.zeros((5001, 2))
    rows[row, 1] = entry
    with pytest.raises(UserError) as refused:
        read_rows(written(tmp_path / "new.npy", rows), 2)
    assert f"new.npy: row {row}, column 1 (both counted from 0) is {entry};" in str(refused.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "neither a .npz nor a .npy file; write one with np.savez"),
        (b"a,b\n1,2\n", "neither a .npz nor a .npy"),
        (b"\x80\x04\x95pickled", "neither a .npz nor a .npy"),
        (b"\x93NUMPY\x02\x00", "it cannot be read"),
        (b"PK\x05\x06" + bytes(18), "it has 0 arrays; one must be called inputs"),  # an empty archive
    ],
)
def test_files_of_other_kinds_are_refused(tmp_path, content, message):
    (tmp_path / "new.npz").write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_rows(tmp_path / "new.npz", 4)


@pytest.mark.parametrize(
    ("name", "found"), [("absent.npz", "there is no such file"), (".", "it is a folder; name a file in it")]
)
def test_a_file_that_is_not_there_is_named(tmp_path, name, found):
    with pytest.raises(UserError, match=f"--input={tmp_path / name}: {found}"):
        read_rows(tmp_path / name, 4)


def test_any_damage_is_refused_in_words_or_leaves_the_numbers(tmp_path):
    np.savez_compressed(tmp_path / "new.npz", inputs=ROWS.astype(np.float32))
    whole = (tmp_path / "new.npz").read_bytes()
    draw = np.random.default_rng(0)
    refused = 0
    for _ in range(600):
        content = bytearray(whole)
        content[draw.integers(len(whole))] ^= 1 << draw.integers(8)
        (tmp_path / "new.npz").write_bytes(content[: draw.choice([len(whole), draw.integers(len(whole))])])
        try:
            np.testing.assert_array_equal(read_rows(tmp_path / "new.npz", 4), ROWS)
        except UserError:
            refused += 1
    assert refused > 400


def test_a_size_that_a_header_makes_up_is_refused_before_it_is_taken(tmp_path):
    header = {"descr": "<f8", "fortran_order": False, "shape": (10**12, 4)}
    with (tmp_path / "new.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(UserError, match=r"takes 32000000000000 bytes; at most 4294967296 are allowed"):
        read_rows(tmp_path / "new.npy", 4)
    np.save(tmp_path / "short.npy", np.zeros((10_000, 4)))
    with zipfile.ZipFile(tmp_path / "new.npz", "w") as archive:
        archive.writestr("inputs.npy", (tmp_path / "short.npy").read_bytes()[: 128 + 64])
    with pytest.raises(UserError, match=r"takes 320000 bytes, but the file has 64"):
        read_rows(tmp_path / "new.npz", 4)
