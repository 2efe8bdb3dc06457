"""Gives jobs their data. Loads no JAX."""

from typing import Any, NamedTuple

from regjax import data
from regjax.config import Config
from regjax.data.dataset import Dataset, Scaling, Split


class Source(NamedTuple):
    """The data of a job. `digest` is the dataset's, and `fingerprint` that of all that a run reads of it."""

    dataset: Dataset
    digest: str
    split: Split
    scaling: Scaling
    fingerprint: str


class Sources:
    """The data of several jobs. Those with the same dataset or split share it in memory."""

    def __init__(self) -> None:
        self._datasets: dict[tuple[Any, ...], tuple[Dataset, str]] = {}
        self._splits: dict[tuple[Any, ...], tuple[Split, Scaling, str]] = {}

    def of(self, config: Config) -> Source:
        """The data of a job. Raises `UserError` where the data cannot be had, or not be split like that."""
        dataset, digest = self._dataset(config)
        return Source(dataset, digest, *self._split(config, dataset, digest))

    def _dataset(self, config: Config) -> tuple[Dataset, str]:
        names = ("source", "name", "manual_dir", "data_dir", "mirror", "test_share", "test_seed")
        settings = {name: getattr(config.data, name) for name in names}
        key = tuple(settings.values())
        if key not in self._datasets:
            dataset = data.load(**settings, cache_dir=config.cache_dir)
            self._datasets[key] = dataset, data.dataset_digest(dataset)
        return self._datasets[key]

    def _split(self, config: Config, dataset: Dataset, digest: str) -> tuple[Split, Scaling, str]:
        settings = config.data
        key = (digest, repr(settings.validation), settings.split_seed, settings.train_size, settings.scaling)
        if key not in self._splits:
            drawn = {name: getattr(settings, name) for name in ("validation", "split_seed", "train_size")}
            split = data.draw_split(dataset, **drawn)
            scaling = data.fit_scaling(dataset, split.train, kind=settings.scaling)
            self._splits[key] = split, scaling, data.fingerprint(digest, split, scaling)
        return self._splits[key]
