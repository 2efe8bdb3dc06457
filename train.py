"""Train one run, or with -m a comparison of several: `python train.py --help`."""

from regjax.__main__ import main

if __name__ == "__main__":
    main()
