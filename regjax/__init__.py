"""regjax: multilayer perceptrons under any combination of regularizers, compared with honest statistics."""

__version__ = "0.2.0"
