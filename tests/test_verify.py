"""`python -m regjax.verify` reports every saved folder as whole or damaged."""

import pytest

from regjax.saved.manifest import commit
from regjax.verify import main


@pytest.fixture
def sweep(tmp_path):
    for place in ("0/checkpoints/selected", "1/checkpoints/selected", "checkpoints/states/0-1"):
        commit(tmp_path / place, lambda folder: (folder / "array").write_bytes(b"12345"), {})
    return tmp_path


def test_whole_folders_are_reported_and_give_0(sweep, capsys):
    assert main([str(sweep)]) == 0
    assert capsys.readouterr().out.count(": whole\n") == 3


@pytest.mark.parametrize("name", ["array", "manifest.json"])
def test_a_damaged_folder_is_named_and_gives_1(sweep, capsys, name):
    file = sweep / "1" / "checkpoints" / "selected" / name
    file.unlink()
    assert main([str(sweep)]) == 1
    out = capsys.readouterr().out
    assert f"DAMAGED: {file}: it is missing" in out
    assert out.count(": whole\n") == 2


def test_a_folder_without_saved_files_is_an_error(tmp_path, capsys):
    assert main([str(tmp_path)]) == 1
    assert f"error: {tmp_path}: nothing is saved there" in capsys.readouterr().err


def test_a_folder_that_is_missing_is_named_beside_one_that_is_whole(sweep, capsys):
    assert main([str(sweep), "/nothing/here"]) == 1
    captured = capsys.readouterr()
    assert "whole" in captured.out
    assert "error: /nothing/here: no such folder" in captured.err
