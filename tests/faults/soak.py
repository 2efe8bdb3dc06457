"""Random faults against random configurations: nothing is lost, every resumed result is the straight one.

    python tests/faults/soak.py --minutes 10 [--seed 0] [--fault kill] [--first 17 --rounds 1]

Each round draws a command and a fault from the seed and its own number, runs the command undisturbed, then in
another folder with the fault, as often as it takes to finish. `--first N --rounds 1` repeats a failed round,
at the same share of its time; the seconds are printed. Faults that came too late are not counted.
"""

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.commands import begin, outcome, with_files_up_to
from tests.small import ROOT

ATTEMPTS = 6
TECHNIQUES = ("dropout", "batch_norm", "l2", "l1", "early_stopping", "layer_norm")
PLACES = {False: "hydra.run.dir=out", True: "hydra.sweep.dir=out"}


class LostError(Exception):
    """What a round found wrong."""


class Round(NamedTuple):
    """One drawn command and fault."""

    arguments: str
    fault: str
    draw: random.Random


def drawn(seed: int, number: int, faults: list[str]) -> Round:
    """The round of this number."""
    draw = random.Random(f"{seed}-{number}")
    techniques = draw.sample(TECHNIQUES, draw.randint(1, 3))
    if {"batch_norm", "layer_norm"} <= set(techniques):
        techniques.remove("layer_norm")
    settings = [
        f"'regularization=[{','.join(techniques)}]'",
        f"data={draw.choice(['digits', 'wine', 'breast_cancer'])}",
        f"optimizer={draw.choice(['adam', 'adamw', 'sgd', 'rmsprop'])}",
        f"schedule={draw.choice(['constant', 'cosine', 'step', 'exponential'])}",
        f"model.hidden={draw.choice(['[16]', '[64,32]', '[32,32,32]'])}",
        f"trainer.batch_size={draw.choice([16, 32])}",
        f"trainer.epochs={draw.choice([40, 120, 300])}",
        f"checkpointing.keep={draw.choice([1, 2, 4])}",
        f"checkpoint={draw.choice(['every_epoch', 'every_epoch', 'selected'])}",
        "early_stopping.patience=400",
    ]
    many = draw.random() < 0.4
    grid = ["-m", "sweep.retry=true", "model.dropout=0.1,0.4", f"seed=range({draw.randint(2, 4)})"]
    fault = draw.choice(faults)
    if fault == "flip":  # there must be states
        settings.append("checkpoint=every_epoch")
    return Round(" ".join([*(grid if many else []), *settings, PLACES[many]]), fault, draw)


def run(directory: Path, arguments: str, *, before: Sequence[str] = ()) -> tuple[int, str, float]:
    """A whole command: its exit code, its errors, its seconds."""
    begun = time.monotonic()
    process = begin(directory, arguments, before=before)
    _, err = process.communicate(timeout=300)
    return process.returncode, err, time.monotonic() - begun


def disturbed(directory: Path, this: Round, seconds: float) -> str:
    """One attempt that its fault meets at a random instant: what happened, or "" where it ended before."""
    if this.fault == "full disk":
        size = this.draw.choice([2_000, 20_000, 100_000])
        code, _, _ = run(directory, this.arguments, before=with_files_up_to(size))
        return f"files up to {size} bytes" * (code != 0)
    process, delay = begin(directory, this.arguments), this.draw.uniform(0.2, 1) * seconds
    time.sleep(delay)
    met = process.poll() is None
    if this.fault == "stop":
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.5)
        process.send_signal(signal.SIGCONT)
        time.sleep(0.2)
    number = {"signal": this.draw.choice([signal.SIGINT, signal.SIGTERM])}.get(this.fault, signal.SIGKILL)
    process.send_signal(number)
    try:
        _, err = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        raise LostError(f"signal {number} did not end it within a minute") from None
    if this.fault == "signal" and process.returncode not in (0, 128 + number, -number):
        raise LostError(f"exit code {process.returncode} after signal {number}: {err[-2000:]}")
    if this.fault == "flip":
        return flip(directory, this.draw)
    return f"after {delay:.2f} s" * met


def flip(directory: Path, draw: random.Random) -> str:
    """Turns one bit of one file of a whole saved state, which must be found out; "" where there is none."""
    files = [path for path in sorted(directory.rglob("checkpoints/states/[0-9]*-*/*")) if path.is_file()]
    files = [path for path in files if path.stat().st_size]
    if not files:
        return ""
    path = draw.choice(files)
    content = bytearray(path.read_bytes())
    at, bit = draw.randrange(len(content)), draw.randrange(8)
    content[at] ^= 1 << bit
    path.write_bytes(content)
    verify = [sys.executable, "-m", "regjax.verify", str(directory)]
    found = subprocess.run(verify, cwd=ROOT, capture_output=True, text=True, timeout=60)
    if found.returncode != 1 or str(path) not in found.stdout + found.stderr:
        raise LostError(f"bit {bit} of byte {at} of {path} is not found out: {found.stdout}{found.stderr}")
    return f"{path.relative_to(directory)}, bit {bit} of byte {at}"


def judge(this: Round, folder: Path) -> list[str]:
    """The faults that the command came through; raises `LostError` where it does not end as undisturbed."""
    straight, faulted = folder / "straight", folder / "faulted"
    straight.mkdir()
    faulted.mkdir()
    cache = f"cache_dir={folder / 'cache'}" if this.fault == "full disk" else ""
    this = this._replace(arguments=f"{this.arguments} {cache}")
    code, err, seconds = run(straight, this.arguments)
    if code:
        raise LostError(f"the straight run failed: {err[-2000:]}")
    met = [disturbed(faulted, this, seconds) for _ in range(this.draw.randint(1, 3))]
    for _ in range(ATTEMPTS):
        code, err, _ = run(faulted, this.arguments)
        if "Traceback" in err:
            raise LostError(f"a traceback: {err[-3000:]}")
        if code == 0:
            break
    else:
        raise LostError(f"it does not finish: {err[-2000:]}")
    ends = [outcome(place / "out") for place in (straight, faulted)]
    if this.fault == "full disk":  # what it left undone was compared, which is a look of its own
        ends = [without_looks(end) for end in ends]
    compare(*ends)
    return [what for what in met if what]


def without_looks(end: dict[str, object]) -> dict[str, object]:
    """The same without the count of looks at a sweep."""
    kept = dict(end)
    if "comparison.json" in end:
        told = json.loads(end["comparison.json"])
        kept["comparison.json"] = told | {"looks": [], "notes": []}
        kept["comparison.md"] = [line for line in end["comparison.md"].splitlines() if b"- look" not in line]
    return kept


def compare(straight: dict[str, object], faulted: dict[str, object]) -> None:
    missing = sorted(straight.keys() ^ faulted.keys())
    if missing:
        raise LostError(f"only one of them has {missing[:5]}")
    for name, content in straight.items():
        if content != faulted[name]:
            raise LostError(f"{name} is not the same")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    faults = ["kill", "signal", "flip", "full disk", "stop"]
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, metavar="ROUND")
    parser.add_argument("--rounds", type=int, default=sys.maxsize)
    parser.add_argument("--fault", choices=faults)
    given = parser.parse_args()
    until = time.monotonic() + 60 * given.minutes
    survived: Counter[str] = Counter()
    failed = 0
    for number in range(given.first, given.first + given.rounds):
        if time.monotonic() > until:
            break
        this = drawn(given.seed, number, [given.fault] if given.fault else faults)
        folder = Path(tempfile.mkdtemp(prefix="regjax-soak-"))
        try:
            met = judge(this, folder)
            survived[this.fault] += len(met)
            told = f"{'; '.join(met) or 'came too late'}: the same as undisturbed"
            print(f"round {number}: {this.fault}: {told}  {this.arguments}", flush=True)
            shutil.rmtree(folder)
        except (LostError, subprocess.TimeoutExpired) as error:
            failed += 1
            print(
                f"round {number}: {this.fault}: LOST: {error}\n  train.py {this.arguments}\n  in {folder}",
                flush=True,
            )
    print(
        f"seed {given.seed}: {sum(survived.values())} faults survived {dict(survived)}, {failed} rounds lost"
    )
    return 1 if failed or not survived.total() else 0


if __name__ == "__main__":
    sys.exit(main())
