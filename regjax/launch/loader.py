"""Composes the jobs of a sweep fast: Hydra composes each set of group choices once. Copies get the values.

Hydra needs 0.1 s or more for a job, and its sweepers compose each job twice.
"""

import pickle
import re
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from hydra._internal.config_loader_impl import get_overrides_dirname
from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, OmegaConf


class Fast(NamedTuple):
    """How a job was composed: the overrides of its base, and the sections that its plain values change.

    Jobs of one base differ only in these sections, `hydra.overrides.task` and `hydra.job.override_dirname`.
    """

    base: tuple[str, ...]
    sections: frozenset[str]
    task: list[str]
    dirname: str


class SweepLoader(ConfigLoader):
    """Hydra's loader, but faster for the jobs of the sweep `master`.

    A value is plain if `key=value` sets it and the key is no group. Plain values change no defaults list. So
    Hydra composes the other overrides once, as a base. A copy of the base takes the plain values, and the
    schema types them as it does in Hydra. Hydra composes all other jobs, and each job that fails.
    """

    def __init__(self, loader: ConfigLoader, master: DictConfig):
        self._loader, self._master = loader, master
        self._bases: dict[tuple[str, ...], tuple[bytes, dict[str, Any]] | None] = {}
        parser = OverridesParser.create()
        self._parsed = cache(lambda text: parser.parse_overrides([text])[0])
        self._groups = cache(self._asked_for_groups)

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        if master_config is not self._master:
            return self._loader.load_sweep_config(master_config, sweep_overrides)
        return self.compose(sweep_overrides)[0]

    def compose(self, texts: Sequence[str]) -> tuple[DictConfig, Fast | None]:
        """A job's configuration, and how it was composed. None if Hydra composed all of it."""
        return self._from_base(texts) or (self._loader.load_sweep_config(self._master, list(texts)), None)

    def _from_base(self, texts: Sequence[str]) -> tuple[DictConfig, Fast] | None:
        """The configuration from a base. None if Hydra must compose it, or raise its error."""
        try:
            overrides = [self._parsed(text) for text in texts]
            if any(override.key_or_group.startswith("hydra") for override in overrides):
                return None  # such overrides may change how Hydra composes the others
            based = self._is_based(overrides)
            base = tuple(text for text, is_based in zip(texts, based, strict=True) if is_based)
            if (found := self._base(base)) is None:
                return None
            pickled, naming = found
            plain = [each for each, is_based in zip(overrides, based, strict=True) if not is_based]
            sections = frozenset(re.split(r"[.\[]", each.key_or_group)[0] for each in plain)
            whole = self._copy(pickled)
            return whole, Fast(base, sections, *_set_values(whole, overrides, plain, naming))
        except Exception:  # any kind: Hydra composes the job again, and its result or error counts
            return None

    def _is_based(self, overrides: Sequence[Override]) -> list[bool]:
        """Whether each override belongs to the base.

        The base has the choices of groups. It also has each override that is not plain, with all before it.
        """
        others = [at for at, each in enumerate(overrides) if not _is_change(each)]
        last = others[-1] if others else -1
        return [at <= last or self._is_group(each.key_or_group) for at, each in enumerate(overrides)]

    def _is_group(self, key: str) -> bool:
        parent, _, name = key.rpartition("/")
        return name in self._groups(parent)

    def _asked_for_groups(self, parent: str) -> list[str]:
        hydra: Any = OmegaConf.to_container(self._master.hydra.overrides.hydra, resolve=False)
        name = self._master.hydra.job.config_name
        return self._loader.get_group_options(parent, ObjectType.GROUP, name, hydra)

    def _base(self, texts: tuple[str, ...]) -> tuple[bytes, dict[str, Any]] | None:
        """The base as a pickle, and how Hydra names a job's folder. A pickle is small and quick to copy.

        None if Hydra must compose the jobs of this base.
        """
        if texts not in self._bases:
            whole = self._loader.load_sweep_config(self._master, list(texts))
            job: Any = OmegaConf.to_container(whole.hydra.job, resolve=False)
            # Hydra resolves these texts while it composes.
            resolved = job.pop("env_copy") or "${" in repr(job | {"override_dirname": ""})
            pickled, naming = pickle.dumps(whole, pickle.HIGHEST_PROTOCOL), job["config"]["override_dirname"]
            self._bases[texts] = None if resolved else (pickled, naming)
        return self._bases[texts]

    def _copy(self, pickled: bytes) -> DictConfig:
        whole: DictConfig = pickle.loads(pickled)
        OmegaConf.copy_cache(self._master, whole)
        return whole

    def load_configuration(self, *given: Any, **named: Any) -> DictConfig:
        return self._loader.load_configuration(*given, **named)

    def get_search_path(self) -> Any:
        return self._loader.get_search_path()

    def get_sources(self) -> Any:
        return self._loader.get_sources()

    def list_groups(self, parent_name: str) -> list[str]:
        return self._loader.list_groups(parent_name)

    def get_group_options(self, *given: Any, **named: Any) -> list[str]:
        return self._loader.get_group_options(*given, **named)

    def compute_defaults_list(self, *given: Any, **named: Any) -> Any:
        return self._loader.compute_defaults_list(*given, **named)


def _is_change(override: Override) -> bool:
    """Whether an override is `key=value` with one value. The key may be a group."""
    is_one = not override.is_sweep_override() and not isinstance(override.value(), dict)
    return is_one and override.type == OverrideType.CHANGE and override.package is None


def _set_values(
    whole: DictConfig, overrides: Sequence[Override], plain: Sequence[Override], naming: dict[str, Any]
) -> tuple[list[str], str]:
    """Sets the plain values, and what Hydra records of the overrides. Returns that record."""
    for override in plain:
        OmegaConf.update(whole, override.key_or_group, override.value(), merge=True)
    task = [str(override.input_line) for override in overrides]
    dirname: str = get_overrides_dirname(list(overrides), **naming)
    hydra = whole.hydra
    hydra.overrides.task, hydra.job.override_dirname = task, dirname
    return task, dirname
