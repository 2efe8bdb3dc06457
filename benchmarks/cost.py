"""What each technique adds to an epoch of notebook 1: `benchmarks/cost.json` and, from it, `docs/cost.md`.

    python benchmarks/cost.py [NAME ...] [--rounds 5]

A technique at the strength of its file trains an epoch, validation included, in turns with the same
configuration without it. What a technique needs beside it is on in both. NAMES measure these alone, and the
other numbers stay.
"""

import argparse
import json
import pathlib
import statistics
import sys
import time
from typing import Any

ROOT = pathlib.Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from hydra import compose, initialize_config_dir  # noqa: E402

from regjax.config import check, typed  # noqa: E402
from regjax.config.folder import CONF  # noqa: E402
from regjax.launch.composing import Job  # noqa: E402
from regjax.launch.jobs import prepare  # noqa: E402
from regjax.launch.sources import Sources  # noqa: E402
from regjax.saved.run import Run  # noqa: E402
from regjax.sweep.lanes import stacked, stacked_rows  # noqa: E402
from regjax.techniques.declaration import Technique  # noqa: E402
from regjax.techniques.settings import keys_of  # noqa: E402
from regjax.techniques.table import TABLE  # noqa: E402
from regjax.training import program  # noqa: E402
from regjax.training.state import DeviceData  # noqa: E402

FIGURES, DOCUMENT = ROOT / "benchmarks" / "cost.json", ROOT / "docs" / "cost.md"
SOURCES = Sources()
ABOUT = """# What a technique costs

<!-- python benchmarks/cost.py writes this file -->
Seconds of an epoch of notebook 1 (MNIST, 784-300-100-10, batches of 1,000), validation included, without and
with each technique at the numbers of its file. The two train in turns. The seconds are medians of {rounds}
epochs on {device}, and the cost is the median ratio of a pair. What a technique needs is on in both.

| technique | without | with | cost |
|---|---|---|---|
"""


def pair(row: Technique) -> tuple[list[str], list[str]]:
    """The overrides of the configurations without and with a technique."""
    needed = row.needs_one_of[:1]
    widths = "[300,300]" if "model.hidden" in row.needs else "[300,100]"
    with_it = [
        f"regularization=[{','.join((*needed, row.name))}]",
        *("data=mnist", "data.validation=first:5000", "trainer.batch_size=1000", f"model.hidden={widths}"),
    ]
    off = "none" if row.choice else "null"
    return [*with_it, f"{keys_of(row)[0]}={off}"], with_it


class Training:
    """A run that trains an epoch at a time."""

    def __init__(self, overrides: list[str]):
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = typed(compose("config", overrides))
        check(config)
        (run,), _ = prepare([Job(config, {}, overrides)], SOURCES)
        assert isinstance(run, Run)
        rows, _ = stacked_rows([run])
        numerics = jax.device_put(stacked([run.numerics]))
        data = DeviceData(jnp.asarray(run.dataset.inputs), jnp.asarray(run.dataset.labels))
        blank = program.blank_lanes(numerics, spec=run.spec)
        zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), blank)
        settings: dict[str, Any] = {"spec": run.spec, "side_by_side": False}
        refill, train = (
            jax.jit(function, static_argnames=tuple(settings))
            for function in (program.refill_lanes, program.train_lanes)
        )
        self._state = refill(zeros, numerics, jnp.ones(1, bool), **settings)
        given = numerics, jax.device_put(rows), data, jnp.int32(1)
        self._train = lambda state: train(state, *given, **settings)[0]

    def epoch(self) -> float:
        """The seconds of the next epoch."""
        begun = time.perf_counter()
        self._state = jax.block_until_ready(self._train(self._state))
        return time.perf_counter() - begun


def measured(row: Technique, rounds: int) -> dict[str, float]:
    sides = [Training(overrides) for overrides in pair(row)]
    for side in sides:
        side.epoch()  # compiles
    pairs = [[side.epoch() for side in sides] for _ in range(rounds)]
    without, with_it = zip(*pairs, strict=True)
    return {
        "without": round(statistics.median(without), 4),
        "with": round(statistics.median(with_it), 4),
        "cost": round(statistics.median(two / one for one, two in pairs), 3),
    }


def document(figures: dict[str, Any]) -> str:
    """The page of the figures, in the order of the table of techniques."""
    line = "| {name} | {without:.3f} | {with:.3f} | {cost:.2f}x |\n"
    found = [(row.name, figures["techniques"].get(row.name)) for row in TABLE]
    return ABOUT.format(**figures) + "".join(line.format(name=name, **each) for name, each in found if each)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="techniques (default: all)")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    kept = json.loads(FIGURES.read_text()) if given.names and FIGURES.exists() else {"techniques": {}}
    for row in TABLE:
        if not given.names or row.name in given.names:
            kept["techniques"][row.name] = found = measured(row, given.rounds)
            print(row.name, found, flush=True)
            jax.clear_caches()
    device = jax.devices()[0]
    kept |= {"rounds": given.rounds, "device": f"{len(jax.devices())} x {device.device_kind}"}
    FIGURES.write_text(json.dumps(kept, indent=2) + "\n")
    DOCUMENT.write_text(document(kept))


if __name__ == "__main__":
    main()
