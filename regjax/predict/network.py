"""The network of a finished run, from the run's directory alone, whoever may have written it."""

import shlex
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from regjax.config import restored
from regjax.config.ranges import COUNT
from regjax.data.dataset import Scaling
from regjax.errors import UserError
from regjax.runs import checkpoint
from regjax.runs.checkpoint import Selected
from regjax.runs.directory import SUMMARY
from regjax.runs.manifest import SELECTED, DamagedError
from regjax.runs.resolve import resolve_network
from regjax.runs.summary import read_summary, refuse_other_version
from regjax.training import model
from regjax.training.spec import Numerics, StaticSpec

# What is read of a summary; absent is None.
ENTRIES = (
    "status",
    "reason",
    "config",
    "overrides",
    "selected_epoch",
    "selected_on_test",
    "test_accuracy",
)


class Trained(NamedTuple):
    """A run's network, what is known of it, and the largest value of a pixel (None: it was no image's)."""

    selected: Selected
    numerics: Numerics
    spec: StaticSpec
    pixel_max: int | None
    summary: dict[str, Any]


def load_trained(directory: Path) -> Trained:
    """Reads a finished run. Raises `UserError` where it has no network, or is not as it was written."""
    summary = _summary(directory)
    config = restored(summary["config"])
    if summary["status"] != "done":
        reason = summary["reason"] or "it was cut off"
        raise UserError(
            f"{directory}: its status is {summary['status']} ({reason}), so it has no selected parameters; "
            f"to train it: {_command(summary, f'hydra.run.dir={directory}')}"
        )
    if config.checkpoint == "none":
        raise UserError(
            f"{directory}: it was trained with checkpoint=none, which saves no parameters; to train it "
            f"again: {_command(summary, 'checkpoint=selected')}"
        )
    try:
        facts = checkpoint.selected_facts(directory)
        num_features, num_classes = _count(facts, "num_features"), _count(facts, "num_classes")
        spec, numerics = resolve_network(config, num_features, num_classes)
        pixel_max = None if facts.get("pixel_max") is None else _count(facts, "pixel_max")
        selected = checkpoint.restore_selected(directory, _template(numerics, spec))
    except DamagedError as error:
        again = _command(summary, "checkpoint=selected")
        raise UserError(
            f"{error}; it is not used. Restore the folder from a copy, or train again: {again}"
        ) from None
    return Trained(selected, numerics, spec, pixel_max, summary)


def _summary(directory: Path) -> dict[str, Any]:
    """The entries of a run's summary that are read here, as they were written."""
    found = read_summary(directory)
    if found is None:
        below = next(iter(sorted(directory.glob(f"*/{SUMMARY}"))), None)
        hint = f". Is it a sweep? Its runs lie below it, such as {below.parent}" if below else ""
        raise UserError(f"{directory}: it is no run's directory, as it has no {SUMMARY}{hint}")
    refuse_other_version(directory, found)
    return {name: found.get(name) for name in ENTRIES}


def _command(summary: dict[str, Any], *settings: str) -> str:
    """The command that trains a run; settings that it is given again take the place of the old ones."""
    keys = tuple(setting.partition("=")[0] + "=" for setting in settings)
    kept = [str(override) for override in summary["overrides"] if not str(override).startswith(keys)]
    return shlex.join(["python", "train.py", *kept, "hydra.mode=RUN", *settings])


def _count(facts: dict[str, Any], name: str) -> int:
    value = facts.get(name)
    if type(value) is not int or not COUNT.accepts(value):
        raise DamagedError(f"{SELECTED}: its {name} is {value}: {COUNT.allowed}")
    return value


def _template(numerics: Numerics, spec: StaticSpec) -> Selected:
    """The shapes of what the run must have selected; none of it is allocated."""
    key = jax.eval_shape(jax.random.key, 0)
    variables = jax.eval_shape(partial(model.init, spec=spec), key, numerics)
    vector = jax.ShapeDtypeStruct((spec.num_features,), np.float32)
    return Selected(variables, Scaling(vector, vector))  # type: ignore[arg-type]  # shapes, not arrays
