"""The runs that a directory holds: their order, and which of several of one identity counts."""

import pytest

from regjax import __version__
from regjax.runs.collection import SavedRun, next_number, read_runs, runs_by_identity
from regjax.runs.summary import read_summary, write_summary
from tests.reports import SETTINGS

PARTS = ("val_loss", "val_accuracy", "test_loss", "test_accuracy", "best_val_accuracy")
ROWS = {"train": 8, "validation": 1, "test": 2}
METRICS = {"selected_on_test": False, **dict.fromkeys(PARTS)}


def written(directory, job=None, **entries):
    """A run on disk, as much of it as an archive reads."""
    directory.mkdir(parents=True)
    known = {"status": "done", "identity": directory.name, "overrides": [], "reason": "", **METRICS}
    config = {
        "data.name": "digits",
        "seed": 0,
        "data.split_seed": 0,
        "data.test_seed": 0,
        "checkpoint": "none",
    } | {f"compare.{key}": value for key, value in SETTINGS.items()}
    known |= {"rows": ROWS, "row_digests": {part: part for part in ROWS}}
    summary = known | {"config": config, "versions": {"regjax": __version__}} | entries
    if job is not None:
        summary["job"] = {"number": job, "folder": directory.name}
    return SavedRun(directory, write_summary(directory, summary))


def names(path):
    return [run.summary["identity"] for run in read_runs(path).runs]


def test_jobs_come_in_the_order_of_their_numbers_whatever_their_folders_are_called(tmp_path):
    for number, name in enumerate(["rate=0.5", "rate=0", "10", "9"]):
        written(tmp_path / name, number)
    assert names(tmp_path) == ["rate=0.5", "rate=0", "10", "9"]


def test_jobs_in_folders_of_folders_are_of_one_sweep_and_each_sweep_comes_whole(tmp_path):
    for sweep in ("b", "a"):
        for number, name in enumerate(["x/2", "y/1", "x/1"]):
            directory = tmp_path / sweep / name
            written(directory, identity=f"{sweep} {name}", job=number)
            summary = read_summary(directory) | {"job": {"number": number, "folder": name}}
            write_summary(directory, summary)
    assert names(tmp_path) == ["a x/2", "a y/1", "a x/1", "b x/2", "b y/1", "b x/1"]


def test_runs_of_no_sweep_are_sorted_by_their_folders_as_numbers_first(tmp_path):
    for name in ("10", "other", "9", "²"):
        written(tmp_path / name)
    assert names(tmp_path) == ["9", "10", "other", "²"]


@pytest.mark.parametrize("job", ["text", 3, {"number": 1}, {"number": "one", "folder": "1"}, {"folder": "1"}])
def test_a_run_whose_number_cannot_be_read_is_left_out(tmp_path, job):
    directory = written(tmp_path / "1").directory
    write_summary(directory, read_summary(directory) | {"job": job})
    found = read_runs(tmp_path)
    assert found.runs == []
    assert found.left_out[0].startswith(f"{directory / 'summary.json'}: left out (")


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
    assert next_number(tmp_path, 3, [written(tmp_path / "rate=0", 40)]) == 41
