"""Times the notebooks' protocols in regjax, by the column `seconds` that every run writes."""

import json
import pathlib
import runpy
import sys
import tempfile

from protocols import peer_arguments, require, write_result

require("jax", "flax", "hydra")

ROOT = pathlib.Path(__file__).parent.parent


def main() -> None:
    arguments = peer_arguments(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        sys.argv = [
            "train.py",
            f"experiment={arguments.protocol}",
            "hydra.mode=RUN",
            f"model.dropout={arguments.dropout}",
            f"trainer.epochs={arguments.epochs}",
            f"seed={arguments.seed}",
            f"hydra.run.dir={folder}",
        ]
        sys.path.insert(0, str(ROOT))  # `python train.py` finds hydra_plugins there
        try:
            runpy.run_path(str(ROOT / "train.py"), run_name="__main__")
        except SystemExit as exit_:
            if exit_.code:
                raise
        run = pathlib.Path(folder)
        versions = json.loads((run / "summary.json").read_text())["versions"]
        header, *rows = [line.split(",") for line in (run / "metrics.csv").read_text().splitlines()]
    columns = {name: [float(row[place]) for row in rows] for place, name in enumerate(header)}
    write_result(
        arguments,
        peer="regjax",
        versions=versions,
        epoch_seconds=columns["seconds"],
        train_accuracy=columns["train_accuracy"],
        train_loss=columns["train_objective"],
        val_accuracy=columns["val_accuracy"],
        val_loss=columns["val_loss"],
    )


if __name__ == "__main__":
    main()
