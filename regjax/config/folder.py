"""Finds `conf/`: it lies inside the installed package, and beside the package in a checkout."""

from pathlib import Path

PACKAGE = Path(__file__).parent.parent
CONF = next(folder for folder in (PACKAGE / "conf", PACKAGE.parent / "conf") if folder.is_dir())
