"""Wrong values are refused by a message that names them; the files of `conf/` compose to what they say."""

import copy
import re
from functools import cache
from typing import Any

import jax
import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from regjax.config import Config, check, explain, flatten
from regjax.data.dataset import Split
from regjax.errors import UserError
from regjax.saved.resolve import resolve
from regjax.techniques.settings import neutral_values
from regjax.training.spec import Numerics, StaticSpec
from tests.small import ROOT, clusters, composed

CONF = ROOT / "conf"
INT32, NOT_FINITE = 2**31 - 1, (float("nan"), float("inf"), -float("inf"))
BELOW_1 = ((0.0, 0.999), (-0.001, 1 - 1e-9, 1.0, *NOT_FINITE))  # the second is 1 in float32
AT_LEAST_0 = ((0.0, 1e6), (-1e-9, *NOT_FINITE))
ABOVE_0 = ((1e-12, 1e3), (0.0, -1e-9, *NOT_FINITE))
FROM_0_TO_1 = ((0.0, 1.0), (-0.001, 1.001, *NOT_FINITE))
FROM_0, FROM_1 = ((0, INT32), (-1, INT32 + 1)), ((1, INT32), (0, -1, INT32 + 1))
# Of each number: the values that are just legal, and those that just are not.
BOUNDARIES = {
    **dict.fromkeys(["seed", "data.split_seed", "data.test_seed", "early_stopping.start_from_epoch"], FROM_0),
    **dict.fromkeys(["trainer.epochs", "trainer.batch_size", "trainer.evaluation_batch_size"], FROM_1),
    **dict.fromkeys(["penalty.l1", "penalty.l2", "optimizer.weight_decay"], AT_LEAST_0),
    **dict.fromkeys(["target.mixup", "optimizer.sam"], AT_LEAST_0),
    "schedule.warmup_epochs": ((0.0, 30.0), (-1e-9, 30.001, *NOT_FINITE)),  # of 30 epochs
    "early_stopping.min_delta": AT_LEAST_0,
    **dict.fromkeys(["optimizer.momentum", "optimizer.beta1", "optimizer.beta2", "optimizer.rho"], BELOW_1),
    **dict.fromkeys(["optimizer.learning_rate", "optimizer.epsilon", "schedule.decay_epochs"], ABOVE_0),
    **dict.fromkeys(["model.norm_epsilon", "model.init_stddev"], ABOVE_0),
    **{"compare.effect": ((None, *AT_LEAST_0[0]), AT_LEAST_0[1]), "compare.looks": FROM_1},
    **{"checkpointing.minutes": ABOVE_0, "checkpointing.keep": FROM_1, "model.norm_momentum": BELOW_1},
    **dict.fromkeys(["model.input_dropout", "schedule.final_fraction"], FROM_0_TO_1),
    **{"target.label_smoothing": FROM_0_TO_1, "average.ema": BELOW_1},
    **dict.fromkeys(["optimizer.clip_norm", "constraint.max_norm"], ((None, *ABOVE_0[0]), ABOVE_0[1])),
    "schedule.decay_rate": ((1e-9, 1.0), (0.0, 1.001, *NOT_FINITE)),
    **dict.fromkeys(["data.train_size", "sweep.lanes"], ((None, *FROM_1[0]), FROM_1[1])),
    "report.epochs_to": ((None, 1e-9, 1.0), (0.0, 1.001, *NOT_FINITE)),
    **dict.fromkeys(["data.test_share", "compare.alpha"], ((0.001, 0.999), (0.0, 1.0, *NOT_FINITE))),
    "early_stopping.patience": ((None, *FROM_0[0]), FROM_0[1]),
    "early_stopping.baseline": ((None, -5.0, 0.0), NOT_FINITE),
}
# Other tests check these. The battery checks the numbers of the techniques that are not named here.
APART = {"model.hidden", "model.dropout", "model.dropout_final", "model.norm_groups"}
ADDED = neutral_values().keys() - {*BOUNDARIES, *APART, "model.norm", "model.dropout_schedule"}
# Of each name: what may be chosen, a slip, and what was meant.
NAMES = {
    "platform": ("auto cpu gpu tpu", "gqu", "gpu"),
    "precision": ("float32 tf32 bfloat16", "float23", "float32"),
    "checkpoint": ("selected every_epoch every_minutes none", "selcted", "selected"),
    "data.source": ("sklearn idx tfds", "sklern", "sklearn"),
    "data.scaling": ("unit standard none", "standrad", "standard"),
    "model.activation": ("relu gelu silu tanh sigmoid selu elu leaky_relu", "leakyrelu", "leaky_relu"),
    "model.norm": ("none batch layer rms weight", "bacth", "batch"),
    "model.dropout_schedule": ("constant", "linaer", "linear"),
    "model.kernel_init": ("glorot_uniform he_normal lecun_uniform normal", "he_norml", "he_normal"),
    "model.block": ("dense", "resent", "resnet"),
    "optimizer.name": ("adam", "adma", "adam"),
    "schedule.name": ("constant", "consine", "cosine"),
    "sweep.grouping": ("exact union", "unoin", "union"),
    "early_stopping.monitor": ("val_loss val_accuracy", "val_acc", "val_accuracy"),
    "early_stopping.mode": ("auto min", "mni", "min"),
    "compare.metric": ("test_accuracy val_accuracy test_loss val_loss", "test_acuracy", "test_accuracy"),
}
SLIPS = {
    "model.dropuot=.2": "model.dropout", "modle.dropout=.2": "model.dropout",
    "model.dropuot=0,.5": "model.dropout", "trainer.epoch=3": "trainer.epochs", "optimiser=sgd": "optimizer",
    "data=mnits": "mnist", "model=mpl": "mlp", "optimizer=sdg": "sgd", "regularization=drpout": "dropout",
    "lr=.1": "optimizer.learning_rate", "optimizer.lr=.1": "optimizer.learning_rate",
    "dropout=.2": "model.dropout",
    "schedule=cosin": "cosine", "debug=fats": "fast", "experiment=notebok1": "notebook1",
    "experiment=papers/kears_mlp": "papers/keras_mlp",
}  # fmt: skip
OTHER_TYPES = [
    "trainer.epochs=abc", "trainer.epochs=1.5", "trainer.epochs=true", "trainer.epochs=[1]", "seed=null",
    "penalty=l2", "model.hidden=abc", "model.hidden=[a]", "model.hidden=[8,1.5]",
    "model.hidden=null", "model.residual=maybe",
]  # fmt: skip
RATES = r"from 0 to 1, .* one per hidden layer \(here 2\)"
PARTS = r"share in \(0, 1\), a count, first:N, test or 0"
FORMS = [
    *[("model.dropout", rate, RATES) for rate in (-0.1, 1.5, *NOT_FINITE, "abc", True)],
    *[("model.dropout", rates, RATES) for rates in ([], [0.1], [0.1] * 3, [0.1, 1.5], [0.1, "a"])],
    *[("model.hidden", widths, "widths of 1 or more") for widths in ([0], [8, -1], [8, INT32 + 1])],
    *[("data.validation", part, PARTS) for part in (None, True, [1], {"a": 1}, *NOT_FINITE)],
    *[("data.validation", part, PARTS) for part in (-1, 1.5, "0.2", "20%", "first", "first:0", "last:5")],
]
READERS = {
    "optimizer.momentum": "optimizer=sgd", "optimizer.nesterov": "optimizer=sgd",
    "optimizer.rho": "optimizer=rmsprop",
    "schedule.final_fraction": "schedule=cosine", "schedule.decay_rate": "schedule=exponential",
    "schedule.decay_epochs": "schedule=exponential",
}  # fmt: skip


@cache
def base(*overrides: str) -> Config:
    return composed(*overrides)


def changed(key: str, value: Any, *overrides: str) -> Config:
    """The configuration of `overrides`, of a kind that reads the key, with one value replaced; unchecked."""
    config = copy.deepcopy(base(*overrides, *([READERS[key]] if key in READERS else [])))
    section, _, leaf = key.rpartition(".")
    setattr(getattr(config, section) if section else config, leaf, value)
    return config


def refusal(*overrides: str) -> str:
    """The message that the command line gives for these overrides."""
    with pytest.raises((UserError, HydraException, OmegaConfBaseException)) as caught:
        composed(*overrides)
    return explain(caught.value, list(overrides), CONF, composed=False)


def test_every_key_is_checked_by_one_of_the_tests_below():
    types = {key: type(value) for key, value in flatten(base()).items()}
    switches = {key for key, kind in types.items() if kind is bool} | {"optimizer.nesterov"}
    free = {
        "compare.baseline",
        "compare.within",
        "data.name",
        "data.manual_dir",
        "data.data_dir",
        "cache_dir",
    }
    checked_apart = APART | {"data.validation", "data.mirror", "report.columns"}
    assert set(types) - ADDED == {*BOUNDARIES, *NAMES, *switches, *free, *checked_apart}


@pytest.mark.parametrize("key", BOUNDARIES)
def test_numbers_are_legal_up_to_their_boundaries_and_refused_beyond(key):
    legal, illegal = BOUNDARIES[key]
    for value in legal:
        check(changed(key, value))
    for value in illegal:
        with pytest.raises(UserError, match=re.escape(f"{key}={value}: must be ")):
            check(changed(key, value))


@pytest.mark.parametrize("key", NAMES)
def test_names_are_accepted_as_listed_and_refused_with_the_near_miss_otherwise(key):
    accepted, wrong, intended = NAMES[key]
    for name in accepted.split():
        check(changed(key, name))
    message = refusal(f"{key}={wrong}")
    assert message.startswith(f"{key}={wrong}: must be one of ")
    assert all(name in message for name in accepted.split())
    assert message.endswith(f"Did you mean '{intended}'?")


@pytest.mark.parametrize(("given", "intended"), SLIPS.items())
def test_unknown_keys_and_choices_are_refused_with_the_near_miss(given, intended):
    message = refusal(given)
    assert message.startswith(f"{given}: ")
    assert message.endswith(f"Did you mean '{intended}'?")


@pytest.mark.parametrize("added", ["+foo=1", "++foo=1", "+model._target_=os.system", "+model.dropuot=0.1"])
def test_no_key_can_be_added(added):
    assert refusal(added).startswith(f"{added.lstrip('+')}: there is no such key, and none can be added.")


@pytest.mark.parametrize("given", [*OTHER_TYPES, "model.dropout=[0.1", "model.dropout"])
def test_what_has_another_type_or_cannot_be_read_is_refused_as_it_was_typed(given):
    assert refusal(given).startswith(f"{given}: ")


@pytest.mark.parametrize(("key", "value", "allowed"), FORMS)
def test_rates_widths_and_validation_parts_of_no_legal_form_are_refused(key, value, allowed):
    shown = "null" if value is None else "true" if value is True else re.escape(str(value))
    with pytest.raises(UserError, match=f"^{key}={shown}: must .*{allowed}"):
        check(changed(key, value, "model.hidden=[8,4]"))


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        ("optimizer.momentum=0.9", "optimizer.momentum=0.9 adam optimizer=sgd"),
        ("optimizer=sgd optimizer.beta1=0.9", "optimizer.beta1=0.9 sgd optimizer=adam adamw"),
        ("optimizer=sgd optimizer.momentum=null", "optimizer.momentum=null optimizer=sgd"),
        ("optimizer.name=sgd", "optimizer.beta1 optimizer=sgd"),
        ("schedule.decay_rate=0.5", "schedule.decay_rate=0.5 constant schedule=exponential step"),
        ("schedule=step schedule.decay_rate=null", "schedule.decay_rate=null schedule=step"),
        ("early_stopping.mode=max", "early_stopping.mode=max val_loss min"),
        ("report.columns=regularisation", "report.columns=regularisation: 'regularization'?"),
        ("report.columns=[gap,zeroes]", "report.columns=zeroes: 'zeros'?"),
        ("report.epochs_to=0.9 data.validation=0", "report.epochs_to=0.9 data.validation=0 leave"),
        ("early_stopping.monitor=val_accuracy early_stopping.mode=min", "mode=min val_accuracy max"),
        ("model.dropout_final=0.3", "model.dropout_final=0.3 model.dropout_schedule=constant linear cosine"),
        ("model.dropout_schedule=linear", "model.dropout_schedule=linear: model.dropout_final, end"),
        ("model.dropout_schedule=linear model.dropout_final=1.5", "model.dropout_final=1.5 from 0 to 1"),
        ("model.dropout_schedule=linear model.dropout_final=[0.1]", "model.dropout_final=[0.1] (here 2)"),
        ("model.norm=batch trainer.batch_size=1", "trainer.batch_size=1 model.norm=batch 2 rows"),
        ("model.norm=group", "model.norm_groups=null group_norm model.norm=group number"),
        ("model.norm=group model.norm_groups=0", "model.norm_groups=0 whole number"),
        ("model.norm=group model.norm_groups=3", "model.norm_groups=3 divide model.hidden [128, 64]"),
        ("model.stochastic_depth=.1", "model.residual=false stochastic_depth residual blocks"),
        (
            "model.stochastic_depth=.1 model.residual=true",
            "model.hidden=[128, 64] stochastic_depth one width",
        ),
        ("model.block=resnet", "model.block=resnet: model.residual=true"),
        ("model.block=resnet model.residual=true", "model.hidden=[128, 64]: [64,128,64] model.block=resnet"),
        ("early_stopping.patience=3 data.validation=0", "early_stopping.patience=3 data.validation=0"),
        ("data=tfds", "data.name=VALUE"),
    ],
)
def test_values_that_contradict_each_other_are_refused_by_name(overrides, named):
    message = refusal(*overrides.split())
    assert all(part in message for part in named.split())


def test_techniques_compose_in_any_order_and_a_number_on_the_command_line_wins():
    none, both = flatten(base()), flatten(base("regularization=[dropout,l2]"))
    dropout, l2 = (flatten(base(f"regularization={name}")) for name in ("dropout", "l2"))
    assert both == dropout | {"penalty.l2": l2["penalty.l2"]} == flatten(base("regularization=[l2,dropout]"))
    assert none == flatten(base("regularization=none")) == flatten(base("regularization=[]"))
    for overrides in (["regularization=[dropout]", "model.dropout=0.4"], ["model.dropout=0.4"]):
        assert base(*overrides, "regularization=dropout").model.dropout == 0.4


@pytest.mark.parametrize(
    ("experiment", "rates", "protocol"),
    [
        ("notebook1", "0,0.2", ("mnist", "first:5000", [300, 100], "adam", 1e-3, 1e-7, 1000, 25)),
        ("notebook2", "0,0.5", ("mnist", "test", [128], "adam", 1e-3, 1e-7, 32, 5)),
        ("papers/keras_mlp", None, ("mnist", 0, [512, 512], "rmsprop", 1e-3, 1e-7, 128, 20)),
    ],
)
def test_experiments_state_the_published_protocol(experiment, rates, protocol):
    config = composed(f"experiment={experiment}", "model.dropout=0.35")
    optimizer, trainer = config.optimizer, config.trainer
    numbers = (optimizer.name, optimizer.learning_rate, optimizer.epsilon, trainer.batch_size, trainer.epochs)
    assert (config.data.name, config.data.validation, config.model.hidden, *numbers) == protocol
    assert (config.model.activation, config.model.kernel_init) == ("relu", "glorot_uniform")
    assert config.model.dropout == 0.35
    with initialize_config_dir(str(CONF), version_base="1.3"):
        hydra = compose("config", [f"experiment={experiment}"], return_hydra_config=True).hydra
    assert (hydra.mode is not None, hydra.sweeper.params) == (bool(rates), rates and {"model.dropout": rates})


ON = [
    "model.hidden=[8,4]", "model.dropout=0.5", "model.input_dropout=0.1", "penalty.l1=0.1", "penalty.l2=0.1",
    "optimizer.clip_norm=1", "schedule.warmup_epochs=1", "early_stopping.patience=2",
]  # fmt: skip
NOT_TRACED = ("data.", "compare.", "report.", "sweep.", "checkpointing.")
WHOLE = {key: 4 for key in BOUNDARIES if BOUNDARIES[key][0][-1] == INT32 and not key.startswith(NOT_TRACED)}
SIZES = ("trainer.batch_size", "trainer.evaluation_batch_size")
REAL = {key: 0.4 for key in BOUNDARIES if key not in WHOLE and not key.startswith(NOT_TRACED)}
STRUCTURAL = {
    **dict.fromkeys(SIZES, 7), "precision": "bfloat16", "model.hidden": [9, 9], "model.activation": "tanh",
    "model.norm": "batch", "model.residual": True, "model.use_bias": False, "model.kernel_init": "normal",
    "model.dropout": [0.5, 0.0], "penalty.biases": True, "optimizer.nesterov": True,
    "early_stopping.monitor": "val_accuracy", "early_stopping.restore_best": False,
}  # fmt: skip


def resolved(config: Config) -> tuple[StaticSpec, Numerics]:
    rows = np.arange(60, dtype=np.int32)
    return resolve(config, clusters(rows=60), Split(rows[:40], rows[:10], rows[40:50], rows[50:]))


@pytest.mark.parametrize("key", sorted({*WHOLE, *REAL} - {*SIZES}))
def test_a_numeric_key_changes_the_traced_numbers_and_not_the_program(key):
    values = (4, 5) if key in WHOLE else (0.4, 0.6)
    (spec, numbers), (other_spec, other) = (resolved(changed(key, value, *ON)) for value in values)
    assert other_spec == spec
    assert str(jax.tree.leaves(other)) != str(jax.tree.leaves(numbers))


@pytest.mark.parametrize("key", STRUCTURAL)
def test_a_structural_key_changes_the_program(key):
    overrides = [*ON, *([READERS[key]] if key in READERS else [])]
    assert resolved(changed(key, STRUCTURAL[key], *ON))[0] != resolved(base(*overrides))[0]


@pytest.mark.parametrize(
    ("key", "flag"), [("optimizer.momentum", "momentum"), ("schedule.warmup_epochs", "warmup")]
)
def test_momentum_and_a_warm_up_of_zero_are_not_in_the_program(key, flag):
    on, off = (resolved(changed(key, value))[0] for value in (0.5, 0.0))
    assert (getattr(on, flag), on) == (True, off._replace(**{flag: True}))


def test_a_batch_that_the_rows_cannot_fill_is_refused():
    resolved(changed("trainer.batch_size", 40))
    with pytest.raises(UserError, match=r"trainer\.batch_size=41: .*\(data\.train_size=9\).*choose 1 to 40"):
        resolved(changed("trainer.batch_size", 41, "data.train_size=9"))
