"""Reads and writes runs on disk. The package can be called: `regjax.runs("multirun")` loads runs.

Python puts a package into the place of a function of its name as soon as the package is imported.
"""

import sys
from types import ModuleType

from regjax import _runs


class _CallablePackage(ModuleType):
    __call__ = staticmethod(_runs)


sys.modules[__name__].__class__ = _CallablePackage
