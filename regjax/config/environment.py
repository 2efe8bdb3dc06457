"""What comes from the environment through `oc.env`: it is used, and never saved."""

import os
import re

from omegaconf import DictConfig, OmegaConf

from regjax.config.checks import CHOICES

VARIABLE = re.compile(r"\$\{\s*oc\.env:\s*['\"]?([^,'\"}\s]+)")
REFERENCE = re.compile(r"\$\{\s*([\w.]+)\s*\}")


def from_environment(composed: DictConfig) -> dict[str, str]:
    """The keys whose value is a text of the environment, each with what stands for it in saved files.

    That is the interpolation as it was written, in <> so that nobody resolves it again; keys that refer to
    such a key are among them. Numbers and choices are not: a report needs them, and neither is a secret.
    """
    written = {key: text for key, text in _texts(composed) if "${" in text}
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


def _texts(composed: DictConfig) -> list[tuple[str, str]]:
    """Every key whose value is a text, with that text as it was written."""
    whole = OmegaConf.to_container(composed, resolve=False)
    assert isinstance(whole, dict)
    found = []
    for section, value in whole.items():
        entries = value.items() if isinstance(value, dict) else [("", value)]
        found += [(f"{section!s}.{key!s}" if key else str(section), leaf) for key, leaf in entries]
    return [(key, leaf) for key, leaf in found if isinstance(leaf, str)]
