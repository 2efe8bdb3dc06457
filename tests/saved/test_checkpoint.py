"""What a run selected, and saved lanes, are restored bit by bit or refused by name."""

import errno
import os
import subprocess
import sys

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file

from regjax.data.dataset import Scaling
from regjax.saved import checkpoint
from regjax.saved.checkpoint import Selected
from regjax.saved.manifest import SELECTED, DamagedError
from regjax.training.state import Variables
from tests.commands import with_files_up_to
from tests.small import ROOT

FACTS = {"num_features": 7, "num_classes": 3, "pixel_max": None}
PLACE = SELECTED / "parameters.safetensors"


def selected(seed=0, *, norm=True):
    random = np.random.default_rng(seed)

    def floats(*shape):
        return random.normal(size=shape).astype(np.float32)

    params = {"dense_0": {"kernel": floats(7, 5), "bias": floats(5)}, "dense_1": {"kernel": floats(5, 3)}}
    batch_stats = {"norm_0": {"mean": floats(5), "var": floats(5)}} if norm else {}
    return Selected(Variables(params, batch_stats), Scaling(floats(7), floats(7)))


def assert_same_bits(first, second):
    assert jax.tree.structure(first) == jax.tree.structure(second)
    for one, other in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("norm", [True, False])
def test_variables_are_restored_bit_by_bit(tmp_path, norm):
    saved = selected(norm=norm)
    checkpoint.save_selected(tmp_path, saved, FACTS)
    assert_same_bits(checkpoint.restore_selected(tmp_path, selected(1, norm=norm)), saved)


def test_a_later_attempt_overwrites_the_earlier_one(tmp_path):
    checkpoint.save_selected(tmp_path, selected(0, norm=False), FACTS)
    checkpoint.save_selected(tmp_path, selected(1), FACTS | {"num_classes": 4})
    assert_same_bits(checkpoint.restore_selected(tmp_path, selected(2)), selected(1))
    assert checkpoint.selected_facts(tmp_path)["num_classes"] == 4


def with_kernels(change):
    """All kernels changed; the first one is told."""
    template = selected(1)
    for layer in template.variables.params.values():
        layer["kernel"] = change(layer["kernel"])
    return template


@pytest.mark.parametrize(
    ("saved", "template", "told"),
    [
        (
            True,
            with_kernels(lambda kernel: kernel[:, :4]),
            r"params\.dense_0\.kernel is F\[7, 5\], and F\[7, 4\]",
        ),
        (True, with_kernels(np.float64), r"params\.dense_0\.kernel is F\[7, 5\], and float64\[7, 5\]"),
        (False, selected(), r"batch_stats\.norm_0\.mean is missing, and F\[5\]"),
        (True, selected(norm=False), r"batch_stats\.norm_0\.mean is F\[5\], and missing"),
    ],
    ids=["shape", "dtype", "missing", "more"],
)
def test_the_first_leaf_that_differs_is_named(tmp_path, saved, template, told):
    checkpoint.save_selected(tmp_path, selected(norm=saved), FACTS)
    message = rf"{PLACE}: variables\.{told} in this program".replace("F", "float32")
    with pytest.raises(DamagedError, match=message):
        checkpoint.restore_selected(tmp_path, template)


def test_what_is_not_finite_is_refused(tmp_path):
    broken = selected()
    broken.scaling.scale[3] = np.nan
    checkpoint.save_selected(tmp_path, broken, FACTS)
    with pytest.raises(DamagedError, match=r"scaling\.scale has an entry that is not finite"):
        checkpoint.restore_selected(tmp_path, selected())


@pytest.mark.parametrize("order", ["C", "F", "every second", "backwards"])
def test_lanes_of_every_dtype_are_restored_bit_by_bit_however_they_lie_in_memory(tmp_path, order):
    """safetensors 0.8 writes the memory of an array in another order as if it were in C order."""
    draw = np.random.default_rng(0)

    def array(*shape, dtype):
        numbers = draw.integers(0, 2**31, (*shape[:-1], 2 * shape[-1])).astype(dtype)
        if order == "every second":
            return numbers[..., ::2]
        ordered = np.array(numbers[..., : shape[-1]], order="F" if order == "F" else "C")
        return ordered[::-1] if order == "backwards" else ordered

    kinds = ("bool", "int32", "uint32", "float32", "float64")
    state = {kind: [array(3, 4, 2, dtype=kind), array(3, dtype=kind)] for kind in kinds}
    checkpoint.save_lanes(tmp_path / "lanes", state, {})
    assert checkpoint.lanes_count(tmp_path / "lanes") == 3
    blank = jax.tree.map(lambda leaf: np.zeros((1, *leaf.shape[1:]), leaf.dtype), state)
    assert_same_bits(checkpoint.restore_lanes(tmp_path / "lanes", blank), state)


def test_any_other_reader_of_the_format_has_the_same_arrays(tmp_path):
    saved = selected()
    checkpoint.save_selected(tmp_path, saved, FACTS)
    (_, batch_stats, _), scaling = saved
    found = load_file(tmp_path / PLACE)
    assert len(found) == 7
    np.testing.assert_array_equal(found["variables.batch_stats.norm_0.mean"], batch_stats["norm_0"]["mean"])
    np.testing.assert_array_equal(found["scaling.shift"], scaling.shift)


def header(text):
    return (len(text) - 4).to_bytes(8, "little") + text


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[:40],
        lambda whole: whole[:-1],
        lambda whole: whole + b"0",
        lambda whole: b"\xff" * 8 + whole[8:],
        lambda whole: header(b'{"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4]}}0000'),
    ],
    ids=["empty", "header cut", "data cut", "more", "huge header", "shape"],
)
def test_a_file_whose_header_and_data_do_not_agree_is_damaged(tmp_path, damage):
    checkpoint.save_selected(tmp_path, selected(), FACTS)
    path = tmp_path / PLACE
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DamagedError, match=f"{path}: SHA-256 is"):
        checkpoint.selected_facts(tmp_path)
    with pytest.raises(DamagedError, match=f"{path}: it cannot be read"):  # the digest may be forged too
        checkpoint.restore_selected(tmp_path, selected())


@pytest.mark.parametrize("linked", [PLACE, SELECTED])
def test_links_are_neither_read_nor_written_through(tmp_path, linked):
    checkpoint.save_selected(tmp_path, selected(), FACTS)
    (tmp_path / linked).rename(tmp_path / "elsewhere")
    (tmp_path / linked).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DamagedError, match=f"{tmp_path / linked}: it is a link, and regjax follows no links"):
        checkpoint.selected_facts(tmp_path)
    if linked == PLACE:
        with pytest.raises(DamagedError, match=f"{tmp_path / linked}: it is missing, or not a file"):
            checkpoint.restore_selected(tmp_path, selected())
        return
    before = {path.name: path.read_bytes() for path in (tmp_path / "elsewhere").iterdir()}
    with pytest.raises(OSError, match="it is a link, and regjax follows no links"):
        checkpoint.save_selected(tmp_path, selected(1), FACTS)
    assert {path.name: path.read_bytes() for path in (tmp_path / "elsewhere").iterdir()} == before


def test_a_full_disk_is_told_by_the_file_and_leaves_the_earlier_save(tmp_path):
    checkpoint.save_selected(tmp_path, selected(), FACTS)
    script = (
        "import sys, numpy as np; from pathlib import Path; from regjax.saved import checkpoint\n"
        "try: checkpoint.save_selected(Path(sys.argv[1]), {'a': np.zeros(10_000)}, {})\n"
        "except OSError as error: print(error.errno, error.strerror, error.filename, sep='|')"
    )
    limited = [*with_files_up_to(8000), sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(limited, capture_output=True, text=True, check=True, cwd=ROOT)
    partial = tmp_path / "checkpoints" / ".selected.partial" / PLACE.name
    assert done.stdout == f"{errno.EFBIG}|File too large|{partial}\n"
    assert not partial.parent.exists()
    assert checkpoint.selected_facts(tmp_path) == FACTS


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_the_users_mask_decides_who_may_read_it(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        checkpoint.save_selected(tmp_path, selected(), FACTS)
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / SELECTED).iterdir()}
    assert modes == {PLACE.name: mode, "manifest.json": mode}
