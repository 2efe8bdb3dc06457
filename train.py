"""Trains one run, or with -m several runs, which it compares: `python train.py --help`."""

from regjax.__main__ import main

if __name__ == "__main__":
    main()
