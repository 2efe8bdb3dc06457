"""Files that somebody made to do harm: refused in one line, nothing of them executed, memory bounded."""

import functools
import json
import os
import pickle
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from regjax.predict import __main__
from regjax.runs.directory import SUMMARY
from regjax.runs.manifest import MANIFEST, SELECTED
from regjax.runs.summary import read_summary
from tests.finished import finished, forge, forge_summary

ROWS = np.zeros((3, 7))
KERNEL = SELECTED / "variables.params.dense_0.kernel"


class Bait:
    """Pickled, it makes a file where it is loaded."""

    def __reduce__(self):
        return (os.mkdir, ("canary",))


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A finished run `run`, rows `new.npy`, as the working folder; nothing may make a `canary` there."""
    finished(tmp_path / "run", "model.dropout=0.2", "model.norm=batch")
    np.save(tmp_path / "new.npy", ROWS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(capsys, *, rows="new.npy"):
    """What is said on the one line of a refusal, after which there is no table and no canary."""
    code = __main__.main(["run", "--input", rows, "--output", "out.csv"])
    out, err = capsys.readouterr()
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("error: ")
    assert not Path("out.csv").exists()
    assert not Path("canary").exists()
    return err


def test_an_honest_run_is_not_refused(place, capsys):
    assert __main__.main(["run", "--input", "new.npy", "--output", "out.csv"]) == 0


@pytest.mark.parametrize("name", ["bait.npy", "bait.npz", "bait.pkl"])
def test_pickles_are_never_loaded(place, capsys, name):
    bait = np.asarray([[Bait()]], dtype=object)
    if name == "bait.npy":
        np.save(name, bait)
    elif name == "bait.npz":
        np.savez(name, inputs=bait)
    else:
        Path(name).write_bytes(pickle.dumps(Bait()))
    with pytest.raises(FileExistsError):  # the bait works
        os.mkdir("canary"), pickle.loads(pickle.dumps(Bait()))
    os.rmdir("canary")
    said = refused(capsys, rows=name)
    assert "of kind |O" in said or "neither a .npz nor a .npy" in said


def bomb(path: str, rows: int, content: int) -> None:
    """A small .npz that unpacks to so many bytes, for an array that has so many rows."""
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({rows}, 7), }}"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("inputs.npy", "w") as file:
        file.write(b"\x93NUMPY\x01\x00\x76\x00" + header.ljust(117).encode() + b"\n")
        for _ in range(content // 2**20):
            file.write(bytes(2**20))


@pytest.mark.parametrize(
    ("rows", "message"),
    [(2**30, "takes 7516192768 bytes, and may take 4294967296"), (2**23, "takes 58720256 bytes of 67108864")],
)
def test_a_zip_bomb_is_refused_before_it_unpacks(place, capsys, rows, message):
    bomb("bomb.npz", rows, 2**26)
    tracemalloc.start()
    assert message in refused(capsys, rows="bomb.npz")
    assert tracemalloc.get_traced_memory()[1] < 2**25
    tracemalloc.stop()


def test_a_member_that_unpacks_to_more_than_it_says_is_cut_off(place, capsys):
    bomb("bomb.npz", 3, 2**26)
    content = Path("bomb.npz").read_bytes()
    size = (2**26 + 128).to_bytes(4, "little")
    assert content.count(size) == 2  # before the member, and in the archive's directory
    Path("bomb.npz").write_bytes(content.replace(size, (21 + 128).to_bytes(4, "little")))
    tracemalloc.start()
    assert "Bad CRC-32" in refused(capsys, rows="bomb.npz")
    assert tracemalloc.get_traced_memory()[1] < 2**25
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("_target_", "os.system"),
        ("_target_", "builtins.open"),
        ("model._target_", "pathlib.Path.write_text"),
        ("data._target_", "numpy.load"),
        ("optimizer._partial_", "functools.partial"),
        ("model.droput", 0.2),
        ("model", {"_target_": "os.mkdir", "_args_": ["canary"]}),
        ("model.dropout", {"_target_": "os.mkdir", "_args_": ["canary"]}),
        ("model.hidden", [{"_target_": "os.mkdir", "_args_": ["canary"]}]),
        ("model.activation", "!!python/object/apply:os.mkdir [canary]"),
        ("cache_dir", "${oc.env:HOME}"),
        ("data.name", "${oc.create:'!!python/object/apply:os.mkdir [canary]'}"),
        ("seed", 10**400),
        ("penalty.l1", 10**400),
        ("model.hidden", [[9]]),
        ("model.dropout", float("nan")),
        ("precision", None),
    ],
)
def test_a_configuration_holds_known_keys_and_plain_values(place, capsys, key, value):
    summary = read_summary(place / "run")
    changed = {"config": summary["config"] | {key: value}}
    forge_summary(place / "run", json.dumps(summary | changed))
    modules = set(sys.modules)
    assert refused(capsys).startswith(f"error: {key}")
    assert not {
        name for name in set(sys.modules) - modules if name.split(".")[0] in ("pathlib", "subprocess")
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "!!python/object/apply:os.mkdir [canary]",
        "[" * 100_000,
        '{"status": "done"}',
        "\x00",
    ],
)
def test_a_summary_that_is_none_is_refused(place, capsys, text):
    forge_summary(place / "run", text)
    assert "summary.json" in refused(capsys)


def test_what_a_summary_says_moves_no_cursor(place, capsys):
    summary = read_summary(place / "run")
    changed = {"status": "failed", "reason": "\x1b[2J\nall is well"}
    forge_summary(place / "run", json.dumps(summary | changed))
    assert r"\x1b[2J\nall is well" in refused(capsys)


@pytest.mark.parametrize(
    "part", [KERNEL / "0.0", KERNEL / ".zarray", KERNEL, SELECTED, SELECTED.parent, SELECTED / MANIFEST]
)
def test_links_in_a_checkpoint_are_refused(place, capsys, part):
    (place / "run" / part).rename(place / "elsewhere")
    (place / "run" / part).symlink_to(place / "elsewhere")
    assert f"{part}: it is a link, which is never followed" in refused(capsys)


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../outside", "variables.params.dense_0.kernel/../../../outside"]
)
def test_a_manifest_that_names_files_outside_is_refused(place, capsys, name):
    forge(place / "run", lambda content: content["files"].update({name: "0" * 64}))
    assert f"it names {name}, which lies outside" in refused(capsys)


def test_a_fifo_is_not_waited_for(place, capsys):
    os.mkfifo(place / "run" / KERNEL / "pipe")
    assert "pipe: it is neither a file nor a folder" in refused(capsys)


def forged_zarray(place, **entries):
    path = place / "run" / KERNEL / ".zarray"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))
    forge(place / "run", lambda content: None)


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("shape", [2**31 - 1]),
        ("shape", [7, 2**31 - 1]),
        ("chunks", [10**6, 10**6]),
        ("chunks", [1, 1]),
        ("dtype", "|O"),
        ("dtype", "<f8"),
        ("compressor", {"id": "zstd", "level": 1}),
        ("filters", [{"id": "pickle"}]),
        ("order", "F"),
    ],
)
def test_a_forged_array_is_refused_before_it_is_taken(place, capsys, entry, value):
    forged_zarray(place, **{entry: value})
    said = refused(capsys)
    assert f".zarray: its {entry} is" in said
    assert "Restore the folder from a copy, or train again: python train.py" in said


def test_an_array_and_a_configuration_that_agree_on_too_much_are_refused(place, capsys):
    width = 2**31 - 1
    path = place / "run" / SUMMARY
    forge_summary(place / "run", path.read_text().replace("\n      9\n", f"\n      {width}\n"))

    def widen(content):
        leaves = json.dumps(content["facts"]["leaves"])
        content["facts"]["leaves"] = json.loads(
            leaves.replace("[9", f"[{width}").replace(", 9]", f", {width}]")
        )

    forge(place / "run", widen)
    assert "bytes, and may have 17179869184" in refused(capsys)


@pytest.mark.parametrize("facts", [{}, {"num_features": True}, {"num_features": -7},
                                   {"num_features": "7"}, {"num_features": 2**31 - 1}, {"leaves": 5},
                                   {"leaves": [5]}, {"leaves": []}, {"pixel_max": "canary"}])  # fmt: skip
def test_facts_that_no_run_writes_are_refused(place, capsys, facts):
    def change(content):
        content["facts"] = content["facts"] | facts if facts else {}

    forge(place / "run", change)
    assert "it is not used" in refused(capsys)


def test_bytes_that_are_more_or_fewer_are_refused(place, capsys):
    path = place / "run" / KERNEL / "0.0"
    path.write_bytes(path.read_bytes() + bytes(2**20))
    forge(place / "run", lambda content: None)
    assert "0.0: it has 1048828 bytes, expected 252" in refused(capsys)


def test_a_file_more_or_fewer_is_refused(place, capsys):
    (place / "run" / SELECTED / "stranger.pkl").write_bytes(pickle.dumps(Bait()))
    forge(place / "run", lambda content: content["files"].update({"stranger.pkl": "0" * 64}))
    assert "stranger.pkl: the manifest lists it, where it does not belong" in refused(capsys)
    forge(place / "run", functools.partial(drop, names=("stranger.pkl", "_METADATA")))
    assert "_METADATA: the manifest does not list it" in refused(capsys)


def drop(content, names):
    for name in names:
        content["files"].pop(name)


def test_what_orbax_would_believe_is_not_read(place, capsys):
    (place / "run" / SELECTED / "_METADATA").write_text('{"tree_metadata": {"_target_": "os.system"}}')
    forge(place / "run", lambda content: None)
    assert __main__.main(["run", "--input", "new.npy", "--output", "out.csv"]) == 0
