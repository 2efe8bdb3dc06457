"""A strength as other libraries name it: `Technique.elsewhere` has one such function for each."""

from regjax.techniques.declaration import Elsewhere, Values


def same(strength: float | int, _: Values) -> float | int:
    return strength


def twice(strength: float | int, _: Values) -> float | int:
    return 2 * strength


def on_the_same_weights(strength: float | int, values: Values) -> str:
    """PyTorch's weight decay is on the biases too, unless they have a group of their own."""
    return f"{2 * strength:g}" if values["penalty.biases"] else f"{2 * strength:g}, for kernels alone"


def scikit_learn_alpha(strength: float | int, values: Values) -> float | int | str:
    return (
        "no equal value: it spares biases"
        if values["penalty.biases"]
        else 2 * strength * values["trainer.batch_size"]
    )


def decay_for_l2(strength: float | int, values: Values) -> float | int | str:
    """Decoupled decay equals L2 under plain gradient descent alone (Loshchilov & Hutter 2019)."""
    if values["optimizer.name"] == "sgd" and not values["optimizer.momentum"]:
        return 2 * strength
    return f"no equal value under {optimizer(values)}"


def l2_for_decay(strength: float | int, values: Values) -> float | int | str:
    if values["optimizer.name"] == "sgd" and not values["optimizer.momentum"]:
        return strength / 2
    return f"no equal value under {optimizer(values)}"


def optimizer(values: Values) -> str:
    momentum = " with momentum" if values["optimizer.momentum"] else ""
    return f"{values['optimizer.name']}{momentum}"


def sentence(text: str) -> Elsewhere:
    return lambda strength, _: text.format(strength)
