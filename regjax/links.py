"""What is written below the directory of a run or sweep: refused where a link or another thing is."""

from pathlib import Path

from regjax.errors import UserError
from regjax.manifests import SELECTED, STATES
from regjax.runs import CURVES, LOG, METRICS, SUMMARY, SUMS

HYDRAS, BEGINS = "multirun.yaml", b"hydra:"  # its sweepers write it at the start
SETTINGS = ".hydra"
COMPARISON = ("comparison.json", "comparison.md", "comparison.csv")
FOLDERS = (SETTINGS, str(STATES.parent), str(STATES), str(SELECTED))
FILES = (
    *(SUMMARY, SUMS, METRICS, LOG, CURVES, HYDRAS),
    *COMPARISON,
    *(f"{SETTINGS}/{part}.yaml" for part in ("config", "hydra", "overrides")),
)
REMEDY = "Move it away, or name another directory."


def refuse_links(directory: Path) -> None:
    """Raises `UserError` for a link, through which another file would be written, or a pipe, that would hang.

    The directory itself may be a link: that is its user's.
    """
    for path in [directory / name for name in (*FOLDERS, *FILES)]:
        if path.is_symlink():
            raise UserError(f"{path}: it is a link, which is never written through. {REMEDY}")
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise UserError(f"{path}: it is neither a file nor a folder. {REMEDY}")


def refuse_for_sweep(directory: Path) -> None:
    """Raises `UserError` where Hydra's sweeper, which writes `multirun.yaml` first, has no place for it."""
    if (directory / SUMMARY).exists():
        raise UserError(
            f"hydra.sweep.dir={directory}: it is the directory of a single run. Name another directory."
        )
    refuse_links(directory)
    path = directory / HYDRAS
    if path.is_file():
        with path.open("rb") as file:
            begins = file.read(len(BEGINS))
        if begins != BEGINS:
            raise UserError(f"{path}: it is not of a sweep of Hydra. {REMEDY}")


def refuse_strangers(directory: Path) -> None:
    """The same, and for a file in a folder's place or a folder in a file's, which is not removed for ours."""
    refuse_links(directory)
    for names, belongs, kind in ((FOLDERS, Path.is_dir, "folder"), (FILES, Path.is_file, "file")):
        for path in [directory / name for name in names]:
            if path.exists() and not belongs(path):
                raise UserError(f"{path}: it is no {kind}, which belongs there. {REMEDY}")
