"""Gives jobs their data. Loads no JAX."""

import sys
from typing import Any, NamedTuple

from regjax import data
from regjax.config import Config
from regjax.config.schema import DataConfig
from regjax.data.dataset import Dataset, Scaling, Split
from regjax.errors import UserError

MOST_LISTED = 10  # classes in a warning


class Source(NamedTuple):
    """The data of a job. `digest` is a hash of the dataset. `fingerprint` hashes what a run reads of it."""

    dataset: Dataset
    digest: str
    split: Split
    scaling: Scaling
    fingerprint: str


class Sources:
    """The data of several jobs. Jobs with the same dataset or split share it in memory."""

    def __init__(self) -> None:
        self._datasets: dict[tuple[Any, ...], tuple[Dataset, str] | UserError] = {}
        self._told: set[str] = set()
        self._splits: dict[tuple[Any, ...], tuple[Split, Scaling, str]] = {}

    def of(self, config: Config) -> Source:
        """The data of a job. Raises `UserError` if the data cannot be obtained, or cannot be split so."""
        dataset, digest = self._dataset(config)
        return Source(dataset, digest, *self._split(config, dataset, digest))

    def _dataset(self, config: Config) -> tuple[Dataset, str]:
        names = ("source", "name", "manual_dir", "data_dir", "mirror", "test_share", "test_seed")
        settings = {name: getattr(config.data, name) for name in names}
        key = tuple(settings.values())
        if key not in self._datasets:
            try:
                dataset = data.load(**settings, cache_dir=config.cache_dir)
                self._datasets[key] = dataset, data.dataset_digest(dataset)
            except UserError as error:  # it refuses the other jobs too, without loading again
                self._datasets[key] = error
        found = self._datasets[key]
        if isinstance(found, UserError):
            raise found
        return found

    def _split(self, config: Config, dataset: Dataset, digest: str) -> tuple[Split, Scaling, str]:
        settings = config.data
        key = (digest, repr(settings.validation), settings.split_seed, settings.train_size, settings.scaling)
        if key not in self._splits:
            drawn = {name: getattr(settings, name) for name in ("validation", "split_seed", "train_size")}
            split = data.draw_split(dataset, **drawn)
            self._warn_of_missing(data.missing_classes(dataset, split), settings)
            scaling = data.fit_scaling(dataset, split.train, kind=settings.scaling)
            self._splits[key] = split, scaling, data.fingerprint(digest, split, scaling)
        return self._splits[key]

    def _warn_of_missing(self, classes: dict[str, list[int]], settings: DataConfig) -> None:
        """Names the classes that a part of a split lacks. The metrics of this part say nothing about them."""
        lacking = [f"no {part} row has class {_listed(named)}" for part, named in classes.items()]
        line = f"warning: {settings.name} (data.split_seed={settings.split_seed}): {'; '.join(lacking)}"
        if lacking and line not in self._told:
            self._told.add(line)
            print(line, file=sys.stderr)


def _listed(classes: list[int]) -> str:
    more = len(classes) - MOST_LISTED
    return ", ".join(map(str, classes[:MOST_LISTED])) + (f" and {more} more" if more > 0 else "")
