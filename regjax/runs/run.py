"""A run that is ready to be trained."""

from pathlib import Path
from typing import Any, NamedTuple

from regjax.data.dataset import Dataset, Scaling, Split
from regjax.training.spec import Numerics, StaticSpec


class Run(NamedTuple):
    """A resolved run, ready to be trained.

    `config` is flat, by dotted key. `written` has the texts that come from the environment as they were
    written, which are saved in their place. `digest` is the dataset's. `changes` lists the settings that
    changed since the run began. `cores` is the number of CPU cores that the process may use, on which last
    bits depend (None on an accelerator). `job` has a sweep's job `number` and its `folder` in the sweep (None
    without a sweep).
    """

    directory: Path
    config: dict[str, Any]
    written: dict[str, str]
    overrides: list[str]
    spec: StaticSpec
    numerics: Numerics
    split: Split
    scaling: Scaling
    dataset: Dataset
    digest: str
    fingerprint: str
    identity: str
    changes: tuple[dict[str, Any], ...] = ()
    cores: int | None = None
    job: dict[str, Any] | None = None
