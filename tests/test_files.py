"""Files are replaced in one step, whatever a killed or hostile process has left there."""

import os

import pytest

from regjax.files import remove, replacing


def left(path, kind, victim):
    """Creates something at a path: a file, a folder with a file, a pipe, or a link into `victim`."""
    match kind:
        case "file":
            path.write_text("old")
        case "folder":
            path.mkdir()
            (path / "old").touch()
        case "pipe":
            os.mkfifo(path)
        case "link to a file":
            path.symlink_to(victim / "keep.txt")
        case "link to a folder":
            path.symlink_to(victim)
        case "link to nothing":
            path.symlink_to(victim / "new.txt")


KINDS = ["file", "folder", "pipe", "link to a file", "link to a folder", "link to nothing"]


@pytest.fixture
def victim(tmp_path):
    folder = tmp_path / "victim"
    folder.mkdir()
    (folder / "keep.txt").write_text("mine")
    yield folder
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"keep.txt": "mine"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_leftover_of_any_kind_gives_way(tmp_path, victim, kind):
    left(tmp_path / ".new.csv.partial", kind, victim)
    with replacing(tmp_path / "new.csv") as file:
        file.write("new")
    assert (tmp_path / "new.csv").read_text() == "new"
    assert {path.name for path in tmp_path.iterdir()} == {"victim", "new.csv"}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_removed_is_gone_and_what_it_leads_to_is_not(tmp_path, victim, kind):
    left(tmp_path / "old", kind, victim)
    remove(tmp_path / "old")
    remove(tmp_path / "old")
    assert {path.name for path in tmp_path.iterdir()} == {"victim"}


def test_a_link_in_the_place_of_a_file_is_replaced_itself(tmp_path, victim):
    left(tmp_path / "new.csv", "link to a file", victim)
    with replacing(tmp_path / "new.csv", "xb") as file:
        file.write(b"new")
    assert not (tmp_path / "new.csv").is_symlink()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_where_something_fails_the_old_file_stays_and_nothing_is_left(tmp_path, error):
    (tmp_path / "new.csv").write_text("old")

    def fail():
        with replacing(tmp_path / "new.csv") as file:
            file.write("half")
            raise error

    with pytest.raises(type(error)) as raised:
        fail()
    assert getattr(raised.value, "filename", None) in (None, str(tmp_path / "new.csv"))
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"new.csv": "old"}


def test_a_folder_in_the_place_of_a_file_is_named_and_stays(tmp_path):
    left(tmp_path / "new.csv", "folder", tmp_path)
    with pytest.raises(OSError, match=r"directory: .*/new\.csv"), replacing(tmp_path / "new.csv") as file:
        file.write("new")
    assert [path.name for path in tmp_path.rglob("*")] == ["new.csv", "old"]
