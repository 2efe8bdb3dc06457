"""What Keras' EarlyStopping does on scripted metric values.

Produced by driving keras 3.15.1's EarlyStopping callback (restore_best_weights=True, the epoch's number in
place of weights, no training), not by this project. The values are exact in binary, so that ties and
`min_delta` mean the same in float32, in which Keras compares, and in float64.
"""

from typing import NamedTuple


class StoppingCase(NamedTuple):
    """Arguments of EarlyStopping, the metric after each epoch, and Keras' outcome.

    `start_from_epoch` counts from 0, as in Keras; both outcomes count from 1.
    `keras_epochs_run` is None if Keras ran through all values without stopping.
    `keras_best_epoch` is the epoch whose weights Keras restores when training ends, stopped or not. It is
    None if no epoch was monitored: Keras then restores nothing, and the last epoch's weights stay.
    """

    name: str
    monitor_values: tuple[float, ...]
    mode: str
    min_delta: float
    patience: int
    baseline: float | None
    start_from_epoch: int
    keras_epochs_run: int | None
    keras_best_epoch: int | None


# fmt: off
# In each row the name, then: monitor_values, mode, min_delta, patience, baseline, start_from_epoch,
# keras_epochs_run, keras_best_epoch.
CASES: list[StoppingCase] = [
    StoppingCase("min_rises_patience_0",
        (1.0, 0.75, 0.875, 0.5), "min", 0.0, 0, None, 0, 3, 2),
    StoppingCase("min_bump_survived_patience_2",
        (1.0, 0.75, 0.875, 0.5, 0.625, 0.625, 0.25), "min", 0.0, 2, None, 0, 6, 4),
    StoppingCase("min_patience_3_reset_by_improvement",
        (1.0, 1.25, 1.25, 0.75, 1.0, 1.0, 0.5, 0.75, 0.75, 0.75, 0.25), "min", 0.0, 3, None, 0, 10, 7),
    StoppingCase("max_patience_2",
        (0.5, 0.75, 0.625, 0.6875, 0.875), "max", 0.0, 2, None, 0, 4, 2),
    StoppingCase("max_patience_3_never_stops",
        (0.25, 0.5, 0.375, 0.375, 0.75, 0.625, 0.625), "max", 0.0, 3, None, 0, None, 5),
    StoppingCase("min_plateau_tie_is_no_improvement",
        (0.5, 0.5, 0.5, 0.5), "min", 0.0, 2, None, 0, 3, 1),
    StoppingCase("max_tie_with_best_keeps_the_first",
        (0.5, 0.75, 0.75, 0.625, 0.75), "max", 0.0, 3, None, 0, 5, 2),
    StoppingCase("min_stops_in_the_last_epoch",
        (1.0, 0.5, 0.75, 0.75), "min", 0.0, 2, None, 0, 4, 2),
    StoppingCase("single_epoch",
        (1.0,), "min", 0.0, 0, None, 0, None, 1),
    StoppingCase("min_delta_small_gains_do_not_count",
        (1.0, 0.875, 0.75, 0.625), "min", 0.25, 2, None, 0, 3, 1),
    StoppingCase("min_delta_slow_gains_add_up_against_best",
        (1.0, 0.875, 0.625, 0.5, 0.25), "min", 0.25, 2, None, 0, None, 5),
    StoppingCase("min_delta_exactly_reached_is_no_improvement",
        (1.0, 0.75, 0.75, 0.5), "min", 0.25, 2, None, 0, 3, 1),
    StoppingCase("max_min_delta",
        (0.25, 0.375, 0.5, 0.625, 0.625), "max", 0.125, 2, None, 0, 5, 3),
    StoppingCase("max_min_delta_last_epoch_above_best_but_not_best",
        (0.25, 0.75, 0.8125), "max", 0.125, 3, None, 0, None, 2),
    StoppingCase("negative_min_delta_is_its_size",
        (1.0, 0.875, 0.75, 0.625), "min", -0.25, 2, None, 0, 3, 1),
    StoppingCase("baseline_reached_at_once",
        (0.5, 0.375, 0.4375, 0.4375, 0.25), "min", 0.0, 2, 0.75, 0, 4, 2),
    StoppingCase("baseline_never_reached_flat",
        (1.0, 1.0, 1.0, 1.0), "min", 0.0, 2, 0.5, 0, 2, 1),
    StoppingCase("baseline_never_reached_but_improving_never_stops",
        (1.0, 0.9375, 0.875, 0.8125, 0.75, 0.6875), "min", 0.0, 2, 0.5, 0, None, 6),
    StoppingCase("baseline_reached_in_time_resets_wait",
        (1.0, 0.875, 0.375, 0.5, 0.5, 0.5, 0.25), "min", 0.0, 3, 0.5, 0, 6, 3),
    StoppingCase("baseline_reached_later_than_patience",
        (1.0, 0.9375, 0.875, 0.8125, 0.375, 0.5, 0.5, 0.25), "min", 0.0, 2, 0.5, 0, 7, 5),
    StoppingCase("baseline_exactly_met_is_not_reached",
        (0.5, 0.5, 0.25), "min", 0.0, 1, 0.5, 0, 2, 1),
    StoppingCase("baseline_beaten_by_less_than_min_delta",
        (1.0, 0.5625, 0.625, 0.25), "min", 0.125, 2, 0.625, 0, 3, 2),
    StoppingCase("max_baseline_never_reached",
        (0.25, 0.375, 0.3125, 0.75), "max", 0.0, 2, 0.5, 0, 3, 2),
    StoppingCase("best_after_baseline_missed_is_restored",
        (1.0, 0.625, 0.75, 0.875), "min", 0.0, 3, 0.5, 0, 3, 2),
    StoppingCase("start_from_2_ignores_better_warm_up",
        (0.125, 0.25, 1.0, 0.875, 0.9375, 0.9375, 0.5), "min", 0.0, 2, None, 2, 6, 4),
    StoppingCase("start_from_2_patience_0",
        (1.0, 2.0, 3.0, 4.0, 1.0), "min", 0.0, 0, None, 2, 4, 3),
    StoppingCase("start_from_2_with_baseline",
        (0.25, 0.25, 1.0, 0.875, 0.9375, 0.25), "min", 0.0, 2, 0.5, 2, 5, 4),
    StoppingCase("start_from_beyond_the_end",
        (0.25, 0.5, 1.0), "min", 0.0, 0, None, 5, None, None),
]
# fmt: on
