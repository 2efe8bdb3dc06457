"""Sweeps on disk, with what reports read."""

import yaml

from regjax import __version__
from regjax.saved.collection import SavedRun
from regjax.saved.metrics import append_metrics
from regjax.saved.summary import write_summary
from regjax.saved.writer import begin_directory

SETTINGS = {"baseline": None, "metric": "test_accuracy", "effect": 0.01, "alpha": 0.05}
COLUMNS = ["epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy"]


def typed(overrides):
    """The configuration that overrides make: a choice of a group is a key, too."""
    pairs = (text.lstrip("+").split("=", 1) for text in overrides)
    return {key: value if "${" in value else yaml.safe_load(value) for key, value in pairs}


def run(seed, accuracy, *overrides, status="done", on_test=False, rows=None, **config):
    """The summary of a run. `rows` replaces the digests of its rows, `config` is not of its overrides."""
    metrics = ("best_val_accuracy", "val_accuracy", "test_accuracy", "val_loss", "test_loss")
    return {
        "status": status,
        "selected_on_test": on_test,
        "config": {"data.split_seed": 0, "data.test_seed": 0} | typed(overrides) | {"seed": seed} | config,
        "overrides": [f"seed={seed}", *overrides],
        "rows": {"train": 800, "validation": 100, "test": 200},
        "row_digests": {"train": "a", "validation": "b", "test": "c"} | (rows or {}),
        **dict.fromkeys(metrics, accuracy if status == "done" else None),
    }


def held(folder, seed, accuracy, *overrides, status="done", data="digits", epochs=3, **config):
    """A run that has ended."""
    directory = folder / str(len(list(folder.glob("*"))))
    begin_directory(directory, COLUMNS, {})
    rows = [[epoch, 1 / epoch, 0.8, 2 / epoch, accuracy or 0.5] for epoch in range(1, epochs + 1)]
    append_metrics(directory, [dict(zip(COLUMNS, row, strict=True)) for row in rows])
    settings = {f"compare.{key}": value for key, value in SETTINGS.items()} | {"data.name": data}
    summary = run(seed, accuracy, f"data={data}", *overrides, status=status, **settings, **config) | {
        "reason": "diverged at epoch 1: loss_data is nan",
        "identity": f"{seed} {overrides} {data}",
        "versions": {"regjax": __version__},
    }
    return SavedRun(directory, write_summary(directory, summary))


def sweep_of(folder, *rates, seeds=4, **settings):
    folder.mkdir(parents=True, exist_ok=True)
    return [
        held(folder, seed, 0.8 + rate / 10 + seed / 1000 * (1 + rate), f"model.dropout={rate}", **settings)
        for rate in rates
        for seed in range(seeds)
    ]


def remarks(comparison):
    """The cautions and the notes of a comparison."""
    return [*comparison.cautions, *comparison.notes]
