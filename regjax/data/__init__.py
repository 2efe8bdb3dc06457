"""Every source of data gives the same: a `Dataset`, its `Split` and its `Scaling`, all on the host.

Only the functions that need scikit-learn (0.9 s) or TensorFlow Datasets (0.6 s) import it. So `--help` and
runs on cached arrays do not wait for them.
"""

import functools
import hashlib
import importlib.metadata
import json
import os
import re
from pathlib import Path

from regjax.data.cache import through_cache
from regjax.data.dataset import Dataset
from regjax.data.embedded import load_embedded
from regjax.data.fingerprint import dataset_digest, fingerprint
from regjax.data.idx import given_files, load_idx
from regjax.data.idx_sets import VERSION
from regjax.data.precision import check_finite, in_float32
from regjax.data.scaling import fit_scaling
from regjax.data.splits import draw_split, missing_classes, with_test_rows
from regjax.errors import invalid_choice

__all__ = ["dataset_digest", "draw_split", "fingerprint", "fit_scaling", "load", "missing_classes"]


def load(
    source: str,
    name: str,
    *,
    manual_dir: str | None,
    data_dir: str | None,
    mirror: str | None,
    cache_dir: str,
    test_share: float,
    test_seed: int,
) -> Dataset:
    """The dataset `name` of `source`, which is "sklearn", "idx" or "tfds".

    If the dataset has no test rows, `load` draws them: the stratified share `test_share`, by `test_seed`. It
    keeps decoded arrays in `cache_dir`. TensorFlow Datasets (TFDS) writes to `data_dir`; None is its own
    default folder. "idx" takes its files from `manual_dir`, or else downloads them, from the URL `mirror`
    first. Raises `UserError` if the dataset is unknown, damaged, not finite, or cannot be obtained.
    """
    if data_dir is not None:
        data_dir = str(Path(data_dir).expanduser())
    cached = functools.partial(through_cache, Path(cache_dir).expanduser() / "data", name=name)
    match source:
        case "sklearn":
            release = importlib.metadata.version("scikit-learn")
            dataset = cached(f"sklearn-{release}-{name}", functools.partial(load_embedded, name))
        case "idx":
            given = given_files(name, manual_dir)  # refuses a wrong folder even if the dataset is cached
            build = functools.partial(load_idx, name, given=given, data_dir=data_dir, mirror=mirror)
            dataset = cached(f"idx-{name}-{VERSION}", build)
        case "tfds":
            # A release of TFDS fixes the version of each of its datasets. A name may ask for another version.
            release = importlib.metadata.version("tensorflow-datasets")
            build = functools.partial(_load_tfds, name, manual_dir=manual_dir, data_dir=data_dir)
            state = functools.partial(_prepared_state, name, data_dir)
            dataset = cached(f"tfds-{release}-{name}", build, state=state)
        case _:
            raise invalid_choice("data.source", source, ("sklearn", "idx", "tfds"))
    check_finite(dataset.inputs, f"data.name={name}")
    return with_test_rows(in_float32(dataset), share=test_share, seed=test_seed)


def _prepared_state(name: str, data_dir: str | None) -> str:
    """A hash of the files that TFDS prepared for a dataset, or "" before it has prepared any.

    Two users' own datasets may have the same name. Their folders and times differ.
    """
    root = Path(data_dir or os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")).expanduser()
    plain = re.match(r"\w+", name)
    infos = sorted(root.glob(f"{plain[0]}/**/dataset_info.json")) if plain else []
    parts = [[str(path.absolute()), path.stat().st_mtime_ns] for path in infos]
    return f"-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]}" if parts else ""


def _load_tfds(name: str, *, manual_dir: str | None, data_dir: str | None) -> Dataset:
    from regjax.data.tfds_source import load_tfds

    return load_tfds(name, manual_dir=manual_dir, data_dir=data_dir)
