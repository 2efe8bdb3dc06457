"""Hashes all that a run reads from its data. Two runs with the same fingerprint read the same numbers."""

import hashlib

import numpy as np

from regjax.data.dataset import Dataset, Scaling, Split


def dataset_digest(dataset: Dataset) -> str:
    """SHA-256 of a dataset, in hexadecimal. It takes 0.1 s for 70,000 images, so call it once per dataset."""
    digest = hashlib.sha256()
    facts = (dataset.name, dataset.num_classes, dataset.test_rows, dataset.pixel_max)
    digest.update(repr(facts).encode())
    _add_arrays(digest, inputs=dataset.inputs, labels=dataset.labels)
    if dataset.offset is not None:
        _add_arrays(digest, offset=dataset.offset)
    return digest.hexdigest()


def fingerprint(digest: str, split: Split, scaling: Scaling) -> str:
    """SHA-256 of the dataset's digest with the rows of the split and the scaling, in hexadecimal."""
    whole = hashlib.sha256(digest.encode())
    _add_arrays(whole, **split._asdict(), **scaling._asdict())
    return whole.hexdigest()


def _add_arrays(digest: "hashlib._Hash", **arrays: np.ndarray) -> None:
    # The hash covers name, type and shape too: the same bytes in another shape or place are other data.
    for name, array in arrays.items():
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
