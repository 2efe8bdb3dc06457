"""Names on a narrow terminal: short, and never two alike."""

from regjax.launch.labels import fitting, labels


def test_names_that_fit_stay_as_they_are():
    assert labels(["none", "dropout"], 7) == {"none": "none", "dropout": "dropout"}


def test_a_name_that_is_too_long_loses_its_middle():
    assert labels(["none", "abcdefghij"], 7) == {"none": "none", "abcdefghij": "abc…hij"}


def test_names_that_would_look_alike_get_numbers():
    assert labels(["abcd0fghij", "abcd1fghij", "none"], 7) == {
        "abcd0fghij": "1", "abcd1fghij": "2", "none": "3"
    }  # fmt: skip


def test_parts_that_do_not_fit_are_left_out_whole():
    assert fitting(["epoch 3/6", "", "2 of 5 done", "1 diverged"], 22) == "epoch 3/6  2 of 5 done"
    assert fitting(["epoch 3/6", "2 of 5 done", "ab"], 13) == "epoch 3/6  ab"
