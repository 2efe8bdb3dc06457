"""The data of a run that is ready to be trained."""

from pathlib import Path
from typing import Any, NamedTuple

from regjax.data.dataset import Dataset, Scaling, Split
from regjax.training.spec import Numerics, StaticSpec


class Run(NamedTuple):
    """A resolved run, ready to be trained.

    `config` is flat, by dotted key. `written` has the unresolved texts with `${oc.env:...}`: the summary
    saves these texts and not their values. `digest` is a hash of the dataset. `changes` lists the settings
    that changed since the run began. `cores` is the number of CPU cores that the process may use (None on an
    accelerator); the last bits of results depend on it. `device` has the training device's `kind` and
    `platform`. `job` has the job's `number` and `folder` in its sweep.
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
    device: dict[str, str] | None = None
    job: dict[str, Any] | None = None
