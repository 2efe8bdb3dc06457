"""The table of techniques. regjax applies techniques in the order of the rows."""

from collections.abc import Iterator

from regjax.techniques.declaration import Hook, Technique
from regjax.techniques.families.batches import BATCHES
from regjax.techniques.families.network import NETWORK
from regjax.techniques.families.procedures import PROCEDURES
from regjax.techniques.families.weights import WEIGHTS

TABLE = (*BATCHES, *NETWORK, *WEIGHTS, *PROCEDURES)


def rows(*hooks: Hook) -> Iterator[Technique]:
    """The rows of some hooks, in the order of the table."""
    return (row for row in TABLE if row.hook in hooks)
