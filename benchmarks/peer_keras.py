"""Times one notebook's protocol in Keras on TensorFlow, as `Model.fit` runs it by default."""

import os
import time

from protocols import (
    ADAM_EPSILON,
    LEARNING_RATE,
    NUM_CLASSES,
    NUM_PIXELS,
    PROTOCOLS,
    Split,
    peer_arguments,
    read_split,
    require,
    write_result,
)

if __name__ == "__main__":
    require("keras", "tensorflow")
    os.environ["KERAS_BACKEND"] = "tensorflow"  # Keras reads it once, at its import
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow


def build_model(hidden_sizes: tuple[int, ...], dropout: float) -> keras.Model:
    """The model, compiled with Keras' defaults: `jit_compile="auto"` picks XLA only on an accelerator.

    Sparse cross-entropy also stands for the one-hot form of notebook 2. The two are equal.
    """
    model = keras.Sequential([keras.layers.Input((NUM_PIXELS,))])
    for size in hidden_sizes:
        model.add(keras.layers.Dense(size, activation="relu"))
        if dropout > 0:
            model.add(keras.layers.Dropout(dropout))
    model.add(keras.layers.Dense(NUM_CLASSES, activation="softmax"))
    optimizer = keras.optimizers.Adam(LEARNING_RATE, epsilon=ADAM_EPSILON)
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class EpochClock(keras.callbacks.Callback):
    """Measures the wall time of each epoch, with validation: Keras validates before `on_epoch_end`.

    The first epoch includes tracing.
    """

    def __init__(self):
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.start)


def fit(model: keras.Model, split: Split, batch_size: int, epochs: int) -> tuple[list[float], dict]:
    clock = EpochClock()
    history = model.fit(
        split.inputs,
        split.labels,
        batch_size=batch_size,
        epochs=epochs,
        validation_data=(split.validation_inputs, split.validation_labels),
        verbose=0,
        callbacks=[clock],
    )
    return clock.seconds, history.history


def main() -> None:
    arguments = peer_arguments(__doc__)
    protocol = PROTOCOLS[arguments.protocol]
    split = read_split(arguments.data, protocol)
    keras.utils.set_random_seed(arguments.seed)
    model = build_model(protocol.hidden_sizes, arguments.dropout)
    epoch_seconds, history = fit(model, split, protocol.batch_size, arguments.epochs)
    write_result(
        arguments,
        peer="keras-tensorflow",
        versions={"keras": keras.__version__, "tensorflow": tensorflow.__version__},
        settings={"jit_compile": model.jit_compile},
        epoch_seconds=epoch_seconds,
        train_accuracy=history["accuracy"],
        train_loss=history["loss"],
        val_accuracy=history["val_accuracy"],
        val_loss=history["val_loss"],
    )


if __name__ == "__main__":
    main()
