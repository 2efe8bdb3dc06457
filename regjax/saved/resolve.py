"""Divides a checked configuration into a static spec and numerics. The program traces the numerics."""

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from regjax.config.combinations import check_needs
from regjax.config.ranges import MONITOR_MODES
from regjax.config.schema import Config, flatten
from regjax.data.dataset import Dataset, Split
from regjax.errors import invalid
from regjax.techniques import settings
from regjax.techniques.declaration import MAX_WHOLE, Values
from regjax.techniques.table import TABLE
from regjax.training.spec import (
    NormNumbers,
    Numerics,
    OptimizerNumbers,
    ScheduleNumbers,
    StaticSpec,
    StoppingNumbers,
)


def resolve(config: Config, dataset: Dataset, split: Split) -> tuple[StaticSpec, Numerics]:
    """The static spec and the numerics of a run. Raises `UserError` if a value does not fit the data."""
    _check_fit(config, split)
    values = flatten(config)
    spec = _static_spec(config, values, dataset.inputs.shape[1], dataset.num_classes, split)
    spec = spec._replace(image_shape=_image_shape(values, dataset))
    if spec.num_weights > MAX_WHOLE:  # sparsity counts weights in int32
        layers = f"with {spec.num_features} features and {spec.num_classes} classes"
        allowed = f"{layers} the network has {spec.num_weights} weights; it may have up to {MAX_WHOLE}"
        raise invalid("model.hidden", list(spec.hidden), allowed)
    return spec, _numerics(config, values)


def resolve_network(config: Config, num_features: int, num_classes: int) -> tuple[StaticSpec, Numerics]:
    """The spec and the numerics of a trained network without its data. All counts of rows are 0."""
    values, none = flatten(config), np.zeros(0, np.int32)
    spec = _static_spec(config, values, num_features, num_classes, Split(none, none, none, none))
    return spec, _numerics(config, values)


def united(resolved: Sequence[tuple[StaticSpec, Numerics]]) -> list[tuple[StaticSpec, Numerics]]:
    """Makes runs share a program if only the strengths of their techniques differ.

    If a run lacks a technique of another run, it gets the technique at a strength without effect. Such a term
    may change the last bits of L1, L2 and clipping. Some techniques have no strength without effect: runs do
    not share these.
    """
    groups: dict[StaticSpec, list[StaticSpec]] = {}
    for spec, _ in resolved:
        groups.setdefault(_bare(spec), []).append(spec)
    return [_in_union(spec, numerics, groups[_bare(spec)]) for spec, numerics in resolved]


def _bare(spec: StaticSpec) -> StaticSpec:
    """A spec without the parts that a union may add."""
    fixed = frozenset(name for name in spec.active if settings.absent(name) is None)
    return spec._replace(active=fixed, momentum=False, warmup=False, image_shape=None)


def _in_union(
    spec: StaticSpec, numerics: Numerics, specs: Sequence[StaticSpec]
) -> tuple[StaticSpec, Numerics]:
    active = frozenset[str]().union(*(other.active for other in specs))
    lacking = {name: _strength(settings.absent(name)) for name in active - spec.active}
    momentum, warmup = (any(getattr(other, name) for other in specs) for name in ("momentum", "warmup"))
    shape = next((other.image_shape for other in specs if other.image_shape), None)
    united = spec._replace(active=active, momentum=momentum, warmup=warmup, image_shape=shape)
    return united, numerics._replace(strengths=numerics.strengths | lacking)


def _check_fit(config: Config, split: Split) -> None:
    batch_size, available = config.trainer.batch_size, len(split.train)
    if batch_size > available:
        size = config.data.train_size
        rows = f"{available} training rows" + (f" (data.train_size={size})" if size is not None else "")
        allowed = f"there are {rows}, and a batch cannot be larger; choose 1 to {available}"
        raise invalid("trainer.batch_size", batch_size, allowed)


def _image_shape(values: Values, dataset: Dataset) -> tuple[int, int, int] | None:
    """The shape of the images if a technique that is on reads it. Raises `UserError` for a table."""
    images = [row for row in TABLE if row.images and settings.is_on(row, values)]
    for row in images if dataset.image_shape is None else ():
        other = next((each for each in TABLE if each.name == row.for_tables), None)
        remedy = f"; {settings.keys_of(other)[0]} is its form for tables" if other else ""
        allowed = f"{row.name} is for images, and {dataset.name} is a table{remedy}"
        key = settings.keys_of(row)[0]
        raise invalid(key, values[key], allowed)
    for row in images:
        check_needs(row, values)
    return dataset.image_shape if images else None


def _static_spec(
    config: Config, values: Values, num_features: int, num_classes: int, split: Split
) -> StaticSpec:
    model, trainer, stopping = config.model, config.trainer, config.early_stopping
    active = settings.active(values)
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
        residual=model.residual,
        resnet=model.block == "resnet",
        norm_groups=(model.norm_groups or 0) * ("group_norm" in active),
        use_bias=model.use_bias,
        kernel_init=model.kernel_init,
        active=active,
        schedules=settings.schedules(values),
        penalize_biases=config.penalty.biases,
        optimizer=config.optimizer.name,
        momentum=bool(config.optimizer.momentum),
        nesterov=bool(config.optimizer.nesterov),
        schedule=config.schedule.name,
        warmup=config.schedule.warmup_epochs > 0,
        monitor=stopping.monitor,
        mode=MONITOR_MODES[stopping.monitor],
        restores_best="early_stopping" in active and stopping.restore_best,
        precision=config.precision,
        image_shape=None,
    )


def _numerics(config: Config, values: Values) -> Numerics:
    optimizer, schedule, stopping = config.optimizer, config.schedule, config.early_stopping
    # Every value beats this baseline, so it has no effect.
    easiest = math.inf if MONITOR_MODES[stopping.monitor] == "min" else -math.inf
    return Numerics(
        seed=cast(Any, np.uint32(config.seed)),
        epochs=_whole(config.trainer.epochs),
        init_stddev=_real(config.model.init_stddev),
        norm=NormNumbers(_real(config.model.norm_momentum), _real(config.model.norm_epsilon)),
        strengths={name: _strength(value) for name, value in settings.strengths(values).items()},
        optimizer=OptimizerNumbers(**_reals(optimizer, OptimizerNumbers._fields)),
        schedule=ScheduleNumbers(**_reals(schedule, ScheduleNumbers._fields)),
        stopping=StoppingNumbers(
            min_delta=_real(stopping.min_delta),
            baseline=_real(easiest if stopping.baseline is None else stopping.baseline),
            start_from_epoch=_whole(stopping.start_from_epoch),
        ),
    )


def _real(value: float | None) -> Any:
    """A NumPy number: the device gets it stacked by lane. The program reads no number that is None here."""
    return np.float64(0.0 if value is None else value)


def _reals(section: object, names: Sequence[str]) -> dict[str, Any]:
    return {name: _real(getattr(section, name)) for name in names}


def _strength(value: float | int | None) -> Any:
    return _whole(value) if isinstance(value, int) else _real(value)


def _whole(value: int) -> Any:
    return np.int32(value)
