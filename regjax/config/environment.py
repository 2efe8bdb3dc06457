"""What comes from the environment through `oc.env`: it is used, and never saved."""

import os
import re

from omegaconf import DictConfig, OmegaConf

from regjax.config.checks import CHOICES
from regjax.config.schema import as_written

VARIABLE = re.compile(r"\$\{\s*oc\.env:\s*['\"]?([^,'\"}\s]+)")
REFERENCE = re.compile(r"\$\{\s*([\w.]+)\s*\}")


def from_environment(composed: DictConfig) -> dict[str, str]:
    """The keys whose value is a text of the environment, each with what stands for it in saved files.

    That is the interpolation as it was written, in <> so that nobody resolves it again; keys that refer to
    such a key are among them. Numbers and choices are not: a report needs them, and neither is a secret.
    """
    values = as_written(composed)
    written = {key: text for key, text in values.items() if isinstance(text, str) and "${" in text}
    hidden = {key for key, text in written.items() if _is_set(text)}
    while more := {key for key in written.keys() - hidden if hidden & set(REFERENCE.findall(written[key]))}:
        hidden |= more
    texts = [key for key in sorted(hidden) if isinstance(OmegaConf.select(composed, key), str)]
    return {
        key: f"<{written[key].replace('${', '').replace('}', '')}>" for key in texts if key not in CHOICES
    }


def masked(text: str, values: dict[str, object], hidden: dict[str, str]) -> str:
    """A text without the hidden keys' values."""
    for key, written in hidden.items():
        if values[key]:
            text = text.replace(str(values[key]), written)
    return text


def _is_set(text: str) -> bool:
    return any(name in os.environ for name in VARIABLE.findall(text))
