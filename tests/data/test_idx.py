"""MNIST and its relatives: four IDX files, from a folder or the network, through TFDS without TensorFlow."""

import os
import re
import shutil
import socket
import sys
from pathlib import Path

import numpy as np
import pytest

from regjax.config import check
from regjax.data import idx
from regjax.data.idx_files import read_idx
from regjax.data.idx_sets import SETS
from regjax.errors import UserError
from tests.data_fixtures import NAMES, NOWHERE, load_under, tiny_arrays, tiny_set
from tests.mirrors import from_folder, mirror
from tests.small import composed


@pytest.fixture
def load_tiny(tmp_path, monkeypatch):
    """Load the set "tiny", registered with files in `files` and the URL given."""

    def load_set(*, url=NOWHERE, manual_dir=None, cache="cache"):
        source = tiny_set(tmp_path / "files", url)
        monkeypatch.setattr(idx, "SETS", {"tiny": source, "mnist": source})
        manual_dir = None if manual_dir is None else str(manual_dir)
        return load_under(tmp_path, "idx", "tiny", manual_dir=manual_dir, cache_dir=str(tmp_path / cache))

    return load_set


@pytest.fixture
def connections(monkeypatch):
    """Every connection and name lookup that is tried, in order."""
    tried = []

    def refuse(*arguments, **options):
        tried.append(arguments)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return tried


def assert_is_tiny(dataset):
    train_images, train_labels, test_images, test_labels = tiny_arrays()
    np.testing.assert_array_equal(dataset.inputs, np.concatenate([train_images, test_images]).reshape(10, 4))
    np.testing.assert_array_equal(dataset.labels, np.concatenate([train_labels, test_labels]))
    assert (dataset.inputs.dtype, dataset.labels.dtype) == (np.uint8, np.int32)
    assert (dataset.num_classes, dataset.test_rows, dataset.pixel_max) == (3, 4, 255)


def test_files_in_a_folder_are_read_in_file_order_in_silence_without_a_connection_or_tensorflow(
    load_tiny, tmp_path, connections, capfd, caplog
):
    assert_is_tiny(load_tiny(manual_dir=tmp_path / "files"))
    assert connections == []
    assert "tensorflow" not in sys.modules
    assert capfd.readouterr() == ("", "")
    assert caplog.messages == []


def test_folders_may_start_at_the_home_folder_and_nothing_is_written_outside_them(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(idx, "SETS", {"tiny": tiny_set(tmp_path / "files")})
    folders = {"manual_dir": "~/files", "data_dir": "~/tfds", "cache_dir": "~/cache"}
    assert_is_tiny(load_under(tmp_path, "idx", "tiny", **folders))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "files", "tfds"]
    assert list((tmp_path / "tfds").glob("*/tiny/*/*.array_record*"))
    assert [path.suffix for path in sorted((tmp_path / "cache" / "data").iterdir())] == [".npz", ".sha256"]


def test_prepared_records_or_cached_arrays_need_no_folder_and_no_network(load_tiny, tmp_path, connections):
    load_tiny(manual_dir=tmp_path / "files")
    assert_is_tiny(load_tiny(cache="another"))
    for path in (tmp_path / "tfds").rglob("*.array_record*"):
        path.unlink()
    assert_is_tiny(load_tiny())
    assert connections == []


def test_a_folder_of_another_set_is_refused_with_the_name_of_that_set(tmp_path):
    mnist = os.environ.get("REGJAX_MNIST_DIR") or pytest.skip("REGJAX_MNIST_DIR does not name MNIST's files")
    with pytest.raises(UserError) as refusal:
        idx.given_files("kmnist", mnist)
    assert "train-images-idx3-ubyte.gz is a file of mnist; use data=mnist" in str(refusal.value)
    assert "Replace" not in str(refusal.value)


def test_missing_files_are_downloaded_beside_those_of_the_folder_and_told_about(load_tiny, tmp_path, capfd):
    (tmp_path / "some").mkdir()
    tiny_set(tmp_path / "files")
    for name in NAMES[:2]:
        (tmp_path / "files" / name).rename(tmp_path / "some" / name)
    with mirror(from_folder(tmp_path / "files")) as (url, asked):
        assert_is_tiny(load_tiny(url=url, manual_dir=tmp_path / "some"))
    assert asked == [f"/{name}" for name in NAMES[2:]]
    folder = tmp_path / "tfds" / "downloads" / "regjax_idx" / "tiny"
    assert capfd.readouterr().err == f"downloading 0.0 MB from {url} to {folder}\n"


def test_files_that_were_downloaded_before_need_no_network_and_are_verified(load_tiny, tmp_path, connections):
    tiny_set(tmp_path / "tfds" / "downloads" / "regjax_idx" / "tiny")
    assert_is_tiny(load_tiny())
    shutil.rmtree(tmp_path / "tfds" / "regjax_idx")
    (download,) = (tmp_path / "tfds" / "downloads").rglob("*train-images*.gz")
    download.write_bytes(b"<html></html>")
    with pytest.raises(UserError, match="wrong SHA-256"):
        load_tiny(cache="another")
    assert connections == []


def test_a_machine_without_network_is_told_the_missing_files_and_the_manual_steps(load_tiny, tmp_path):
    tiny_set(tmp_path / "some")
    (tmp_path / "some" / NAMES[2]).unlink()
    with pytest.raises(UserError, match=rf"\(missing: {NAMES[2]}\)") as refusal:
        load_tiny(manual_dir=tmp_path / "some")
    for part in (*(NOWHERE + name for name in NAMES), "data.name=tiny", "data.manual_dir=FOLDER"):
        assert part in str(refusal.value)


def test_a_folder_that_does_not_exist_is_refused_by_name_even_where_the_set_is_cached(load_tiny, tmp_path):
    load_tiny(manual_dir=tmp_path / "files")
    with pytest.raises(UserError, match=f"data.manual_dir={tmp_path}/gone: no such folder"):
        load_tiny(manual_dir=tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    message = f"data.manual_dir={tmp_path}/empty: it has none of the files of tiny"
    with pytest.raises(UserError, match=message):
        load_tiny(manual_dir=tmp_path / "empty")


@pytest.mark.parametrize("damage", ["flipped", "page", "cut", "another"])
def test_a_wrong_file_in_the_folder_is_refused_with_both_hashes(load_tiny, tmp_path, damage, connections):
    source = tiny_set(tmp_path / "given")
    path = tmp_path / "given" / NAMES[3]
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    damaged = {"flipped": bytes(content), "page": b"<html></html>", "cut": content[:20]}
    path.write_bytes(damaged.get(damage, (tmp_path / "given" / NAMES[1]).read_bytes()))
    with pytest.raises(UserError) as refusal:
        load_tiny(manual_dir=tmp_path / "given")
    for part in (str(path), source.files[3].sha256, "found", "Replace it"):
        assert part in str(refusal.value)
    assert connections == []
    assert not list(tmp_path.rglob("*.array_record*"))


def test_a_full_disk_is_told_with_the_folder_and_the_remedy(load_tiny, tmp_path, monkeypatch):
    def full(builder, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("regjax.data.idx_builder.RegjaxIdx.download_and_prepare", full)
    message = r"data.name=tiny: cannot be prepared in .*No space left.*data.data_dir"
    with pytest.raises(UserError, match=message):
        load_tiny(manual_dir=tmp_path / "files")


@pytest.mark.parametrize("address", ["ftp://host/", "host/", "http:///", "http://host", "http://host/\n/"])
def test_a_mirror_is_an_http_address_that_ends_in_a_slash(address):
    config = composed("data=mnist")
    for config.data.mirror in ("http://host/", "https://host:8080/some/files/"):
        check(config)
    config.data.mirror = address
    with pytest.raises(UserError, match=rf"^data.mirror={re.escape(address)}: must be .* ends in a slash"):
        check(config)


def test_a_mirror_is_refused_where_it_would_not_be_asked():
    with pytest.raises(UserError, match=r"^data.mirror=http://host/: data.source=tfds does not read it"):
        composed("data.mirror='http://host/'", "data=tfds", "data.name=cifar10")


def test_registered_sizes_and_hashes_are_those_of_tfds():
    from tensorflow_datasets.core.download import checksums

    registered = checksums.get_all_url_infos()
    files = [(source.url + file.name, file) for source in SETS.values() for file in source.files]
    assert len(files) == 12
    for url, file in files:
        assert (int(registered[url].size), registered[url].checksum) == (file.size, file.sha256), url


@pytest.mark.slow
def test_real_mnist_has_its_published_rows(tmp_path):
    folder = os.environ.get("REGJAX_MNIST_DIR") or pytest.skip("REGJAX_MNIST_DIR does not name MNIST's files")
    given = idx.given_files("mnist", folder)
    dataset = idx.load_idx("mnist", given=given, data_dir=str(tmp_path), mirror=None)
    assert (dataset.inputs.shape, dataset.test_rows) == ((70_000, 784), 10_000)
    # Counts per class as published with the set.
    train = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    test = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert list(np.bincount(dataset.labels[:60_000])) == train
    assert list(np.bincount(dataset.labels[60_000:])) == test
    images = read_idx(Path(folder) / NAMES[0], (60_000, 28, 28))
    np.testing.assert_array_equal(dataset.inputs[:60_000], images.reshape(60_000, 784))
