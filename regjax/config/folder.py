"""Finds `conf/` inside the package. In a checkout that is a link, and errors name the folder itself."""

from pathlib import Path

CONF = (Path(__file__).parent.parent / "conf").resolve()
