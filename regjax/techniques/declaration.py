"""The declaration of a technique. It loads no JAX and no NumPy, since `--help` imports it."""

import math
import struct
import sys
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, NamedTuple

# Integers are traced as int32.
MAX_WHOLE = 2**31 - 1
# Reals are traced as float32. XLA flushes smaller numbers than MIN_REAL to 0.
MIN_REAL, MAX_REAL = 2.0**-126, (2 - 2.0**-23) * 2.0**127


def as_float32(value: float | int) -> float | int:
    """The number that the program computes with. A number beyond float32 stays as it is."""
    try:
        (rounded,) = struct.unpack("f", struct.pack("f", value))
    except OverflowError:
        return value
    return float(rounded)


class Range(NamedTuple):
    """The legal values of a number. `allowed` says them in words. NaN and infinity are in no range."""

    allowed: str
    low: float = -math.inf
    high: float = math.inf
    above: bool = False  # `low` itself is not allowed
    below: bool = False  # `high` itself is not allowed
    whole: bool = False

    def accepts(self, value: float | int) -> bool:
        """Whether a number is in the range, as a float32. A whole number has the type int already."""
        if not abs(value) <= sys.float_info.max:  # math.isfinite raises for an int that is too large
            return False
        value = value if self.whole else as_float32(value)  # 0.99999999999 is 1 in the program
        above = value > self.low if self.above else value >= self.low
        return above and (value < self.high if self.below else value <= self.high)


WHOLE = Range(f"must be a whole number from 0 to {MAX_WHOLE}", 0, MAX_WHOLE, whole=True)
COUNT = Range(f"must be a whole number from 1 to {MAX_WHOLE}", 1, MAX_WHOLE, whole=True)
AT_LEAST_0 = Range("must be a finite number, 0 or more", 0)
ABOVE_0 = Range("must be a finite number above 0", 0, above=True)
SHARE = Range("must be a number from 0 to 1", 0, 1)
BELOW_1 = Range("must be a number from 0 up to, not including, 1", 0, 1, below=True)
POSITIVE_SHARE = Range("must be a number above 0, at most 1", 0, 1, above=True)
BETWEEN = Range("must be a number between 0 and 1", 0, 1, above=True, below=True)
FINITE = Range("must be a finite number")


class Hook(Enum):
    """The place where a technique acts. The value says it in words."""

    AUGMENTATION = "on the inputs of each batch of training rows; labels stay"
    BATCH = "on each batch of training rows, before the network"
    INPUT = "on the inputs of the network, in training"
    UNIT = "on the outputs of each hidden layer, in training"
    KERNEL_NORM = "on the weights into each hidden layer"
    KERNEL = "on the weights of each layer, in training"
    NORM = "between a hidden layer's product and its activation"
    BLOCK = "on the outputs of each residual block before its sum, in training"
    LOSS_TERM = "as a term that is added to the loss"
    EXTRA_TERM = "as a term of the loss that takes another pass over the batch"
    EXTRA_PASS = "by another pass over the batch in each step"
    GRADIENT = "on the gradient, before the optimizer scales it"
    DECAY = "on the weights in each update, beside the optimizer's step"
    PROJECTION = "on each kernel after its update"
    AVERAGE = "on an average of the weights, which evaluation reads"
    EPOCH_END = "at the end of each epoch"
    INFERENCE = "on the predictions of the trained network"


class Number(NamedTuple):
    """A strength that a user sets.

    At its neutral value, or at null, the program leaves the technique out. The neutral value is also the
    default of the key, so no YAML repeats it. With `sweep.grouping=union` the program may contain the
    technique although a run does not use it: then the run has the value `absent`, which has no effect (None:
    there is no such value). With `per_layer` the user may give a list with a number for each hidden layer. A
    `scheduled` number may follow a schedule over the epochs.

    The first number of a technique turns it on. The neutral value of another one is its usual value.
    """

    key: str
    range: Range
    neutral: float | None = 0.0
    absent: float | None = 0.0
    per_layer: bool = False
    scheduled: bool = False


class Choice(NamedTuple):
    """The value of a key that turns a technique on, such as `model.norm=batch`. The neutral value is none."""

    key: str
    value: str


# A configuration by dotted key. The functions in `elsewhere` read it besides the strength.
Values = Mapping[str, Any]


class Requirement(NamedTuple):
    """A condition on the value of another key while the technique is on. `words` completes "it needs".

    `accepts` gets the value, and the configuration.
    """

    accepts: Callable[[Any, Values], bool]
    words: str


Elsewhere = Callable[[Any, Values], float | str]


class Technique(NamedTuple):
    """One regularizer. Its function, and its file in `conf/regularization/`, have the same name.

    `numbers` maps an argument of the function to the number that it gets. The technique is on if the first
    number is not neutral. `shared_stream` names the random numbers that it shares with another technique.
    `elsewhere` gives the same strength in other libraries, as a number or a sentence. `at_inference` is true
    if the technique changes predictions of a trained network.

    regjax refuses a configuration if one of `needs` is not met, if none of the techniques `needs_one_of` is
    on, or if a technique in `excludes` is on, for the reason given there. It warns if one of `suits` is not
    met. A technique for `images` gets their shape as an argument. regjax refuses it for a table, which may
    take the technique `for_tables`. `judge` names a test, as FILE::TEST. The test compares the technique with
    a closed form, a statistic of its paper or another implementation.
    """

    name: str
    hook: Hook
    numbers: Mapping[str, Number]
    formula: str
    source: str
    elsewhere: Mapping[str, Elsewhere] = {}
    needs: Mapping[str, Requirement] = {}
    needs_one_of: tuple[str, ...] = ()
    excludes: Mapping[str, str] = {}
    suits: Mapping[str, Requirement] = {}
    images: bool = False
    for_tables: str = ""
    choice: Choice | None = None
    shared_stream: str = ""
    at_inference: bool = False
    judge: str = ""

    @property
    def strength(self) -> Number | None:
        """The number that turns the technique on, or None for a choice."""
        return next(iter(self.numbers.values()), None)

    @property
    def stream(self) -> str:
        """The name of the stream of its random numbers."""
        return self.shared_stream or self.name
