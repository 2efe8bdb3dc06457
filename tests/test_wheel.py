"""The wheel, installed into a folder of its own, in an empty folder; docs/python.md, read with it."""

import doctest
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from functools import partial
from pathlib import Path

import pytest

from tests.small import ROOT

pytestmark = pytest.mark.slow
# What the wheel is made of; a build leaves files, so it has a copy.
PROJECT = ("train.py", "conf", "regjax", "hydra_plugins", "pyproject.toml", "README.md", "LICENSE")
# Runs blocks of Python in one namespace, and prints what each of them prints.
PAGE = """
import contextlib, io, json, sys
namespace, printed = {}, []
for block in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(block, namespace)
    printed.append(out.getvalue())
print(json.dumps([namespace["regjax"].__file__, *printed]))
"""
LIKE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def done(*command, folder: Path, site: Path | None = None, given: str | None = None) -> str:
    """What a command prints in a folder. The packages in `site` come before all others."""
    path = {"PYTHONPATH": f"{site}", "PATH": f"{site}/bin:{os.environ['PATH']}"} if site else {}
    ended = subprocess.run(
        [str(word) for word in command],
        cwd=folder, env=os.environ | path, input=given, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder in which the wheel is installed."""
    pytest.importorskip("setuptools", "77")
    folder = tmp_path_factory.mktemp("wheel")
    for name in PROJECT:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    pip, offline = (sys.executable, "-m", "pip"), ("--no-deps", "--no-index")
    done(*pip, "wheel", ".", *offline, "--no-build-isolation", "-w", "dist", folder=folder)
    (wheel,) = (folder / "dist").glob("regjax-*.whl")
    done(*pip, "install", *offline, "--target", folder / "site", wheel, folder=folder)
    return folder / "site"


def test_an_editable_install_is_found_beside_the_folder_of_the_clone(tmp_path):
    """Python takes a folder named like the package for a package, unless the real one is on its path."""
    pytest.importorskip("setuptools", "77")
    build = "from setuptools import build_meta; print(build_meta.build_editable('dist'))"
    (tmp_path / "regjax").mkdir()
    for name in PROJECT:
        copy = partial(shutil.copytree, symlinks=True) if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / "regjax" / name)
    wheel = done(sys.executable, "-c", build, folder=tmp_path / "regjax").splitlines()[-1]
    with zipfile.ZipFile(tmp_path / "regjax/dist" / wheel) as built:
        (name,) = (name for name in built.namelist() if "dist-info" not in name)
        assert built.read(name).decode().strip() == f"{tmp_path / 'regjax'}"


def test_the_command_of_an_installed_wheel_trains_in_an_empty_folder(site, tmp_path):
    module = (sys.executable, "-m", "regjax")
    done(*module, "debug=fast", "data=wine", folder=tmp_path, site=site)
    (summary,) = tmp_path.glob("outputs/*/*/summary.json")
    assert json.loads(summary.read_text())["status"] == "done"
    by_module = done(*module, "--help", folder=tmp_path, site=site)
    by_script = done("regjax", "--help", folder=tmp_path, site=site)
    assert "\npython -m regjax model.dropout=0.2 " in by_module
    assert by_script == by_module.replace("python -m regjax ", "regjax ")


def test_what_the_page_on_python_shows_is_what_python_prints(site, tmp_path):
    pytest.importorskip("pandas")
    text = (ROOT / "docs" / "python.md").read_text()
    commands = [line for line in text.splitlines() if line.startswith("regjax ")]
    blocks = re.findall(r"```python\n(.*?)```\n```text\n(.*?)```\n", text, re.DOTALL)
    assert (len(commands), len(blocks)) == (2, text.count("```python"))
    for command in commands:
        done(*shlex.split(command), folder=tmp_path, site=site)
    code, expected = zip(*blocks, strict=True)
    told = done(sys.executable, "-c", PAGE, folder=tmp_path, site=site, given=json.dumps(code))
    file, *printed = json.loads(told)
    assert Path(file).is_relative_to(site)
    for want, got in zip(expected, printed, strict=True):
        assert doctest.OutputChecker().check_output(want, got, LIKE), f"{got}\nis not\n{want}"
