"""The saved training states of a run or a sweep: the newest good one of each run, and which may go."""

import re
import shutil
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from regjax.files import remove
from regjax.runs import checkpoint
from regjax.runs.manifest import DamagedError, verify
from regjax.runs.run import Run
from regjax.training.state import TrainState

NAME = re.compile(r"(\d+)-(\d+)")
CUT_OFF = re.compile(rf"\.{NAME.pattern}\.partial")


class SavedState(NamedTuple):
    """Where a run's state is: a folder, the lane in it, the epochs that are done, and `cores` of the run."""

    folder: Path
    lane: int
    epoch: int
    cores: int | None


class States:
    """Folders named by device and count, each with the lanes of one device; each save is all or nothing.

    A damaged state is named and not used: a run then goes on from the state before. A save that was cut off
    is removed, and anything else in the folder is left alone. Both are told.
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
            _say(f"{path}: a save that was cut off, and removed")
            return
        if not path.is_dir() or path.is_symlink() or not NAME.fullmatch(path.name):
            _say(f"{path}: not a saved state, and ignored")
            return
        try:
            for identity, saved in _table(path).items():
                self._by_run.setdefault(identity, []).append(saved)
            self._good.add(path)
        except DamagedError as error:
            _say(f"{error}; this state is not used: an earlier one is, or the run begins anew")

    def newest(self, run: Run) -> SavedState | None:
        """Where a run stands, or None where it is to begin."""
        return next(iter(self.standing(run)), None)

    def standing(self, run: Run) -> list[SavedState]:
        """Where a run can go on from, the newest first.

        Of what was saved before its settings changed, that is the epoch after which its record says they did.
        """
        found = list(self._by_run.get(run.identity, []))
        for change in run.changes:
            if change["after_epoch"] == run.changes[-1]["after_epoch"]:
                before = self._by_run.get(change["identity"], [])
                found += [saved for saved in before if saved.epoch == change["after_epoch"]]
        return sorted(found, key=lambda saved: saved.epoch, reverse=True)

    def restore(self, saved: SavedState, template: TrainState) -> TrainState:
        """The stacked states of its folder. Raises `DamagedError`."""
        with self._lock:  # the lanes of one folder come one after the other
            if self._read is None or self._read[0] != saved.folder:
                self._good.discard(saved.folder)  # until it is read
                self._read = saved.folder, checkpoint.restore_lanes(saved.folder, template)
                self._good.add(saved.folder)
            state: TrainState = self._read[1]
            return state

    def save(self, device: int, runs: dict[int, Run], state: TrainState, *, keep: int) -> None:
        """Saves the lanes of a device; before its last `keep` good states, those go that no run awaits."""
        with self._lock:
            named = sorted(self._named(device), key=_count)
            folder = self._folder / f"{device}-{_count(named[-1]) + 1 if named else 1}"
            standing = {
                run.identity: SavedState(folder, lane, int(state.epoch[lane]), run.cores)
                for lane, run in runs.items()
            }
            table = [
                {"identity": identity, "lane": saved.lane, "epoch": saved.epoch, "cores": saved.cores}
                for identity, saved in standing.items()
            ]
            checkpoint.save_lanes(folder, state, {"lanes": table})
            self._by_run |= {identity: [saved] for identity, saved in standing.items()}
            self._good.add(folder)
            self._prune([path for path in named if path.is_dir() and not path.is_symlink()] + [folder], keep)

    def _named(self, device: int) -> list[Path]:
        """Whatever has the name of a device's state, of which no other takes the place."""
        return [path for path in self._folder.glob(f"{device}-*") if NAME.fullmatch(path.name)]

    def _prune(self, own: Sequence[Path], keep: int) -> None:
        awaited = {saved.folder for found in self._by_run.values() for saved in found}
        kept = [path for path in own if path in self._good][-keep:]
        older = own[: own.index(kept[0])] if len(kept) == keep else []
        for path in older:
            if path not in awaited:
                shutil.rmtree(path)

    def forget(self, run: Run) -> None:
        """The run has ended: its states are needed no more."""
        with self._lock:
            self._by_run.pop(run.identity, None)


def _table(path: Path) -> dict[str, SavedState]:
    """The lanes of a folder by the identity of their run. Raises `DamagedError`."""
    facts, count = verify(path), checkpoint.lanes_count(path)
    try:
        table = {
            str(lane["identity"]): SavedState(path, lane["lane"], lane["epoch"], lane["cores"])
            for lane in facts["lanes"]
        }
        if not all(saved.lane in range(count) and saved.epoch >= 0 for saved in table.values()):
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise DamagedError(f"{path}: its manifest has no table of its lanes") from None
    return table


def _count(path: Path) -> int:
    return int(path.name.partition("-")[2])


def _say(line: str) -> None:
    print(f"warning: {line}", file=sys.stderr)
