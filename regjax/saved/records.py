"""Turns the program's records into rows of `metrics.csv` and entries of `summary.json`."""

import math
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from regjax.saved.summary import HIGHER_IS_BETTER
from regjax.techniques.hooks import ledger_terms
from regjax.techniques.penalties import is_kernel
from regjax.training.spec import StaticSpec
from regjax.training.state import Ended, EpochRecord, Metrics

PARTS = ("train", "val", "test")
CALIBRATION_ERRORS = tuple(f"{part}_calibration_error" for part in PARTS)
# A diverged run lacks these entries, and its metrics.
CLOSING = (*CALIBRATION_ERRORS, "gap", "ledger", "sparsity", "zeros", "kernel_norm", "kernel_norms")
LEDGER = ledger_terms()


def columns(spec: StaticSpec) -> list[str]:
    """The columns of `metrics.csv`. Each term of the objective has a column of its own."""
    ledger = [f"loss_{term}" for term in ledger_terms(spec.active)]
    metrics = [f"{part}_{metric}" for part in PARTS[:2] for metric in Metrics._fields]
    return ["epoch", "seconds", "train_objective", *ledger, *metrics]


def row(record: EpochRecord, seconds: float) -> dict[str, Any]:
    """One epoch of one lane, as a row of `metrics.csv`."""
    ledger = {f"loss_{term}": record.ledger[term] for term in LEDGER if term in record.ledger}
    opening = {"epoch": int(record.epoch), "seconds": round(seconds, 6), "train_objective": record.objective}
    return opening | ledger | _named(PARTS, (record.train, record.validation))


def line(values: dict[str, Any], epochs: int) -> str:
    """One line of text for one epoch."""
    shown = ("train_objective", "train_accuracy", "val_loss", "val_accuracy")
    parts = [f"{name} {values[name]:.4f}" for name in shown if not math.isnan(values[name])]
    return f"epoch {values['epoch']}/{epochs}  " + "  ".join(parts)


def results(history: list[dict[str, Any]], left: Ended) -> dict[str, Any]:
    """The results for the summary. A diverged run has no selected epoch, and only its best metrics."""
    selected_epoch, evaluation = left.epoch, left.evaluation
    selected = history[selected_epoch - 1]
    # The validation metrics come from that epoch's row: another program might round the last digit
    # differently.
    validation = Metrics(selected["val_loss"], selected["val_accuracy"])
    metrics = _named(PARTS, (evaluation.train, validation, evaluation.test))
    opening: dict[str, Any] = {"status": "done", "selected_epoch": selected_epoch}
    ledger = {name: value for name, value in selected.items() if name.startswith("loss_")}
    errors = zip(CALIBRATION_ERRORS, evaluation.calibration_errors, strict=True)
    gap = {"gap": evaluation.train.accuracy - evaluation.test.accuracy}
    closing = dict(errors) | gap | {"ledger": ledger, "sparsity": evaluation.sparsity}
    closing |= _weights(left.variables.params)
    if left.blown is not None:
        opening = {"status": "diverged", **_divergence(history[-1], left.blown), "selected_epoch": None}
        metrics = dict.fromkeys(metrics)
        closing = dict.fromkeys(closing)
    seconds = round(sum(values["seconds"] for values in history), 6)
    return opening | {"epochs": len(history)} | metrics | _best(history) | closing | {"seconds": seconds}


def _weights(params: Any) -> dict[str, Any]:
    """The share of kernel entries that are 0, and the Frobenius norms of all kernels and of each kernel.

    It computes in float64, which can hold the squares of all float32 numbers.
    """
    leaves = jax.tree.leaves_with_path(params)
    kernels = {path[0].key: np.asarray(leaf, np.float64) for path, leaf in leaves if is_kernel(path)}
    size = sum(kernel.size for kernel in kernels.values())
    zeros = size - sum(np.count_nonzero(kernel) for kernel in kernels.values())
    norms = {layer: float(np.linalg.norm(kernel)) for layer, kernel in kernels.items()}
    return {"zeros": zeros / size, "kernel_norm": math.hypot(*norms.values()), "kernel_norms": norms}


def _named(parts: tuple[str, ...], metrics: tuple[Metrics, ...]) -> dict[str, Any]:
    return {
        f"{part}_{metric}": value
        for part, values in zip(parts, metrics, strict=False)
        for metric, value in values._asdict().items()
    }


def _best(history: list[dict[str, Any]]) -> dict[str, Any]:
    """The best validation metrics and their epochs. They are optimistic, so no verdict uses them."""
    best: dict[str, Any] = {}
    for metric, higher in HIGHER_IS_BETTER.items():
        finite = [values for values in history if math.isfinite(values[f"val_{metric}"])]
        choose = max if higher else min
        chosen = choose(finite, key=lambda values: values[f"val_{metric}"]) if finite else None
        best[f"best_val_{metric}"] = chosen and chosen[f"val_{metric}"]
        best[f"best_val_{metric}_epoch"] = chosen and chosen["epoch"]
    return best


def _divergence(last: dict[str, Any], blown: Mapping[str, int]) -> dict[str, Any]:
    """When a run diverged, and why: which terms were first not finite, or else which metric.

    If neither is known, the optimizer's state was not finite.
    """
    step = min((at for at in blown.values() if at), default=None)
    terms = [f"loss_{term}" for term, at in blown.items() if at and at == step]
    unmeasured = ("val_",) if math.isnan(last["val_accuracy"]) else ()  # there are no validation rows
    not_finite = [name for name in last if not (math.isfinite(last[name]) or name.startswith(unmeasured))]
    causes = ", ".join(f"{name} is {last[name]}" for name in terms or not_finite[:1])
    causes = causes or "the optimizer's state is not finite"
    when = f"diverged at epoch {last['epoch']}" + (f", step {step}" if step else "")
    return {"reason": f"{when}: {causes}", "diverged_step": step, "diverged_terms": terms}
