"""`python -m regjax` and the script `regjax`: the command of `train.py`, from an installed package."""

import sys

from regjax.launch.announcement import announce_start


def main() -> None:
    """Says that it starts before it loads Hydra."""
    announce_start(sys.argv[1:])
    from regjax.launch.train import run

    run()


if __name__ == "__main__":
    main()
