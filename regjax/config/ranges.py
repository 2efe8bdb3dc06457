"""Refuses values out of range before regjax loads or computes anything."""

import os
import re
from typing import Any

from regjax.config.columns import columns_of
from regjax.config.combinations import check_combinations
from regjax.config.schema import Config, DataConfig, flatten
from regjax.errors import UserError, invalid, invalid_choice
from regjax.techniques.declaration import (
    ABOVE_0,
    AT_LEAST_0,
    BELOW_1,
    BETWEEN,
    COUNT,
    FINITE,
    MAX_REAL,
    MAX_WHOLE,
    MIN_REAL,
    POSITIVE_SHARE,
    SHARE,
    WHOLE,
    Number,
    Range,
    as_float32,
)
from regjax.techniques.settings import (
    FINAL,
    NUMBERS,
    SCHEDULE,
    SCHEDULES,
    choices,
    neutral_values,
    per_layer,
    schedule_of,
)
from regjax.validation import check_validation

ACTIVATIONS = ("relu", "gelu", "silu", "tanh", "sigmoid", "selu", "elu", "leaky_relu")
KERNEL_INITS = (
    *(f"{scale}_{shape}" for scale in ("glorot", "he", "lecun") for shape in ("uniform", "normal")),
    "normal",
)
# The numbers that each optimizer and each schedule reads.
Kinds = dict[str, tuple[str, ...]]
OPTIMIZER_NUMBERS: Kinds = {
    "sgd": ("momentum", "nesterov"),
    "adam": ("beta1", "beta2", "epsilon"),
    "adamw": ("beta1", "beta2", "epsilon"),
    "rmsprop": ("rho", "epsilon"),
}
SCHEDULE_NUMBERS: Kinds = {
    "constant": (),
    "cosine": ("final_fraction",),
    "exponential": ("decay_rate", "decay_epochs"),
    "step": ("decay_rate", "decay_epochs"),
}
MIRROR = re.compile(r"https?://[^\s/]\S*/")
MONITOR_MODES = {"val_loss": "min", "val_accuracy": "max"}

CHOICES: dict[str, tuple[str, ...]] = {
    "platform": ("auto", "cpu", "gpu", "tpu"),
    "precision": ("float32", "tf32", "bfloat16"),
    "checkpoint": ("selected", "every_epoch", "every_minutes", "none"),
    "data.source": ("sklearn", "idx", "tfds"),
    "data.scaling": ("unit", "standard", "none"),
    "model.activation": ACTIVATIONS,
    "model.kernel_init": KERNEL_INITS,
    "model.block": ("dense", "resnet"),
    "optimizer.name": tuple(OPTIMIZER_NUMBERS),
    "schedule.name": tuple(SCHEDULE_NUMBERS),
    "early_stopping.monitor": tuple(MONITOR_MODES),
    "early_stopping.mode": ("auto", "min", "max"),
    "sweep.grouping": ("exact", "union"),
    "compare.metric": ("test_accuracy", "val_accuracy", "test_loss", "val_loss"),
    **choices(),
}

# These values turn techniques off, and the program leaves such a technique out. They are also the defaults.
# The last two turn nothing on: they belong to group norm and to residual blocks.
NEUTRAL = neutral_values() | {"model.norm_groups": None, "model.block": "dense"}

FOLDERS = ("cache_dir", "data.manual_dir", "data.data_dir")


WIDTHS = (
    f"must list layer widths of 1 or more, up to {MAX_WHOLE}, such as [300,100]; [] is a linear classifier"
)


def _or_off(number: Number) -> Range:
    """The range of a technique's number. If only null turns the technique off, the sentence says so."""
    off = "" if number.neutral is not None else ", or null (off)"
    return number.range._replace(allowed=number.range.allowed + off)


RANGES: dict[str, Range] = {
    **dict.fromkeys(("seed", "data.split_seed", "data.test_seed"), WHOLE),
    "data.train_size": COUNT,
    "data.test_share": BETWEEN,
    "model.norm_momentum": BELOW_1,
    **dict.fromkeys(("model.norm_epsilon", "model.init_stddev"), ABOVE_0),
    "model.norm_groups": COUNT._replace(allowed=f"{COUNT.allowed}, or null (no groups)"),
    "optimizer.learning_rate": ABOVE_0,
    **{f"optimizer.{name}": BELOW_1 for name in ("momentum", "beta1", "beta2", "rho")},
    "optimizer.epsilon": ABOVE_0,
    "schedule.warmup_epochs": AT_LEAST_0,
    "schedule.final_fraction": SHARE,
    "schedule.decay_rate": POSITIVE_SHARE,
    "schedule.decay_epochs": ABOVE_0,
    **dict.fromkeys(("trainer.epochs", "trainer.batch_size", "trainer.evaluation_batch_size"), COUNT),
    "sweep.lanes": COUNT._replace(allowed=f"{COUNT.allowed}, or null (chosen by device and memory)"),
    "checkpointing.minutes": ABOVE_0,
    "checkpointing.keep": COUNT,
    "compare.effect": AT_LEAST_0,
    "compare.alpha": BETWEEN,
    "compare.looks": COUNT,
    "report.epochs_to": POSITIVE_SHARE._replace(allowed=f"{POSITIVE_SHARE.allowed}, or null (off)"),
    "early_stopping.min_delta": AT_LEAST_0,
    "early_stopping.baseline": FINITE,
    "early_stopping.start_from_epoch": WHOLE,
    **{number.key: _or_off(number) for number in NUMBERS if not number.per_layer},
}


def check(config: Config) -> None:
    """Raises `UserError` for the first key with a value that is out of range or contradicts another key."""
    values = flatten(config)
    for key, names in CHOICES.items():
        if values[key] not in names:
            raise invalid_choice(key, values[key], names)
    for key, limits in RANGES.items():
        value = values[key]
        if value is not None:
            _check_number(key, value, limits)
    for key in FOLDERS:
        if values[key] is not None and not values[key].strip():  # it would mean the current folder
            raise invalid(key, values[key], "must name a folder; leave it out for the default")
        if (values[key] or "").startswith("~") and os.path.expanduser(values[key]) == values[key]:
            raise invalid(key, values[key], "must be a folder; the user after ~ has no home here")
    _check_mirror(config.data)
    check_validation(config.data.validation)
    if not all(_is_number(width) and COUNT.accepts(width) for width in config.model.hidden):
        raise invalid("model.hidden", config.model.hidden, WIDTHS)
    for number in NUMBERS:
        _check_technique_number(number, values)
    check_combinations(values)
    _check_groups(values)
    _check_blocks(values)
    _check_relevant("optimizer", config.optimizer.name, values, OPTIMIZER_NUMBERS)
    _check_relevant("schedule", config.schedule.name, values, SCHEDULE_NUMBERS)
    if config.schedule.warmup_epochs > config.trainer.epochs:
        allowed = f"must be at most trainer.epochs, which is {config.trainer.epochs}"
        raise invalid("schedule.warmup_epochs", config.schedule.warmup_epochs, allowed)
    _check_looks(config)
    columns_of(config.report.columns)


def _check_number(key: str, value: float, limits: Range) -> None:
    rounded = as_float32(value) if isinstance(value, float) else value
    beyond = value != 0 and FINITE.accepts(value) and not MIN_REAL <= abs(value) <= MAX_REAL
    if beyond or not limits.accepts(value):
        note = f"; float32 holds numbers from {MIN_REAL:.2g} to {MAX_REAL:.2g} in size" if beyond else ""
        if not beyond and rounded != value and rounded == limits.high:
            note = f"; it rounds to {rounded:g} in float32"
        raise invalid(key, value, f"{limits.allowed}{note}")


def _check_technique_number(number: Number, values: dict[str, Any]) -> None:
    """Checks a number's lists for the layers, and the end of its schedule. The range says nothing of them."""
    keys = [number.key]
    if number.scheduled:
        key, final, kind = number.key + FINAL, values[number.key + FINAL], schedule_of(number, values)
        keys.append(key)
        if kind == SCHEDULES[0] and final is not None:
            kinds = f"{', '.join(SCHEDULES[1:-1])} or {SCHEDULES[-1]}"
            allowed = f"{number.key}{SCHEDULE}={kind} does not read it; choose {kinds}"
            raise invalid(key, final, allowed)
        if kind != SCHEDULES[0] and final is None:
            allowed = f"it needs {key}, the value at the end of training"
            raise invalid(number.key + SCHEDULE, kind, allowed)
    for key in keys:
        if number.per_layer:
            _check_layers(key, values, number.range)
        elif key != number.key and values[key] is not None:
            _check_number(key, values[key], number.range)


def _check_layers(key: str, values: dict[str, Any], limits: Range) -> None:
    given, entries = values[key], per_layer(values, key)
    depth = len(values["model.hidden"])
    named = given if isinstance(given, list) else [given]
    legal = all(entry is None or (_is_number(entry) and limits.accepts(entry)) for entry in named)
    if len(entries) != depth or not legal:
        allowed = f"{limits.allowed}, or a list of them, one per hidden layer (here {depth})"
        raise invalid(key, given, allowed)


def _check_groups(values: dict[str, Any]) -> None:
    groups, hidden = values["model.norm_groups"], values["model.hidden"]
    if values["model.norm"] == "group" and any(width % groups for width in hidden):
        raise invalid("model.norm_groups", groups, f"must divide every width of model.hidden, here {hidden}")


def _check_blocks(values: dict[str, Any]) -> None:
    if values["model.block"] != "resnet":
        return
    if not values["model.residual"]:
        raise invalid("model.block", "resnet", "needs residual blocks: add model.residual=true")
    widths = values["model.hidden"]
    if len(widths) < 3 or len(widths) % 2 == 0 or len(set(widths[::2])) > 1:
        allowed = "must list 3, 5, 7 or more widths, with the first, third, fifth and so on the same"
        raise invalid("model.hidden", widths, f"{allowed}, such as [64,128,64], for model.block=resnet")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and FINITE.accepts(value)


def _check_mirror(data: DataConfig) -> None:
    if data.mirror is not None and not MIRROR.fullmatch(data.mirror):
        allowed = "must be null, or an address that ends in a slash, such as https://example.org/mnist/"
        raise invalid("data.mirror", data.mirror, allowed)
    if data.mirror and data.source == "tfds":
        allowed = "data.source=tfds does not read it: TFDS knows where its datasets are; leave it out"
        raise invalid("data.mirror", data.mirror, allowed)


def _check_relevant(section: str, name: str, values: dict[str, Any], numbers: Kinds) -> None:
    """Refuses a number that is missing although the chosen kind reads it, or given although it does not."""
    for key in sorted({key for keys in numbers.values() for key in keys}):
        value = values[f"{section}.{key}"]
        if key in numbers[name] and value is None:
            allowed = f"{section}.name={name} needs a value here ({section}={name} sets one)"
            raise invalid(f"{section}.{key}", "null", allowed)
        if key not in numbers[name] and value is not None:
            readers = " or ".join(kind for kind, keys in numbers.items() if key in keys)
            raise UserError(
                f"{section}.{key}={value}: {section}.name={name} does not read it; "
                f"choose {section}={readers}, or leave {section}.{key} out "
                f"({section}={name} sets the numbers that {name} reads)."
            )


def _check_looks(config: Config) -> None:
    stopping = config.early_stopping
    natural = MONITOR_MODES[stopping.monitor]
    if stopping.mode not in ("auto", natural):
        allowed = f"{stopping.monitor} is better the other way: use {natural} or auto"
        raise invalid("early_stopping.mode", stopping.mode, allowed)
    unvalidated = config.data.validation == 0
    if unvalidated and config.compare.metric.startswith("val_"):
        allowed = "data.validation=0 leaves no validation rows to compare on; use test_accuracy or test_loss"
        raise invalid("compare.metric", config.compare.metric, allowed)
    if unvalidated and config.report.epochs_to is not None:
        allowed = "data.validation=0 leaves no validation rows to measure accuracy on; leave it out"
        raise invalid("report.epochs_to", config.report.epochs_to, allowed)
