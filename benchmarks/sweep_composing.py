"""Runs `train.py`; writes its seconds, those of composing, and its peak memory to `+output=FILE`."""

import json
import pathlib
import runpy
import sys
import time

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from protocols import peak_resident_mb

ROOT = pathlib.Path(__file__).parent.parent


def main() -> None:
    output = pathlib.Path(next(argument for argument in sys.argv if argument.startswith("+output="))[8:])
    composing = []
    compose = ConfigLoaderImpl.load_configuration

    def timed(*given, **named):
        begun = time.perf_counter()
        try:
            return compose(*given, **named)
        finally:
            composing.append(time.perf_counter() - begun)

    ConfigLoaderImpl.load_configuration = timed
    sys.argv = ["train.py", *(argument for argument in sys.argv[1:] if not argument.startswith("+output="))]
    sys.path.insert(0, str(ROOT))  # where `python train.py` finds hydra_plugins
    begun = time.perf_counter()
    try:
        runpy.run_path(str(ROOT / "train.py"), run_name="__main__")
    except SystemExit as ended:
        if ended.code:
            raise
    result = {
        "seconds": time.perf_counter() - begun,
        "composing": sum(composing),
        "peak_resident_mb": peak_resident_mb(),
    }
    output.write_text(json.dumps(result))


if __name__ == "__main__":
    main()
