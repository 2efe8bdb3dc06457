"""What each technique adds to an epoch of notebook 1: `benchmarks/cost.json` and, from it, `docs/cost.md`.

    python benchmarks/cost.py [NAME ...] [--rounds 5]

A technique at the strength of its file trains an epoch, validation included, in turns with the same
configuration without it. What a technique needs beside it is on in both. A third turn draws the numbers of a
noise layer by jax.random. NAMES measure these alone, and the other numbers stay.
"""

import argparse
import json
import pathlib
import statistics
import sys
import time
from itertools import pairwise
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
from regjax.sweep.devices import cores  # noqa: E402
from regjax.sweep.lanes import stacked, stacked_rows  # noqa: E402
from regjax.techniques.declaration import Hook, Technique  # noqa: E402
from regjax.techniques.settings import keys_of  # noqa: E402
from regjax.techniques.table import TABLE  # noqa: E402
from regjax.training import program  # noqa: E402
from regjax.training.spec import StaticSpec  # noqa: E402
from regjax.training.state import DeviceData  # noqa: E402

FIGURES, DOCUMENT = ROOT / "benchmarks" / "cost.json", ROOT / "docs" / "cost.md"
SOURCES = Sources()
ABOUT = """# What a technique costs

<!-- python benchmarks/cost.py writes this file -->
Seconds of an epoch of notebook 1 (MNIST, 784-300-100-10, batches of 1,000), validation included, without and
with each technique at the numbers of its file. The two train in turns. The seconds are medians of {rounds}
epochs on {device}, and the cost is the median ratio of a pair. What a technique needs is on in both.
The last column divides what a noise layer adds by the time in which jax.random draws the same numbers.

| technique | without | with | cost | of the draws |
|---|---|---|---|---|
"""
# The techniques that draw normal numbers.
NORMAL = ("input_noise", "gaussian_noise", "gaussian_dropout", "weight_noise")


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
        self.spec = run.spec
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


def _shapes(row: Technique, spec: StaticSpec) -> list[tuple[int, int]]:
    """The arrays that a noise layer draws for a batch; none for another technique."""
    match row.hook:
        case Hook.INPUT:
            return [(spec.batch_size, spec.num_features)]
        case Hook.UNIT:
            return [(spec.batch_size, width) for width in spec.hidden]
        case Hook.KERNEL:
            return [*pairwise((spec.num_features, *spec.hidden, spec.num_classes))]
    return []


class Draws:
    """Draws the numbers of a noise layer by jax.random, an epoch at a time."""

    def __init__(self, row: Technique, spec: StaticSpec):
        shapes = _shapes(row, spec)

        def draw(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
            return (
                jax.random.normal(key, shape) if row.name in NORMAL else jax.random.bernoulli(key, 0.5, shape)
            )

        def batch(total: jax.Array, key: jax.Array) -> tuple[jax.Array, None]:
            keys = jax.random.split(key, len(shapes))
            drawn = [draw(one, shape) for one, shape in zip(keys, shapes, strict=True)]
            return total + sum(each.astype(jnp.float32).sum() for each in drawn), None

        steps = spec.steps_per_epoch
        self._epoch = jax.jit(lambda key: jax.lax.scan(batch, 0.0, jax.random.split(key, steps))[0])

    def epoch(self) -> float:
        """The seconds of the draws of an epoch."""
        begun = time.perf_counter()
        jax.block_until_ready(self._epoch(jax.random.key(0)))
        return time.perf_counter() - begun


def measured(row: Technique, rounds: int) -> dict[str, float]:
    trainings = [Training(overrides) for overrides in pair(row)]
    spec = trainings[1].spec
    sides = [*trainings, *([Draws(row, spec)] if _shapes(row, spec) else [])]
    for side in sides:
        side.epoch()  # compiles
    turns = [[side.epoch() for side in sides] for _ in range(rounds)]
    without, with_it, *drawn = (statistics.median(times) for times in zip(*turns, strict=True))
    found = {
        "without": round(without, 4),
        "with": round(with_it, 4),
        "cost": round(statistics.median(turn[1] / turn[0] for turn in turns), 3),
    }
    added = statistics.median(turn[1] - turn[0] for turn in turns)
    return found | ({"draws": round(added / drawn[0], 2)} if drawn else {})


def document(figures: dict[str, Any]) -> str:
    """The page of the figures, in the order of the table of techniques."""
    found = [(row.name, figures["techniques"].get(row.name)) for row in TABLE]
    return ABOUT.format(**figures) + "".join(_line(name, each) for name, each in found if each)


def _line(name: str, each: dict[str, float]) -> str:
    draws = f"{each['draws']:.2f}x" if "draws" in each else ""
    return f"| {name} | {each['without']:.3f} | {each['with']:.3f} | {each['cost']:.2f}x | {draws} |\n"


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
    kind = jax.devices()[0].device_kind
    device = f"{cores()} CPU cores" if kind == "cpu" else f"a {kind}"
    kept |= {"rounds": given.rounds, "device": device}
    FIGURES.write_text(json.dumps(kept, indent=2) + "\n")
    DOCUMENT.write_text(document(kept))


if __name__ == "__main__":
    main()
