"""The commands and settings of README.md, CONTRIBUTING.md and docs/ exist. The README's commands run."""

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from regjax.config.schema import known_keys
from regjax.errors import UserError
from regjax.launch.composing import Refused
from tests.small import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
RECIPE = re.compile(r"## Add a regularizer\n.*?\n(?=## )", re.DOTALL)  # tests/test_recipe.py follows it
BLOCK = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)
ACCEPTED = "accepted, and not trained here"


def text_of(page: Path) -> str:
    return RECIPE.sub("", page.read_text())


def commands_in_blocks(page: Path) -> list[str]:
    shown = "\n".join(body for kind, body in BLOCK.findall(text_of(page)) if not kind)
    return re.findall(r"^(?:python|regjax) .*", shown.replace("\\\n", " "), re.MULTILINE)


def inline_code(page: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", BLOCK.sub("", text_of(page)))


def commands(page: Path) -> list[str]:
    inline = [code for code in inline_code(page) if re.match(r"python (train\.py|-m \S+) .", code)]
    return commands_in_blocks(page) + inline


def settings(page: Path) -> list[str]:
    """What the prose and the tables name: `key=value` or `group=choice`."""
    words = " ".join(inline_code(page)).replace("'", " ").split()
    return [word for word in words if re.match(r"[a-z_]+[a-z0-9_.]*=.", word)]


def every(found: Callable[[Path], list[str]]) -> list[str]:
    return list(dict.fromkeys(each for page in PAGES for each in found(page)))


def main_of(module: str) -> Callable[[list[str]], int]:
    """The `main` of what `python -m` runs."""
    spec = importlib.util.find_spec(module)
    assert spec, f"no module {module}"
    is_package = spec.submodule_search_locations is not None
    return importlib.import_module(f"{module}.__main__" if is_package else module).main


@pytest.fixture
def untrained(monkeypatch):
    """A command that regjax accepts ends with `ACCEPTED` where it would load data."""

    def accept(*_, **__):
        raise UserError(ACCEPTED)

    def accept_jobs(_, composed, *__, **___):
        raise UserError(
            next((each.job.reason for each in composed if isinstance(each.job, Refused)), ACCEPTED)
        )

    monkeypatch.setattr("regjax.launch.single.run_single", accept)
    monkeypatch.setattr("regjax.launch.launcher.Sweep._prepared", accept_jobs)


@pytest.mark.slow
@pytest.mark.parametrize("line", every(commands))
def test_a_command_is_accepted(line, command, untrained):
    match shlex.split(line.partition(" > ")[0], comments=True):
        case ["python", "train.py", *given] | ["python", "-m", "regjax", *given] | ["regjax", *given]:
            done = command(shlex.join(given))
            assert done.code == 0 or f"error: {ACCEPTED}" in done.err, done.err
        case ["python", "-m", module, *given]:
            # argparse exits where it does not know an argument. A FOLDER that is not there gives 1.
            assert main_of(module)(given) in (0, 1)
        case ["python", "-c", code]:
            compile(code, line, "exec")
        case ["python", script, *_]:
            assert (ROOT / script).is_file()


@pytest.mark.parametrize("setting", every(settings))
def test_a_setting_exists(setting):
    key, _, values = setting.partition("=")
    if (ROOT / "conf" / key).is_dir() and "[" not in values:
        for choice in re.split(r"\\\||,", values):
            assert (ROOT / "conf" / key / f"{choice}.yaml").is_file()
    elif key.partition(".")[0] != "hydra":
        assert key in known_keys() or (ROOT / "conf" / key).is_dir()


@pytest.mark.slow
def test_the_readme_runs_from_its_first_command_to_its_last(tmp_path):
    for name in ("train.py", "conf", "regjax", "hydra_plugins"):
        (tmp_path / name).symlink_to(ROOT / name)
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    (python,) = [body for kind, body in BLOCK.findall(text_of(ROOT / "README.md")) if kind == "python"]
    for line in [*commands_in_blocks(ROOT / "README.md"), shlex.join(["python", "-c", python])]:
        done = subprocess.run(line, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def test_a_link_leads_to_a_file():
    links = [
        (page, link) for page in PAGES for link in re.findall(r"\]\((?!http|#)([^)]+)\)", page.read_text())
    ]
    assert len(links) > 20
    assert [link for page, link in links if not (page.parent / link).is_file()] == []


def test_the_map_names_modules_that_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    section = re.search(r"\n- \*\*`launch/`.*?\n\n", text, re.DOTALL)[0]
    named = re.split(r"- \*\*`(\w+)/`\*\*", section)[1:]
    for package, described in zip(named[::2], named[1::2], strict=True):
        for module in re.findall(r"`([a-z_]+)`", described):
            assert (ROOT / "regjax" / package / f"{module}.py").is_file(), f"{package}/{module}"
