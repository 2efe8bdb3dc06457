"""Saves, finds and removes the training states of a run or a sweep."""

import re
import shutil
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from regjax.files import remove
from regjax.saved import checkpoint
from regjax.saved.manifest import DamagedError, verify
from regjax.saved.run import Run
from regjax.training.state import TrainState

NAME = re.compile(r"(\d+)-(\d+)")
CUT_OFF = re.compile(rf"\.{NAME.pattern}\.partial")


class SavedState(NamedTuple):
    """A saved state of a run: its folder and lane, its epoch, and the number of cores of the run."""

    folder: Path
    lane: int
    epoch: int
    cores: int | None


class States:
    """A folder of saved states. Each save is a folder `DEVICE-COUNT` with the lanes of one device.

    A run ignores a damaged state and resumes from the one before. regjax removes incomplete saves, and leaves
    other files alone. It warns of all three.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._lock = threading.Lock()
        self._by_run: dict[str, list[SavedState]] = {}
        self._good: set[Path] = set()
        self._read: tuple[Path, Any] | None = None
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            self._list(path)

    def _list(self, path: Path) -> None:
        if CUT_OFF.fullmatch(path.name):
            remove(path)
            _say(f"{path}: this save was cut off; regjax removed it")
            return
        if not path.is_dir() or path.is_symlink() or not NAME.fullmatch(path.name):
            _say(f"{path}: not a saved state; regjax ignores it")
            return
        try:
            for identity, saved in _table(path).items():
                self._by_run.setdefault(identity, []).append(saved)
            self._good.add(path)
        except DamagedError as error:
            _say(f"{error}; the run goes on from an earlier state, or begins anew without one")

    def newest(self, run: Run) -> SavedState | None:
        """The newest state of a run, or None if it has none."""
        return next(iter(self.standing(run)), None)

    def standing(self, run: Run) -> list[SavedState]:
        """The states that a run can resume from, the newest first.

        If the settings have changed, an older state counts only if it has the epoch of the last change.
        """
        found = list(self._by_run.get(run.identity, []))
        for change in run.changes:
            if change["after_epoch"] == run.changes[-1]["after_epoch"]:
                before = self._by_run.get(change["identity"], [])
                found += [saved for saved in before if saved.epoch == change["after_epoch"]]
        return sorted(found, key=lambda saved: saved.epoch, reverse=True)

    def restore(self, saved: SavedState, template: TrainState) -> TrainState:
        """All lanes in the folder of `saved`. Raises `DamagedError`."""
        with self._lock:  # threads restore the runs of one folder one after another
            if self._read is None or self._read[0] != saved.folder:
                self._good.discard(saved.folder)  # it is good again after it was read
                self._read = saved.folder, checkpoint.restore_lanes(saved.folder, template)
                self._good.add(saved.folder)
            return self._read[1]

    def save(self, device: int, runs: dict[int, Run], state: TrainState, *, keep: int) -> None:
        """Saves the lanes of a device. Keeps `keep` good states, and removes older ones that no run needs."""
        with self._lock:
            # A file or a link may have the name of a state. Its number counts, so that no save replaces it.
            named = [path for path in self._folder.glob(f"{device}-*") if NAME.fullmatch(path.name)]
            named.sort(key=_count)
            folder = self._folder / f"{device}-{_count(named[-1]) + 1 if named else 1}"
            table = [
                {"identity": run.identity, "lane": lane, "epoch": int(state.epoch[lane]), "cores": run.cores}
                for lane, run in runs.items()
            ]
            checkpoint.save_lanes(folder, state, {"lanes": table})
            self._by_run |= {identity: [saved] for identity, saved in _by_identity(folder, table).items()}
            self._good.add(folder)
            self._prune([path for path in named if path.is_dir() and not path.is_symlink()] + [folder], keep)

    def _prune(self, own: Sequence[Path], keep: int) -> None:
        needed = {saved.folder for found in self._by_run.values() for saved in found}
        kept = [path for path in own if path in self._good][-keep:]
        older = own[: own.index(kept[0])] if len(kept) == keep else []
        for path in older:
            if path not in needed:
                shutil.rmtree(path)

    def forget(self, run: Run) -> None:
        """Lets later saves remove the states of a run that has ended."""
        with self._lock:
            self._by_run.pop(run.identity, None)


def _table(path: Path) -> dict[str, SavedState]:
    """The states in a folder, by the identity of their run. Raises `DamagedError`."""
    facts, count = verify(path), checkpoint.lanes_count(path)
    try:
        table = _by_identity(path, facts["lanes"])
        if not all(saved.lane in range(count) and saved.epoch >= 0 for saved in table.values()):
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise DamagedError(f"{path}: its manifest has no table of its lanes") from None
    return table


def _by_identity(folder: Path, lanes: Sequence[Any]) -> dict[str, SavedState]:
    return {
        str(lane["identity"]): SavedState(folder, lane["lane"], lane["epoch"], lane["cores"])
        for lane in lanes
    }


def _count(path: Path) -> int:
    return int(path.name.partition("-")[2])


def _say(line: str) -> None:
    print(f"warning: {line}", file=sys.stderr)
