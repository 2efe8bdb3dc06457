"""What `python tests/faults/fuzz.py` has found, and some of what it draws by the thousand."""

import pytest

from tests.faults.fuzz import Tally, end_of, workplace

# Overrides on which Hydra itself stumbles, or speaks of another key, and what the message says.
FOUND = {
    "regularization=[1]": "regularization=[1]: must be one of activity_l1, ",
    "regularization=[null]": "regularization=[null]: must be one of activity_l1, ",
    "regularization=[[l2],l1]": "regularization=[[l2],l1]: must be one of activity_l1, ",
    "regularization=[l2,${model}]": "regularization=[l2,${model}]: ",
    "~optimizer=1.5": "optimizer=1.5: must be one of adam, ",
    "~seed": "seed: must be given; leave out ~seed.",
    "+modle.dropout.new=1": "modle.dropout.new=1: there is no such key, and none can be added",
    "hydra.rum.dir=x": "hydra.rum.dir=x: Key 'rum' not in",
    "hydra.searchpath=[nowhere]": "path=nowhere is not available",
    "hydra.job.env_copy=[NOPE]": "hydra.job.env_copy=[NOPE]: 'NOPE'",
    "hydra.job_logging.root.level=LOUD": "hydra.job_logging.root.level=LOUD",
    "hydra.sweeper.params={model.dropout:0}": "hydra.sweeper.params",
    "+hydra.callbacks.x=1": "+hydra.callbacks.x=1: Cannot instantiate config of type int.",
}


@pytest.fixture
def empty_folder(tmp_path):
    with workplace(tmp_path):
        yield


@pytest.mark.parametrize("override", FOUND)
def test_what_was_found_is_refused_by_name(empty_folder, override):
    message = end_of([override]).message
    assert message.startswith("error: ")
    assert FOUND[override] in message


@pytest.mark.slow
def test_random_command_lines_run_or_are_refused_by_name(empty_folder):
    tally = Tally()
    tally.draw(100, 0)
    tally.train(5)
    assert tally.failures == []
    assert sum(tally.ends[f"trained: {end}"] for end in ("done", "diverged")) == 5
    assert sum(tally.ends.values()) >= 105
