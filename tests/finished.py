"""The directory of a finished run, without the seconds that its training takes."""

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from regjax.config import flatten
from regjax.files import sha256
from regjax.saved import checkpoint
from regjax.saved.checkpoint import Selected
from regjax.saved.directory import RESULT_FILES, SUMMARY, SUMS
from regjax.saved.identity import versions
from regjax.saved.manifest import MANIFEST, _own_digest
from regjax.saved.summary import write_summary
from regjax.saved.writer import RESULTS, network, provenance
from regjax.training import model
from tests.small import composed
from tests.sweeps import run_of

PARTS = ("train", "validation", "test")
COMPARED = ("selected_on_test", "val_loss", "val_accuracy", "test_loss", "test_accuracy", "best_val_accuracy")
# As much of a summary as every finished run has.
DONE = dict.fromkeys(COMPARED) | {
    "status": "done",
    "identity": "some",
    "overrides": [],
    "config": flatten(composed()),
    "versions": versions(),
    "rows": dict.fromkeys(PARTS, 8),
    "row_digests": dict.fromkeys(PARTS, "a"),
    "test_accuracy": 0.5,
}


def finished(directory: Path, *overrides: str) -> Path:
    """A run that is done, with random parameters."""
    run = run_of(directory, *overrides)
    shapes = jax.eval_shape(partial(model.init, spec=run.spec), jax.random.key(0), run.numerics)
    draw = np.random.default_rng(0)
    variables = jax.tree.map(lambda leaf: draw.uniform(0.5, 1, leaf.shape).astype(leaf.dtype), shapes)
    checkpoint.save_selected(directory, Selected(variables, run.scaling), network(run))
    results = dict.fromkeys(RESULTS) | {"status": "done", "selected_epoch": 6, "test_accuracy": 0.5}
    write_summary(directory, results | provenance(run))
    return directory


def forge_manifest(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Changes a manifest as somebody would who knows how it is made: every SHA-256 in it is right."""
    path = folder / MANIFEST
    content = json.loads(path.read_text())
    content.pop("sha256")
    change(content)
    path.write_text(json.dumps(content | {"sha256": _own_digest(content)}))


def forge_summary(directory: Path, text: str) -> None:
    """Puts another text in the place of a summary, and its SHA-256 with it, as anybody can."""
    (directory / SUMMARY).write_text(text)
    names = [name for name in RESULT_FILES if (directory / name).is_file()]
    (directory / SUMS).write_text("".join(f"{sha256(directory / name)}  {name}\n" for name in names))


@contextmanager
def flipped_bit(path: Path, draw: random.Random) -> Iterator[None]:
    """One bit of a file is another meanwhile."""
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
    path.write_bytes(flipped)
    yield
    path.write_bytes(whole)


DAMAGE = ("flipped", "removed", "emptied", "cut short", "a folder")


def damage(path: Path, how: str) -> None:
    whole = path.read_bytes()
    left = {
        "flipped": bytes([whole[0] ^ 4]) + whole[1:],
        "emptied": b"",
        "cut short": whole[: len(whole) // 2],
    }
    path.unlink()
    if how in left:
        path.write_bytes(left[how])
    elif how == "a folder":
        path.mkdir()
