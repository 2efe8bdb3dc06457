"""The runs that a directory holds: their order, and which of several of one identity counts."""

import pytest

from regjax.saved.collection import SavedRun, next_number, read_runs, runs_by_identity
from regjax.saved.summary import write_summary
from tests.finished import DONE


def written(directory, **entries):
    """A run on disk, as much of it as an archive reads."""
    directory.mkdir(parents=True)
    summary = DONE | {"identity": directory.name, "reason": ""} | entries
    return SavedRun(directory, write_summary(directory, summary))


def names(path):
    return [run.summary["identity"] for run in read_runs(path).runs]


def test_jobs_in_folders_of_folders_are_of_one_sweep_and_each_sweep_comes_whole(tmp_path):
    for sweep in ("b", "a"):
        for number, name in enumerate(["x/2", "y/1", "x/1"]):
            job = {"number": number, "folder": name}
            written(tmp_path / sweep / name, identity=f"{sweep} {name}", job=job)
    assert names(tmp_path) == ["a x/2", "a y/1", "a x/1", "b x/2", "b y/1", "b x/1"]


def test_runs_of_no_sweep_are_sorted_by_their_folders_as_numbers_first(tmp_path):
    for name in ("10", "other", "9", "²"):
        written(tmp_path / name)
    assert names(tmp_path) == ["9", "10", "other", "²"]


@pytest.mark.parametrize(
    ("statuses", "kept"),
    [
        (["done", "failed"], 0),
        (["failed", "done", "failed"], 1),
        (["done", "done"], 0),
        (["failed", "diverged"], 1),
    ],
)
def test_of_several_runs_of_one_identity_a_done_one_counts_or_else_the_last(tmp_path, statuses, kept):
    held = [written(tmp_path / str(at), status=status, identity="one") for at, status in enumerate(statuses)]
    assert runs_by_identity(held) == {"one": held[kept]}


def test_a_new_job_is_numbered_after_whatever_the_directory_holds(tmp_path):
    assert next_number(tmp_path, 3, []) == 3
    for name in ("2", "17", "notes", "5x"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "train.log").touch()
    (tmp_path / "18" / ".hydra").mkdir(parents=True)  # of a job that was killed before it began,
    (tmp_path / "18" / ".summary.json.partial").touch()  # while it wrote its first summary
    assert next_number(tmp_path, 3, []) == 18
    (tmp_path / "20").touch()  # a file: no folder can have its name
    assert next_number(tmp_path, 3, []) == 21
    job = {"number": 40, "folder": "rate=0"}
    assert next_number(tmp_path, 3, [written(tmp_path / "rate=0", job=job)]) == 41
