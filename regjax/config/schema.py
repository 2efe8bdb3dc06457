"""The name and type of every key. `conf/` has the values. The table of techniques has their defaults."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, TypeVar, dataclass_transform

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, Container, DictConfig, OmegaConf

from regjax.config.likely import hint
from regjax.errors import UserError, shown
from regjax.techniques.settings import CHOICES, FINAL, NUMBERS, SCHEDULE, neutral_values

Section = TypeVar("Section")


def _leaves(section: str) -> dict[str, tuple[Any, Any]]:
    """The type and the default of each key of the techniques in a section. Defaults are neutral values."""
    types: dict[str, Any] = {choice.key: str for choice in CHOICES}
    for number in NUMBERS:
        one: Any = int | None if number.range.whole else float | None
        types[number.key] = types[number.key + FINAL] = Any if number.per_layer else one
        types[number.key + SCHEDULE] = str
    defaults = neutral_values()
    keys = [key for key in types if key in defaults and key.startswith(f"{section}.")]
    return {key.removeprefix(f"{section}."): (types[key], defaults[key]) for key in keys}


@dataclass_transform()
def _with_techniques(section: str) -> Callable[[type[Section]], type[Section]]:
    """Adds the techniques' keys in a section to its class. mypy does not see them, so read them by key."""

    def extended(cls: type[Section]) -> type[Section]:
        for name, (kind, default) in _leaves(section).items():
            cls.__annotations__[name] = kind
            setattr(cls, name, default)
        return dataclass(cls)

    return extended


@dataclass_transform()
def _with_other_sections(cls: type[Section]) -> type[Section]:
    """Adds the sections that hold only keys of techniques, such as `constraint`."""
    for name in dict.fromkeys(key.partition(".")[0] for key in neutral_values()):
        if name not in cls.__annotations__:
            own = {"__annotations__": {}, "__module__": __name__}
            section: Any = _with_techniques(name)(type(f"{name.title()}Config", (), own))
            globals()[section.__name__] = section  # pickle looks for it here
            cls.__annotations__[name] = section
            setattr(cls, name, field(default_factory=section))
    return dataclass(cls)


@dataclass
class DataConfig:
    source: str = MISSING
    name: str = MISSING
    scaling: str = MISSING
    validation: Any = MISSING
    split_seed: int = MISSING
    train_size: int | None = MISSING
    test_share: float = MISSING
    test_seed: int = MISSING
    manual_dir: str | None = MISSING
    data_dir: str | None = MISSING
    mirror: str | None = MISSING


@_with_techniques("model")
class ModelConfig:
    hidden: list[int] = MISSING
    activation: str = MISSING
    norm_momentum: float = MISSING
    norm_epsilon: float = MISSING
    norm_groups: int | None = MISSING
    residual: bool = MISSING
    block: str = MISSING
    use_bias: bool = MISSING
    kernel_init: str = MISSING
    init_stddev: float = MISSING


@_with_techniques("penalty")
class PenaltyConfig:
    biases: bool = MISSING


@_with_techniques("optimizer")
class OptimizerConfig:
    name: str = MISSING
    learning_rate: float = MISSING
    momentum: float | None = MISSING
    nesterov: bool | None = MISSING
    beta1: float | None = MISSING
    beta2: float | None = MISSING
    rho: float | None = MISSING
    epsilon: float | None = MISSING


@dataclass
class ScheduleConfig:
    name: str = MISSING
    warmup_epochs: float = MISSING
    final_fraction: float | None = MISSING
    decay_rate: float | None = MISSING
    decay_epochs: float | None = MISSING


@dataclass
class TrainerConfig:
    epochs: int = MISSING
    batch_size: int = MISSING
    evaluation_batch_size: int = MISSING


@_with_techniques("early_stopping")
class EarlyStoppingConfig:
    monitor: str = MISSING
    mode: str = MISSING
    min_delta: float = MISSING
    baseline: float | None = MISSING
    start_from_epoch: int = MISSING
    restore_best: bool = MISSING


@dataclass
class CompareConfig:
    baseline: str | None = MISSING
    metric: str = MISSING
    effect: float | None = MISSING
    alpha: float = MISSING
    looks: int = MISSING
    within: str | None = MISSING


@dataclass
class ReportConfig:
    columns: Any = MISSING
    epochs_to: float | None = MISSING


@dataclass
class CheckpointingConfig:
    minutes: float = MISSING
    keep: int = MISSING
    allow_changes: bool = MISSING


@dataclass
class SweepConfig:
    lanes: int | None = MISSING
    grouping: str = MISSING
    retry: bool = MISSING
    fail_fast: bool = MISSING
    allow_diverged: bool = MISSING


@_with_other_sections
class Config:
    seed: int = MISSING
    platform: str = MISSING
    precision: str = MISSING
    checkpoint: str = MISSING
    cache_dir: str = MISSING
    data: DataConfig = MISSING
    model: ModelConfig = MISSING
    penalty: PenaltyConfig = MISSING
    optimizer: OptimizerConfig = MISSING
    schedule: ScheduleConfig = MISSING
    trainer: TrainerConfig = MISSING
    early_stopping: EarlyStoppingConfig = MISSING
    compare: CompareConfig = MISSING
    report: ReportConfig = MISSING
    sweep: SweepConfig = MISSING
    checkpointing: CheckpointingConfig = MISSING


SCHEMA_NAME = "config_schema"


def register_schema() -> None:
    """Registers the schema. `conf/config.yaml` names it in its defaults list."""
    ConfigStore.instance().store(name=SCHEMA_NAME, node=Config)


def typed(composed: DictConfig) -> Config:
    """The composed configuration as dataclasses, with interpolations resolved.

    Raises `UserError` if `+key=value` or a file has added a key, or `~key` has deleted one.
    """
    config, known = OmegaConf.to_object(composed), known_keys()
    if not isinstance(config, Config):
        raise UserError(f"the configuration's first file: its `defaults` must begin with {SCHEMA_NAME}.")
    for key, value in flatten(config).items():
        if key not in known:
            near = hint(key, known)
            while isinstance(value, dict) and value:
                inner, value = next(iter(value.items()))
                key = f"{key}.{inner!s}"
            raise UserError(f"{key}={shown(value)}: there is no such key, and none can be added.{near}")
        if value == MISSING:
            raise UserError(f"{key}: must be given; leave out ~{key}.")
    return config


def as_written(composed: Container) -> dict[str, Any]:
    """`{"model.dropout": 0.2, ...}`, with interpolations such as `${oc.env:HOME}` unresolved."""
    sections = OmegaConf.to_container(composed, resolve=False)
    assert isinstance(sections, dict)
    return _flat(sections)


def flatten(config: Config) -> dict[str, Any]:
    """`{"model.dropout": 0.2, ...}`: all keys of a configuration with their values."""
    return _flat({name: vars(part) if is_dataclass(part) else part for name, part in vars(config).items()})


def _flat(sections: Mapping[Any, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for section, value in sections.items():
        if isinstance(value, dict) and value:
            found |= {f"{section!s}.{key!s}": leaf for key, leaf in value.items()}
        else:
            found[str(section)] = value
    return found


def known_keys() -> list[str]:
    """Every key of a configuration in dotted form, with the sections."""
    keys = []
    for section in fields(Config):
        keys.append(section.name)
        if is_dataclass(section.type):
            keys.extend(f"{section.name}.{leaf.name}" for leaf in fields(section.type))
    return keys
