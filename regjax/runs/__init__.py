"""One run on disk, and the runs that are there."""
