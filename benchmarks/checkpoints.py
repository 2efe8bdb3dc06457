"""Times what saving costs a run of notebook 1, and how long regjax verifies and restores a saved state.

    python benchmarks/checkpoints.py --rounds 3 --output benchmarks/checkpoints.json

Two commands differ only in their epochs. Seconds per epoch are the difference of their seconds, divided by
the difference of their epochs. The ways to save take turns. The cost of `every_minutes` is also computed from
the seconds of one save, since it makes one save in its interval.
"""

import argparse
import json
import pathlib
import statistics
import sys
import tempfile
import time

from peers import MACHINE
from sweep import middle, wall

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

NOTEBOOK1 = ["experiment=notebook1", "hydra.mode=RUN", "model.dropout=0.2"]
WAYS = ("selected", "every_epoch", "every_minutes")
FEW, MANY = 2, 17
RESTORES = 10


def epochs(rounds: int) -> dict[str, float]:
    """Seconds per epoch for each way of saving, and the cost over `selected`, which saves once at the end."""
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    wall(*NOTEBOOK1, f"trainer.epochs={FEW}")  # this compiles the program, and the cache keeps it
    for _ in range(rounds):
        for way in WAYS:
            walls = {
                count: wall(*NOTEBOOK1, f"checkpoint={way}", f"trainer.epochs={count}")
                for count in (FEW, MANY)
            }
            seconds[way].append((walls[MANY] - walls[FEW]) / (MANY - FEW))
    found = {way: middle(values) for way, values in seconds.items()}
    return found | {f"cost_{way}": found[way] / found["selected"] - 1 for way in WAYS[1:]}


def states() -> dict[str, float]:
    """Median seconds of one save and of one restore of notebook 1's state, in an idle process."""
    import jax
    from hydra import compose, initialize_config_dir

    from regjax.config import typed
    from regjax.launch.composing import Job
    from regjax.launch.jobs import prepare
    from regjax.saved import checkpoint
    from regjax.sweep.lanes import stacked
    from regjax.training import program

    conf = pathlib.Path(__file__).resolve().parent.parent / "conf"
    with initialize_config_dir(str(conf), version_base="1.3"):
        config = compose("config", ["experiment=notebook1", "hydra.mode=RUN", "model.dropout=0.2"])
    (run,), _ = prepare([Job(typed(config), {}, [])])
    numerics = jax.device_put(stacked([run.numerics]))
    blank = program.blank_lanes(numerics, spec=run.spec)
    zeros = jax.tree.map(lambda leaf: jax.numpy.zeros(leaf.shape, leaf.dtype), blank)
    fresh = jax.numpy.ones(1, bool)
    state = jax.device_get(program.refill_lanes(zeros, numerics, fresh, spec=run.spec, side_by_side=False))
    saves, restores = [], []
    with tempfile.TemporaryDirectory() as name:
        for attempt in range(RESTORES):
            folder = pathlib.Path(name) / f"0-{attempt}"
            begun = time.perf_counter()
            checkpoint.save_lanes(folder, state, {"lanes": []})
            saves.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            checkpoint.restore_lanes(folder, blank)
            restores.append(time.perf_counter() - begun)
    minutes = config.checkpointing.minutes
    return {
        "bytes": sum(leaf.nbytes for leaf in jax.tree.leaves(state)),
        "save": statistics.median(saves),
        "restore": statistics.median(restores),
        "save_share_of_minutes": statistics.median(saves) / (60 * minutes),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    given = parser.parse_args()
    found = {"machine": MACHINE, "epochs": epochs(given.rounds), "states": states()}
    given.output.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
