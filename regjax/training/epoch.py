"""Trains one epoch of a lane: the steps, the metrics, and the decision whether the lane continues."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from regjax.techniques import hooks
from regjax.techniques.inference import temperature_scaling
from regjax.techniques.penalties import READ_INITIAL
from regjax.training import evaluation, inference, model, stopping
from regjax.training.spec import Numerics, StaticSpec
from regjax.training.state import DeviceData, EpochRecord, Metrics, Rows, TrainState, Variables
from regjax.training.step import step
from regjax.training.streams import shuffled, stream


def epoch(
    state: TrainState, *, numerics: Numerics, rows: Rows, data: DeviceData, spec: StaticSpec
) -> tuple[TrainState, EpochRecord]:
    """One pass over the training rows in full batches. It leaves out the rows after the last full batch."""
    steps = spec.steps_per_epoch
    order = shuffled(stream(numerics.seed, "shuffle"), state.epoch, rows.train)
    batches = order[: steps * spec.batch_size].reshape(steps, spec.batch_size)
    names = hooks.streams(numerics.strengths, len(spec.hidden))
    keys = {name: stream(numerics.seed, name) for name in names}
    # Computed anew from the seed once an epoch, so that no state has to hold it.
    reads_initial = spec.active & READ_INITIAL
    initial = model.init(stream(numerics.seed, "init"), numerics, spec=spec).params if reads_initial else {}
    advance = partial(step, keys, numerics=numerics, rows=rows, data=data, initial=initial, spec=spec)
    begun = state.step
    state, (objectives, ledgers) = lax.scan(advance, state, batches)
    state = state._replace(blown={name: _blown(values, begun) for name, values in ledgers.items()})
    state = _at_epoch_end(state, batches, numerics, rows, data, spec=spec)
    variables = evaluated(state, numerics)
    metrics = partial(measure, variables, numerics, rows, data, spec=spec)
    record = EpochRecord(
        epoch=state.epoch + 1,
        objective=objectives.mean(),
        ledger={name: values.mean() for name, values in ledgers.items()},
        train=metrics(rows.sample),
        validation=metrics(rows.validation),
    )
    return _close_epoch(state, variables, record, numerics, spec=spec), record


def evaluated(state: TrainState, numerics: Numerics) -> Variables:
    """The variables that evaluation reads: an average if one is on, or else the training variables."""
    variables: Variables = hooks.evaluated(state.averages, state.variables, numerics.strengths)
    return variables._replace(temperature=state.temperature)


def _at_epoch_end(
    state: TrainState,
    batches: Int[Array, "steps batch"],
    numerics: Numerics,
    rows: Rows,
    data: DeviceData,
    *,
    spec: StaticSpec,
) -> TrainState:
    """The averages over epochs, and the temperature of what evaluation will read."""

    def under(params: Any) -> Any:
        return statistics(state.variables._replace(params=params), batches, numerics, rows, data, spec=spec)

    share = (state.epoch + 1).astype(numerics.optimizer.learning_rate.dtype) / numerics.epochs
    given = state.averages, state.variables, share, under, numerics.strengths
    state = state._replace(averages=hooks.averaged_epoch(*given))
    if state.temperature is None:
        return state
    uncalibrated = evaluated(state, numerics)._replace(temperature=None)
    predict = partial(inference.logits, uncalibrated, numerics=numerics, spec=spec)
    found = evaluation.logits_of(predict, data, rows, rows.validation, batch_size=spec.evaluation_batch_size)
    return state._replace(temperature=temperature_scaling(found, data.labels[rows.validation]))


def statistics(
    variables: Variables,
    batches: Int[Array, "steps batch"],
    numerics: Numerics,
    rows: Rows,
    data: DeviceData,
    *,
    spec: StaticSpec,
) -> Any:
    """Batch norm's statistics: the means over batches, without noise. PyTorch's update_bn draws the noise."""
    if not variables.batch_stats:
        return variables.batch_stats
    kind = numerics.norm.momentum.dtype

    def add(batch_stats: Any, numbered: tuple[Array, Array]) -> tuple[Any, None]:
        number, batch = numbered
        share = number.astype(kind) / (number + 1)  # of the batches before, so all count alike
        cumulative = numerics._replace(norm=numerics.norm._replace(momentum=share))
        given = variables._replace(batch_stats=batch_stats), evaluation.batch_inputs(data, rows, batch)
        return model.train_logits(None, *given, {}, cumulative, spec=spec)[1], None

    return lax.scan(add, variables.batch_stats, (jnp.arange(len(batches)), batches))[0]


def _blown(values: Float[Array, " steps"], begun: Int[Array, ""]) -> Int[Array, ""]:
    """The first step with a value that is not finite, counted from 1 over all epochs. 0 if there is none."""
    bad = ~jnp.isfinite(values)
    return jnp.where(bad.any(), begun + 1 + jnp.argmax(bad).astype(begun.dtype), 0)


def measure(
    variables: Variables,
    numerics: Numerics,
    rows: Rows,
    data: DeviceData,
    indices: Int[Array, " part"],
    *,
    spec: StaticSpec,
) -> Metrics:
    """Metrics on the rows `indices`."""
    predict = partial(inference.logits, variables, numerics=numerics, spec=spec)
    return evaluation.evaluate(predict, data, rows, indices, batch_size=spec.evaluation_batch_size)


def _close_epoch(
    state: TrainState, variables: Variables, record: EpochRecord, numerics: Numerics, *, spec: StaticSpec
) -> TrainState:
    """Counts the epoch, keeps the best evaluated variables, and decides whether the lane continues."""
    state = state._replace(epoch=record.epoch)
    stop = record.epoch >= numerics.epochs
    losses = [record.objective, record.train.loss]
    losses += [record.validation.loss] if spec.validation_rows else []
    # If a second moment overflows, it stays infinite, and its weight never moves again.
    finite = [jnp.isfinite(leaf).all() for leaf in (*losses, *jax.tree.leaves(state.optimizer))]
    diverged = ~jnp.stack(finite).all()
    # A diverged epoch is never the best one, even if the monitor itself is still finite.
    monitor = jnp.where(diverged, jnp.nan, getattr(record.validation, spec.monitor.removeprefix("val_")))
    if state.plateau is not None:
        numbers = {name: numerics.strengths[f"reduce_on_plateau.{name}"] for name in ("patience", "factor")}
        plateau = stopping.reduce_on_plateau(
            state.plateau, monitor, numerics.stopping, **numbers, mode=spec.mode
        )
        state = state._replace(plateau=plateau)
    if (patience := numerics.strengths.get("early_stopping")) is not None:
        stopping_state, better, stop_early = stopping.early_stopping(
            state.stopping, monitor, record.epoch, numerics.stopping, patience=patience, mode=spec.mode
        )
        stop = stop | stop_early
        state = state._replace(stopping=stopping_state)
        if spec.restores_best:
            best = jax.tree.map(lambda new, old: jnp.where(better, new, old), variables, state.best)
            state = state._replace(best=best)
    return state._replace(active=~(stop | diverged), diverged=diverged)
