"""Some of what `python tests/faults/fuzz.py` draws by the thousand."""

import pytest

from tests.faults.fuzz import Tally, workplace


@pytest.mark.slow
def test_random_command_lines_run_or_are_refused_by_name(tmp_path):
    tally = Tally()
    with workplace(tmp_path):
        tally.draw(150, 0)
        tally.train(10)
    assert tally.failures == []
    assert sum(tally.ends.values()) >= 160
    assert tally.ends["accepted"] >= 10
    assert sum(tally.ends[f"trained: {end}"] for end in ("done", "diverged")) == 10
