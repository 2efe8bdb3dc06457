"""Says which key the user likely meant."""

from collections.abc import Sequence

from regjax.errors import nearest

ABBREVIATIONS = {"lr": "learning_rate", "bs": "batch_size", "wd": "weight_decay"}


def hint(key: str, keys: Sequence[str]) -> str:
    """A sentence with the likely key, or else the keys of the section, or else how to see all keys."""
    if near := meant(key, keys):
        return f" Did you mean {near!r}?"
    section = key.partition(".")[0]
    names = _names(section, keys)
    return f" {section} has {', '.join(names)}." if names else " `python train.py --cfg job` shows all keys."


def meant(key: str, keys: Sequence[str]) -> str | None:
    """The only key with the typed ending, or else the most similar key.

    If the typed section exists, only its keys are similar.
    """
    section, _, last = key.rpartition(".")
    last = ABBREVIATIONS.get(last, last)
    ends: dict[str, list[str]] = {}
    for known in keys:
        ends.setdefault(known.rpartition(".")[2], []).append(known)
    if len(exact := ends.get(last, [])) == 1:
        return exact[0]
    if names := _names(section, keys):
        near = nearest(last, names)
        return near and f"{section}.{near}"
    similar = ends.get(nearest(last, ends) or "", [])
    return nearest(key, keys) or (similar[0] if len(similar) == 1 else None)


def _names(section: str, keys: Sequence[str]) -> list[str]:
    return [known.partition(".")[2] for known in keys if section and known.startswith(f"{section}.")]
