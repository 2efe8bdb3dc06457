"""Runs `train.py`. Writes its seconds, the seconds of composing, and its peak memory to `+output=FILE`."""

import json
import pathlib
import runpy
import sys
import time

from protocols import peak_resident_mb

ROOT = pathlib.Path(__file__).parent.parent


def main() -> None:
    output = pathlib.Path(next(argument for argument in sys.argv if argument.startswith("+output="))[8:])
    composing = []
    sys.path.insert(0, str(ROOT))  # `python train.py` finds hydra_plugins there
    from regjax.launch.composer import Composer
    from regjax.launch.loader import SweepLoader

    def clocked(function):
        def timed(*given, **named):
            begun = time.perf_counter()
            try:
                return function(*given, **named)
            finally:
                composing.append(time.perf_counter() - begun)

        return timed

    for place, name in ((Composer, "__init__"), (Composer, "batch"), (SweepLoader, "load_sweep_config")):
        setattr(place, name, clocked(getattr(place, name)))
    sys.argv = ["train.py", *(argument for argument in sys.argv[1:] if not argument.startswith("+output="))]
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
