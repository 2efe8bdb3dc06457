"""Refuses values out of range before anything is loaded or computed."""

import os
import re
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from regjax.config.schema import Config, DataConfig, flatten
from regjax.errors import UserError, invalid, invalid_choice
from regjax.validation import check_validation

ACTIVATIONS = ("relu", "gelu", "silu", "tanh", "sigmoid", "selu", "elu", "leaky_relu")
KERNEL_INITS = (
    *(f"{scale}_{shape}" for scale in ("glorot", "he", "lecun") for shape in ("uniform", "normal")),
    "normal",
)
# The numbers that some optimizers and schedules read, and others do not.
Kinds = dict[str, tuple[str, ...]]
OPTIMIZER_NUMBERS: Kinds = {
    "sgd": ("momentum", "nesterov"),
    "adam": ("beta1", "beta2", "epsilon"),
    "adamw": ("beta1", "beta2", "epsilon", "weight_decay"),
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
    "model.norm": ("none", "batch", "layer"),
    "model.kernel_init": KERNEL_INITS,
    "optimizer.name": tuple(OPTIMIZER_NUMBERS),
    "schedule.name": tuple(SCHEDULE_NUMBERS),
    "early_stopping.monitor": tuple(MONITOR_MODES),
    "early_stopping.mode": ("auto", "min", "max"),
    "sweep.grouping": ("exact", "union"),
    "compare.metric": ("test_accuracy", "val_accuracy", "test_loss", "val_loss"),
}

# The value that turns a technique off, so that the program leaves it out.
NEUTRAL: dict[str, Any] = {
    **dict.fromkeys(("model.dropout", "model.input_dropout"), 0),
    **dict.fromkeys(("penalty.l1", "penalty.l2", "optimizer.weight_decay"), 0),
    **dict.fromkeys(("optimizer.clip_norm", "early_stopping.patience")),
    "model.norm": "none",
}

FOLDERS = ("cache_dir", "data.manual_dir", "data.data_dir")


class Range(NamedTuple):
    """The condition on a number, and its text for messages. NaN and infinity satisfy no range."""

    accepts: Callable[[Any], bool]
    allowed: str


# Integers are traced as int32.
MAX_WHOLE = 2**31 - 1
# Reals are traced as float32. XLA flushes what is below its smallest normal number to 0.
MIN_REAL, MAX_REAL = 2.0**-126, (2 - 2.0**-23) * 2.0**127
WIDTHS = (
    f"must list layer widths of 1 or more, up to {MAX_WHOLE}, such as [300,100]; [] is a linear classifier"
)
WHOLE = Range(lambda x: 0 <= x <= MAX_WHOLE, f"must be a whole number from 0 to {MAX_WHOLE}")
COUNT = Range(lambda x: 1 <= x <= MAX_WHOLE, f"must be a whole number from 1 to {MAX_WHOLE}")
AT_LEAST_0 = Range(lambda x: x >= 0, "must be a finite number, 0 or more")
ABOVE_0 = Range(lambda x: x > 0, "must be a finite number above 0")
SHARE = Range(lambda x: 0 <= x <= 1, "must be a number from 0 to 1")
BELOW_1 = Range(lambda x: 0 <= x < 1, "must be a number from 0 up to, not including, 1")
POSITIVE_SHARE = Range(lambda x: 0 < x <= 1, "must be a number above 0, at most 1")
FINITE = Range(lambda x: True, "must be a finite number")

RANGES: dict[str, Range] = {
    **dict.fromkeys(("seed", "data.split_seed", "data.test_seed"), WHOLE),
    "data.train_size": COUNT,
    "data.test_share": Range(lambda x: 0 < x < 1, "must be a share between 0 and 1"),
    "model.input_dropout": SHARE,
    "model.norm_momentum": BELOW_1,
    **dict.fromkeys(("model.norm_epsilon", "model.init_stddev"), ABOVE_0),
    **dict.fromkeys(("penalty.l1", "penalty.l2"), AT_LEAST_0),
    "optimizer.learning_rate": ABOVE_0,
    **{f"optimizer.{name}": BELOW_1 for name in ("momentum", "beta1", "beta2", "rho")},
    "optimizer.epsilon": ABOVE_0,
    "optimizer.weight_decay": AT_LEAST_0,
    "optimizer.clip_norm": ABOVE_0,
    "schedule.warmup_epochs": AT_LEAST_0,
    "schedule.final_fraction": SHARE,
    "schedule.decay_rate": POSITIVE_SHARE,
    "schedule.decay_epochs": ABOVE_0,
    **dict.fromkeys(("trainer.epochs", "trainer.batch_size", "trainer.evaluation_batch_size"), COUNT),
    "sweep.lanes": Range(COUNT.accepts, f"{COUNT.allowed}, or null (chosen by device and memory)"),
    "checkpointing.minutes": ABOVE_0,
    "checkpointing.keep": COUNT,
    "compare.effect": ABOVE_0,
    "compare.alpha": Range(lambda x: 0 < x < 1, "must be a number between 0 and 1"),
    "early_stopping.min_delta": AT_LEAST_0,
    "early_stopping.patience": Range(WHOLE.accepts, f"{WHOLE.allowed}, or null (off)"),
    "early_stopping.baseline": FINITE,
    "early_stopping.start_from_epoch": WHOLE,
}


def check(config: Config) -> None:
    """Raises `UserError` for the first key whose value is out of range or contradicts another key."""
    values = flatten(config)
    for key, choices in CHOICES.items():
        if values[key] not in choices:
            raise invalid_choice(key, values[key], choices)
    for key, limits in RANGES.items():
        value = values[key]
        if value is not None and not (_is_finite(value) and limits.accepts(value)):
            raise invalid(key, value, limits.allowed)
        if value and not MIN_REAL <= abs(value) <= MAX_REAL:
            float32 = f"float32 holds numbers from {MIN_REAL:.2g} to {MAX_REAL:.2g} in size"
            raise invalid(key, value, f"{limits.allowed}; {float32}")
    for key in FOLDERS:
        if values[key] is not None and not values[key].strip():  # it would be the current folder
            raise invalid(key, values[key], "must name a folder; leave it out for the usual one")
        if (values[key] or "").startswith("~") and os.path.expanduser(values[key]) == values[key]:
            raise invalid(key, values[key], "must be a folder; this one's user has no home here")
    _check_mirror(config.data)
    check_validation(config.data.validation)
    if not all(_is_number(width) and COUNT.accepts(width) for width in config.model.hidden):
        raise invalid("model.hidden", config.model.hidden, WIDTHS)
    dropout_rates(config)
    _check_relevant("optimizer", config.optimizer.name, values, OPTIMIZER_NUMBERS)
    _check_relevant("schedule", config.schedule.name, values, SCHEDULE_NUMBERS)
    _check_looks(config)


def dropout_rates(config: Config) -> tuple[float, ...]:
    """One rate per hidden layer. `model.dropout` is one number for all layers, or a list."""
    given, depth = config.model.dropout, len(config.model.hidden)
    named, rates = (given, given) if isinstance(given, list) else ([given], [given] * depth)
    if len(rates) != depth or not all(_is_number(rate) and SHARE.accepts(rate) for rate in named):
        allowed = f"must be a number from 0 to 1, or a list of them, one per hidden layer (here {depth})"
        raise invalid("model.dropout", given, allowed)
    return tuple(float(rate) for rate in rates)


# Two techniques that set the same key. The later one would silently undo the other.
OF_ONE_KEY = {
    ("batch_norm", "layer_norm"): "model.norm",
    ("l1", "elastic_net"): "penalty.l1",
    ("l2", "elastic_net"): "penalty.l2",
}


def check_regularization(names: list[str]) -> None:
    """Refuses `none` beside a technique, two techniques that set one key, and one that is named twice."""
    shown = f"[{','.join(names)}]"
    if "none" in names and len(names) > 1:
        rest = ",".join(name for name in names if name != "none")
        raise invalid("regularization", shown, f"none stands alone; leave it out: 'regularization=[{rest}]'")
    for (one, other), key in OF_ONE_KEY.items():
        if {one, other} <= set(names):
            raise invalid("regularization", shown, f"{one} and {other} both set {key}; name one of them")
    for name in names:
        if names.count(name) > 1:
            raise invalid("regularization", shown, f"{name} is named {names.count(name)} times; name it once")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and _is_finite(value)


def _is_finite(value: float) -> bool:
    return abs(value) <= sys.float_info.max  # math.isfinite raises for an int that is too large for a float


def _check_mirror(data: DataConfig) -> None:
    if data.mirror is not None and not MIRROR.fullmatch(data.mirror):
        allowed = "must be null, or an address that ends in a slash, such as https://example.org/mnist/"
        raise invalid("data.mirror", data.mirror, allowed)
    if data.mirror and data.source == "tfds":
        allowed = "data.source=tfds does not read it: TFDS knows its sets' addresses itself; leave it out"
        raise invalid("data.mirror", data.mirror, allowed)


def _check_relevant(section: str, name: str, values: dict[str, Any], numbers: Kinds) -> None:
    """Refuses a missing number that the chosen kind reads, and a given one that it does not read."""
    for key in sorted({key for keys in numbers.values() for key in keys}):
        value = values[f"{section}.{key}"]
        if key in numbers[name] and value is None:
            allowed = f"{section}.name={name} needs a value here ({section}={name} sets one)"
            raise invalid(f"{section}.{key}", "null", allowed)
        if key not in numbers[name] and value not in (None, NEUTRAL.get(f"{section}.{key}")):
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
    if stopping.patience is not None and unvalidated:
        allowed = f"it monitors {stopping.monitor}, and data.validation=0 leaves no validation rows"
        raise invalid("early_stopping.patience", stopping.patience, allowed)
