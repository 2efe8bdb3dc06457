"""Divides a checked configuration into a static spec, which is compiled, and numerics, which are traced."""

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from regjax.config.ranges import MAX_WHOLE, MONITOR_MODES, dropout_rates
from regjax.config.schema import Config
from regjax.data.dataset import Dataset, Split
from regjax.errors import invalid
from regjax.training.spec import (
    NormNumbers,
    Numerics,
    OptimizerNumbers,
    ScheduleNumbers,
    StaticSpec,
    StoppingNumbers,
    Strengths,
)


def resolve(config: Config, dataset: Dataset, split: Split) -> tuple[StaticSpec, Numerics]:
    """The static spec and the numerics of a run. Raises `UserError` where a value does not fit the data."""
    _check_fit(config, split)
    spec = _static_spec(config, dataset.inputs.shape[1], dataset.num_classes, split)
    if spec.num_weights > MAX_WHOLE:  # sparsity counts weights in int32
        layers = f"with {spec.num_features} features and {spec.num_classes} classes"
        allowed = f"{layers} the network has {spec.num_weights} weights; it may have up to {MAX_WHOLE}"
        raise invalid("model.hidden", list(spec.hidden), allowed)
    return spec, _numerics(config)


def resolve_network(config: Config, num_features: int, num_classes: int) -> tuple[StaticSpec, Numerics]:
    """The spec and numerics of a trained network without its data: the counts of rows are 0."""
    none = np.zeros(0, np.int32)
    return _static_spec(config, num_features, num_classes, Split(none, none, none, none)), _numerics(config)


def united(specs: Sequence[StaticSpec]) -> list[StaticSpec]:
    """Gives specs that differ in their active terms alone the same terms, so that they share one program.

    A term at its neutral value may change the last bits of L1, L2 and clipping.
    """
    bare = [spec._replace(active=frozenset(), dropout_layers=(False,) * len(spec.hidden)) for spec in specs]
    groups: dict[StaticSpec, list[StaticSpec]] = {}
    for key, spec in zip(bare, specs, strict=True):
        groups.setdefault(key, []).append(spec)
    return [_union(groups[key]) for key in bare]


def _union(specs: Sequence[StaticSpec]) -> StaticSpec:
    active = frozenset[str]().union(*(spec.active for spec in specs))
    layers = tuple(map(any, zip(*(spec.dropout_layers for spec in specs), strict=True)))
    return specs[0]._replace(active=active, dropout_layers=layers)


def _check_fit(config: Config, split: Split) -> None:
    batch_size, available = config.trainer.batch_size, len(split.train)
    if batch_size > available:
        size = config.data.train_size
        rows = f"{available} training rows" + (f" (data.train_size={size})" if size is not None else "")
        allowed = f"there are {rows}, and a batch cannot be larger; choose 1 to {available}"
        raise invalid("trainer.batch_size", batch_size, allowed)
    if config.model.norm == "batch" and batch_size == 1:
        raise invalid("trainer.batch_size", 1, "model.norm=batch needs 2 rows or more in a batch")


def _static_spec(config: Config, num_features: int, num_classes: int, split: Split) -> StaticSpec:
    model, trainer, stopping = config.model, config.trainer, config.early_stopping
    return StaticSpec(
        num_features=num_features,
        num_classes=num_classes,
        train_rows=len(split.train),
        sample_rows=len(split.sample),
        validation_rows=len(split.validation),
        test_rows=len(split.test),
        batch_size=trainer.batch_size,
        evaluation_batch_size=trainer.evaluation_batch_size,
        hidden=tuple(model.hidden),
        activation=model.activation,
        norm=model.norm,
        residual=model.residual,
        use_bias=model.use_bias,
        kernel_init=model.kernel_init,
        dropout_layers=tuple(rate > 0 for rate in dropout_rates(config)),
        active=_active(config),
        penalize_biases=config.penalty.biases,
        optimizer=config.optimizer.name,
        nesterov=bool(config.optimizer.nesterov),
        schedule=config.schedule.name,
        monitor=stopping.monitor,
        mode=MONITOR_MODES[stopping.monitor],
        stops_early=stopping.patience is not None,
        restores_best=stopping.patience is not None and stopping.restore_best,
        precision=config.precision,
    )


def _active(config: Config) -> frozenset[str]:
    """The terms whose strength is not neutral. The program leaves the others out."""
    optimizer = config.optimizer
    strengths = {
        "input_dropout": config.model.input_dropout,
        "l1": config.penalty.l1,
        "l2": config.penalty.l2,
        "weight_decay": optimizer.weight_decay,
        "momentum": optimizer.momentum,
        "clip_norm": optimizer.clip_norm,
        "warmup": config.schedule.warmup_epochs,
    }
    return frozenset(name for name, strength in strengths.items() if strength is not None and strength > 0)


def _numerics(config: Config) -> Numerics:
    optimizer, schedule, stopping = config.optimizer, config.schedule, config.early_stopping
    # Every value beats this baseline, so it has no effect.
    easiest = math.inf if MONITOR_MODES[stopping.monitor] == "min" else -math.inf
    clip_norm = _real(math.inf if optimizer.clip_norm is None else optimizer.clip_norm)
    return Numerics(
        seed=cast(Any, np.uint32(config.seed)),
        epochs=_whole(config.trainer.epochs),
        init_stddev=_real(config.model.init_stddev),
        norm=NormNumbers(_real(config.model.norm_momentum), _real(config.model.norm_epsilon)),
        strengths=Strengths(
            input_dropout=_real(config.model.input_dropout),
            dropout=cast(Any, np.asarray(dropout_rates(config), np.float64)),
            l1=_real(config.penalty.l1),
            l2=_real(config.penalty.l2),
            weight_decay=_real(optimizer.weight_decay),
        ),
        optimizer=OptimizerNumbers(**_reals(optimizer, OptimizerNumbers._fields) | {"clip_norm": clip_norm}),
        schedule=ScheduleNumbers(**_reals(schedule, ScheduleNumbers._fields)),
        stopping=StoppingNumbers(
            min_delta=_real(stopping.min_delta),
            patience=_whole(stopping.patience or 0),
            baseline=_real(easiest if stopping.baseline is None else stopping.baseline),
            start_from_epoch=_whole(stopping.start_from_epoch),
        ),
    )


def _real(value: float | None) -> Any:
    """A NumPy number, which reaches the device stacked by lane. The program reads none that is None here."""
    return np.float64(0.0 if value is None else value)


def _reals(section: object, names: Sequence[str]) -> dict[str, Any]:
    return {name: _real(getattr(section, name)) for name in names}


def _whole(value: int) -> Any:
    return np.int32(value)
