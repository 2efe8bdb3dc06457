"""The cache of decoded arrays: written whole, verified when read, never executed."""

from pathlib import Path

import numpy as np
import pytest

from regjax.data import cache
from regjax.errors import UserError
from regjax.files import sha256
from tests.data_fixtures import table


def through_cache(folder, build, key="set-1.0"):
    return cache.through_cache(folder, key, build, name="set")


def cached(folder: Path, dataset=None) -> Path:
    through_cache(folder, lambda: dataset or table([5, 5], test_rows=2))
    return folder / "set-1.0.npz"


@pytest.mark.parametrize("pixel_max", [None, 16])
def test_a_cached_dataset_is_read_back_whole_without_building(tmp_path, pixel_max):
    shape = (1, 1, table([5, 5]).inputs.shape[1]) if pixel_max else None
    dataset = table([5, 5], test_rows=2)._replace(pixel_max=pixel_max, image_shape=shape)
    cached(tmp_path, dataset)
    again = through_cache(tmp_path, pytest.fail)
    for field, value, read in zip(dataset._fields, dataset, again, strict=True):
        np.testing.assert_array_equal(read, value, err_msg=field)
        assert type(read) is type(value)
    assert again.inputs.dtype == dataset.inputs.dtype


def test_images_that_were_cached_without_their_shape_are_read_anew(tmp_path):
    cached(tmp_path, table([5, 5], test_rows=2)._replace(pixel_max=16))
    image = table([5, 5], test_rows=2)._replace(pixel_max=16, image_shape=(1, 1, 1))
    assert through_cache(tmp_path, lambda: image) is image


def test_another_key_is_another_dataset_and_cannot_leave_the_folder(tmp_path):
    cached(tmp_path / "cache")
    other = table([3, 3])
    assert through_cache(tmp_path / "cache", lambda: other, "tfds-../../escaped/x") is other
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
    assert all(path.is_file() for path in (tmp_path / "cache").iterdir())


def test_beside_the_arrays_is_only_a_hash_file_that_sha256sum_checks(tmp_path):
    path = cached(tmp_path)
    digest, name = path.with_name(f"{path.name}.sha256").read_text().split()
    assert (digest, name) == (sha256(path), path.name)
    assert sorted(file.name for file in tmp_path.iterdir()) == [path.name, f"{path.name}.sha256"]


def test_a_failed_write_leaves_no_file_and_names_the_remedy(tmp_path, monkeypatch):
    def full(file, **arrays):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(UserError, match=r"No space left on device.*cache_dir=FOLDER"):
        cached(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["flipped", "cut", "page"])
def test_a_damaged_file_is_refused_with_both_hashes_and_the_remedy(tmp_path, damage):
    path = cached(tmp_path)
    expected = sha256(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes({"flipped": content, "cut": content[:100], "page": b"<html></html>"}[damage])
    with pytest.raises(UserError, match="wrong SHA-256") as refusal:
        through_cache(tmp_path, pytest.fail)
    for part in (str(path), expected, sha256(path), "Delete the file"):
        assert part in str(refusal.value)


def test_arrays_without_their_hash_are_not_trusted_but_made_again(tmp_path):
    path = cached(tmp_path)
    path.with_name(f"{path.name}.sha256").unlink()
    fresh = table([4, 4])
    assert through_cache(tmp_path, lambda: fresh) is fresh
    np.testing.assert_array_equal(through_cache(tmp_path, pytest.fail).inputs, fresh.inputs)
