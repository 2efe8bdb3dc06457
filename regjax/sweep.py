"""Trains runs: groups those that share a program, stacks them as lanes, and writes what comes back."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from regjax import checkpoint, records, runs, training
from regjax.progress import LiveLine
from regjax.types import Dataset, DeviceData, Numerics, Rows, Scaling, Split, StaticSpec, TrainState

# One call of the program is sized to this much work: long enough to hide its start, short enough to watch.
CALL_SECONDS = 1.0

_init_program = jax.jit(training.init_lanes, static_argnames="spec")
_train_program = jax.jit(training.train_lanes, static_argnames="spec", donate_argnames="state")
_evaluate_program = jax.jit(training.evaluate_lanes, static_argnames="spec")


class Run(NamedTuple):
    """A resolved run, ready to be trained; `config` is flat, by dotted key."""

    directory: Path
    config: dict[str, Any]
    overrides: list[str]
    spec: StaticSpec
    numerics: Numerics
    split: Split
    scaling: Scaling
    fingerprint: str
    identity: str


def train_runs(
    all_runs: list[Run], dataset: Dataset, device: jax.Device, watcher: LiveLine
) -> dict[int, dict[str, Any]]:
    """Trains every run on its program and returns the summaries by the runs' places in the list."""
    data = DeviceData(*jax.device_put((dataset.inputs, dataset.labels), device))
    groups: dict[StaticSpec, list[int]] = {}
    for place, run in enumerate(all_runs):
        groups.setdefault(run.spec, []).append(place)
    summaries: dict[int, dict[str, Any]] = {}
    for number, (spec, places) in enumerate(groups.items(), start=1):
        group = _Group([all_runs[place] for place in places], places, spec, data, device, watcher)
        title = f"program {number} of {len(groups)}" if len(groups) > 1 else "the program"
        for place, summary in zip(places, group.train(title), strict=True):
            summaries[place] = summary
    return summaries


class _Group:
    """Runs that share a static spec, as the lanes of one program."""

    def __init__(
        self,
        members: list[Run],
        places: list[int],
        spec: StaticSpec,
        data: DeviceData,
        device: jax.Device,
        watcher: LiveLine,
    ):
        self._members, self._places, self._spec = members, places, spec
        self._data, self._watcher = data, watcher
        self._numerics: Numerics = jax.device_put(stacked([run.numerics for run in members]), device)
        self._rows = Rows(*jax.device_put(stacked([_rows(run) for run in members]), device))
        self._history: list[list[dict[str, Any]]] = [[] for _ in members]

    def train(self, title: str) -> Iterator[dict[str, Any]]:
        """Trains all lanes to their ends and yields their summaries."""
        for run in self._members:
            runs.start(run.directory, records.columns(self._spec), _provenance(run))
        state = _init_program(self._numerics, spec=self._spec)
        program = self._compiled(state, title)
        num_epochs = 1
        while bool(state.active.any()):
            begun = time.perf_counter()
            state, epochs = program(state, self._numerics, self._rows, self._data, np.int32(num_epochs))
            epochs = jax.device_get(epochs)
            elapsed = time.perf_counter() - begun
            trained = np.count_nonzero(epochs.epoch)
            for lane in range(len(self._members)):
                self._report(lane, epochs, elapsed / trained)
            num_epochs = int(np.clip(CALL_SECONDS * num_epochs / elapsed, 1, training.RECORDS))
        return self._close(state)

    def _compiled(self, state: TrainState, title: str) -> Callable[..., Any]:
        begun = time.perf_counter()
        arguments = (state, self._numerics, self._rows, self._data, np.int32(1))
        program = _train_program.lower(*arguments, spec=self._spec).compile()
        self._watcher.note(
            f"compiled {title} in {time.perf_counter() - begun:.1f} s ({_counted(len(self._members))})"
        )
        return program

    def _report(self, lane: int, epochs: Any, seconds: float) -> None:
        """Writes a lane's new epochs down."""
        run, history = self._members[lane], self._history[lane]
        rows = [
            records.row(jax.tree.map(lambda leaf, at=(lane, index): leaf[at], epochs), seconds)
            for index in np.flatnonzero(epochs.epoch[lane])
        ]
        if not rows:
            return
        history.extend(rows)
        runs.append_metrics(run.directory, rows)
        line = records.line(rows[-1], run.config["trainer.epochs"])
        runs.append_log(run.directory, line)
        self._watcher.advance(self._places[lane], line, rows[-1])

    def _close(self, state: TrainState) -> Iterator[dict[str, Any]]:
        """Measures the selected parameters, the only time that test rows are read, and saves them."""
        variables, epochs = training.selected(state)
        tests = jnp.asarray(np.stack([run.split.test for run in self._members]))
        evaluations = jax.device_get(
            _evaluate_program(variables, self._numerics, self._rows, tests, self._data, spec=self._spec)
        )
        variables, epochs, diverged = jax.device_get((variables, epochs, state.diverged))
        for lane, run in enumerate(self._members):

            def own(leaf: np.ndarray, lane: int = lane) -> np.ndarray:
                return leaf[lane]

            history, selected = self._history[lane], jax.tree.map(own, variables)
            results = records.results(
                history, int(epochs[lane]), jax.tree.map(own, evaluations), diverged=bool(diverged[lane])
            )
            if results["status"] == "done" and run.config["checkpoint"] == "selected":
                checkpoint.save_selected(run.directory, selected)
            summary = runs.write_summary(run.directory, results | _provenance(run))
            ending = results.get("reason") or f"done: epoch {results['selected_epoch']} selected"
            runs.append_log(run.directory, ending)
            self._watcher.finish(self._places[lane], ending)
            yield summary


def stacked(trees: list[Any]) -> Any:
    """Trees of host numbers as one tree with a lanes axis, floats in JAX's default float type."""
    return jax.tree.map(lambda *leaves: jnp.asarray(_default_float(np.stack(leaves))), *trees)


def _default_float(array: np.ndarray) -> np.ndarray:
    return array.astype(jnp.result_type(float)) if array.dtype.kind == "f" else array


def _rows(run: Run) -> tuple[np.ndarray, ...]:
    split, scaling = run.split, run.scaling
    return split.train, split.sample, split.validation, scaling.shift, scaling.scale


def _provenance(run: Run) -> dict[str, Any]:
    return {
        "selected_on_test": run.config["data.validation"] == "test",
        "fingerprint": run.fingerprint,
        "identity": run.identity,
        "versions": runs.versions(),
        "rows": {part: len(rows) for part, rows in run.split._asdict().items() if part != "sample"},
        "overrides": run.overrides,
        "config": run.config,
    }


def _counted(lanes: int) -> str:
    return "1 lane" if lanes == 1 else f"{lanes} lanes"
