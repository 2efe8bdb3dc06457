"""The directory of a finished run, without the seconds that its training takes."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from regjax import checkpoint, models, runs
from regjax.checkpoint import Selected
from regjax.journal import network, provenance
from regjax.manifests import MANIFEST, _digest, _own_digest
from tests.sweeps import run_of


def finished(directory: Path, *overrides: str) -> Path:
    """A run that is done, with random parameters."""
    run = run_of(directory, *overrides)
    shapes = jax.eval_shape(partial(models.init, spec=run.spec), jax.random.key(0), run.numerics)
    draw = np.random.default_rng(0)
    variables = jax.tree.map(lambda leaf: draw.uniform(0.5, 1, leaf.shape).astype(leaf.dtype), shapes)
    checkpoint.save_selected(directory, Selected(variables, run.scaling), network(run))
    results = {"status": "done", "selected_epoch": 6, "test_accuracy": 0.5}
    runs.write_summary(directory, results | provenance(run))
    return directory


def forge(directory: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Changes a manifest as somebody would who knows how it is made: every SHA-256 in it is right."""
    folder = directory / checkpoint.SELECTED
    path = folder / MANIFEST
    content = json.loads(path.read_text())
    content.pop("sha256")
    for name in content["files"]:
        if (folder / name).is_file():
            content["files"][name] = _digest(folder / name)
    change(content)
    path.write_text(json.dumps(content | {"sha256": _own_digest(content)}))
