"""README's "Add a regularizer", followed to the letter in a copy of the project."""

import csv
import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.small import ROOT

PROJECT = ("train.py", "conf", "regjax", "hydra_plugins", "tests", "pyproject.toml")


@pytest.fixture
def project(tmp_path):
    """A copy of the project."""
    ignored = shutil.ignore_patterns("__pycache__")
    for name in PROJECT:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        options = {"ignore": ignored, "symlinks": True} if copy is shutil.copytree else {}
        copy(ROOT / name, tmp_path / name, **options)
    return tmp_path


def run(project, *arguments):
    environment = os.environ | {"PYTHONPATH": str(project)}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_three_steps_add_a_regularizer(project):
    section = re.search(r"## Add a regularizer\n(.*?)\n## ", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    row, function, file = re.findall(r"```\w+\n(.*?)```", section, re.DOTALL)
    techniques = project / "regjax" / "techniques"
    rows, penalties = techniques / "families" / "weights.py", techniques / "penalties.py"
    text = rows.read_text()
    end = text.index("\n)\n", text.index("\nWEIGHTS = (")) + 1
    rows.write_text(text[:end] + row + text[end:])
    penalties.write_text(f"{penalties.read_text()}\n\n{function}")
    (project / "conf" / "regularization" / "log_penalty.yaml").write_text(file)

    run(project, "train.py", "trainer.epochs=1", "hydra.run.dir=plain")
    run(project, "train.py", "regularization=[log_penalty]", "trainer.epochs=1", "hydra.run.dir=penalized")
    with (project / "penalized" / "metrics.csv").open() as table:
        (epoch,) = csv.DictReader(table)
    assert float(epoch["loss_log_penalty"]) > 0
    assert "loss_log_penalty" not in (project / "plain" / "metrics.csv").read_text()
    assert "penalty.log=0.0001" in run(project, "-m", "regjax.explain", "log_penalty")
    battery = ["tests/techniques/test_battery.py", "-k", "log_penalty", "-m", ""]  # the slow ones too
    passed = int(re.search(r"(\d+) passed", run(project, "-m", "pytest", "-q", "-n", "0", *battery))[1])
    assert passed > 10
