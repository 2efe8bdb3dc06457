"""The table of techniques. The order of the rows is the order in which they are applied."""

from collections.abc import Iterator
from itertools import pairwise
from math import inf

from regjax.techniques.declaration import (
    ABOVE_0,
    AT_LEAST_0,
    BELOW_1,
    SHARE,
    WHOLE,
    Choice,
    Elsewhere,
    Hook,
    Number,
    Requirement,
    Technique,
    Values,
)


def _same(strength: float | int, _: Values) -> float | int:
    return strength


def _twice(strength: float | int, _: Values) -> float | int:
    return 2 * strength


def _on_the_same_weights(strength: float | int, values: Values) -> str:
    """PyTorch's weight decay is on the biases too, unless they have a group of their own."""
    return f"{2 * strength:g}" if values["penalty.biases"] else f"{2 * strength:g}, for kernels alone"


def _scikit_learn_alpha(strength: float | int, values: Values) -> float | int | str:
    return (
        "no equal value: it spares biases"
        if values["penalty.biases"]
        else 2 * strength * values["trainer.batch_size"]
    )


def _decay_for_l2(strength: float | int, values: Values) -> float | int | str:
    """Decoupled decay equals L2 under plain gradient descent alone (Loshchilov & Hutter 2019)."""
    if values["optimizer.name"] == "sgd" and not values["optimizer.momentum"]:
        return 2 * strength
    return f"no equal value under {_optimizer(values)}"


def _l2_for_decay(strength: float | int, values: Values) -> float | int | str:
    if values["optimizer.name"] == "sgd" and not values["optimizer.momentum"]:
        return strength / 2
    return f"no equal value under {_optimizer(values)}"


def _optimizer(values: Values) -> str:
    momentum = " with momentum" if values["optimizer.momentum"] else ""
    return f"{values['optimizer.name']}{momentum}"


def _sentence(text: str) -> Elsewhere:
    return lambda strength, _: text.format(strength)


TABLE = (
    Technique(
        "label_smoothing",
        Hook.BATCH,
        {"amount": Number("target.label_smoothing", SHARE)},
        formula="targets = (1 - amount) * one_hot(label) + amount / classes",
        source="Szegedy et al. 2016, https://arxiv.org/abs/1512.00567",
        elsewhere={
            "Keras CategoricalCrossentropy(label_smoothing)": _same,
            "PyTorch CrossEntropyLoss(label_smoothing)": _same,
        },
    ),
    Technique(
        "mixup",
        Hook.BATCH,
        {"alpha": Number("target.mixup", AT_LEAST_0)},
        formula="rows = share * rows + (1 - share) * rows in another order; share ~ Beta(alpha, alpha)",
        source="Zhang et al. 2018, https://arxiv.org/abs/1710.09412",
        elsewhere={"Keras MixUp(alpha)": _same, "torchvision v2.MixUp(alpha)": _same},
    ),
    Technique(
        "input_noise",
        Hook.INPUT,
        {"stddev": Number("model.input_noise", AT_LEAST_0, scheduled=True)},
        formula="inputs + stddev * n; inputs are scaled, n ~ N(0, 1)",
        source="Bishop 1995, https://doi.org/10.1162/neco.1995.7.1.108",
        elsewhere={"Keras GaussianNoise(stddev)": _same},
    ),
    Technique(
        "input_dropout",
        Hook.INPUT,
        {"rate": Number("model.input_dropout", SHARE, scheduled=True)},
        formula="inputs * mask / (1 - rate); mask is 0 with probability rate, else 1",
        source="Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html",
        elsewhere={"Keras Dropout(rate)": _same, "PyTorch Dropout(p)": _same},
        shared_stream="dropout",
    ),
    Technique(
        "weight_norm",
        Hook.KERNEL_NORM,
        {},
        formula="w = scale * v / ||v||; ||v|| is the norm of the incoming weights of one unit",
        source="Salimans & Kingma 2016, https://arxiv.org/abs/1602.07868",
        elsewhere={"PyTorch": _sentence("parametrizations.weight_norm(layer, dim=0), of hidden layers")},
        choice=Choice("model.norm", "weight"),
        at_inference=True,
    ),
    Technique(
        "drop_connect",
        Hook.KERNEL,
        {"rate": Number("model.drop_connect", SHARE, per_layer=True, scheduled=True)},
        formula="w * mask / (1 - rate), one mask for a batch; mask is 0 with probability rate, else 1",
        source="Wan et al. 2013, https://proceedings.mlr.press/v28/wan13.html",
    ),
    Technique(
        "weight_noise",
        Hook.KERNEL,
        {"stddev": Number("model.weight_noise", AT_LEAST_0, scheduled=True)},
        formula="w + stddev * n, one draw for a batch; n ~ N(0, 1)",
        source="Graves 2011, https://papers.nips.cc/paper/2011/hash/"
        "7eb3c8be3d411e8ebfab08eba5f49632-Abstract.html",
    ),
    Technique(
        "batch_norm",
        Hook.NORM,
        {},
        formula="scale * (outputs - batch mean) / sqrt(batch variance + epsilon) + offset",
        source="Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167",
        elsewhere={
            "Keras BatchNormalization(momentum)": lambda _, values: values["model.norm_momentum"],
            "PyTorch BatchNorm1d(momentum)": lambda _, values: 1 - values["model.norm_momentum"],
        },
        needs={"trainer.batch_size": Requirement(lambda rows: rows > 1, "2 rows or more in a batch")},
        choice=Choice("model.norm", "batch"),
        at_inference=True,
    ),
    Technique(
        "layer_norm",
        Hook.NORM,
        {},
        formula="scale * (outputs - mean over units) / sqrt(variance over units + epsilon) + offset",
        source="Ba, Kiros & Hinton 2016, https://arxiv.org/abs/1607.06450",
        elsewhere={
            "Keras LayerNormalization(epsilon)": lambda _, values: values["model.norm_epsilon"],
            "PyTorch LayerNorm(eps)": lambda _, values: values["model.norm_epsilon"],
        },
        choice=Choice("model.norm", "layer"),
        at_inference=True,
    ),
    Technique(
        "rms_norm",
        Hook.NORM,
        {},
        formula="scale * outputs / sqrt(mean of squares over units + epsilon)",
        source="Zhang & Sennrich 2019, https://arxiv.org/abs/1910.07467",
        elsewhere={
            "Keras RMSNormalization(epsilon)": lambda _, values: values["model.norm_epsilon"],
            "PyTorch RMSNorm(eps)": lambda _, values: values["model.norm_epsilon"],
        },
        choice=Choice("model.norm", "rms"),
        at_inference=True,
    ),
    Technique(
        "group_norm",
        Hook.NORM,
        {},
        formula="layer norm over each of model.norm_groups equal parts of the units",
        source="Wu & He 2018, https://arxiv.org/abs/1803.08494",
        elsewhere={
            "Keras GroupNormalization(groups)": lambda _, values: values["model.norm_groups"],
            "PyTorch GroupNorm(num_groups)": lambda _, values: values["model.norm_groups"],
        },
        needs={"model.norm_groups": Requirement(lambda groups: groups is not None, "a number of groups")},
        choice=Choice("model.norm", "group"),
        at_inference=True,
    ),
    Technique(
        "gaussian_noise",
        Hook.UNIT,
        {"stddev": Number("model.gaussian_noise", AT_LEAST_0, per_layer=True, scheduled=True)},
        formula="outputs + stddev * n; n ~ N(0, 1)",
        source="Poole, Sohl-Dickstein & Ganguli 2014, https://arxiv.org/abs/1406.1831",
        elsewhere={"Keras GaussianNoise(stddev)": _same},
    ),
    Technique(
        "dropout",
        Hook.UNIT,
        {"rate": Number("model.dropout", SHARE, per_layer=True, scheduled=True)},
        formula="outputs * mask / (1 - rate); mask is 0 with probability rate, else 1",
        source="Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html",
        elsewhere={"Keras Dropout(rate)": _same, "PyTorch Dropout(p)": _same},
    ),
    Technique(
        "gaussian_dropout",
        Hook.UNIT,
        {"rate": Number("model.gaussian_dropout", BELOW_1, per_layer=True, scheduled=True)},
        formula="outputs * (1 + sqrt(rate / (1 - rate)) * n); n ~ N(0, 1)",
        source="Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html",
        elsewhere={"Keras GaussianDropout(rate)": _same},
    ),
    Technique(
        "alpha_dropout",
        Hook.UNIT,
        {"rate": Number("model.alpha_dropout", BELOW_1, per_layer=True, scheduled=True)},
        formula="a * (outputs, or -1.7581 with probability rate) + b; a and b keep mean 0 and variance 1",
        source="Klambauer et al. 2017, https://arxiv.org/abs/1706.02515",
        elsewhere={"Keras AlphaDropout(rate)": _same, "PyTorch AlphaDropout(p)": _same},
    ),
    Technique(
        "stochastic_depth",
        Hook.BLOCK,
        {"rate": Number("model.stochastic_depth", SHARE, scheduled=True)},
        formula="block * stays / p; stays is 1 with probability p = 1 - rate * number / blocks, else 0",
        source="Huang et al. 2016, https://arxiv.org/abs/1603.09382",
        elsewhere={"torchvision StochasticDepth(p, mode='batch')": _sentence("{:g}, for the last block")},
        needs={
            "model.residual": Requirement(lambda residual: residual is True, "residual blocks"),
            "model.hidden": Requirement(
                lambda widths: any(inner == outer for inner, outer in pairwise(widths)),
                "a residual block: two hidden layers of one width, one after the other",
            ),
        },
    ),
    Technique(
        "l1",
        Hook.LOSS_TERM,
        {"strength": Number("penalty.l1", AT_LEAST_0)},
        formula="strength * sum(|w|)",
        source="Tibshirani 1996, https://doi.org/10.1111/j.2517-6161.1996.tb02080.x",
        elsewhere={"Keras L1(l1)": _same, "PyTorch": _sentence("add {:g} * abs(w).sum() to the loss")},
    ),
    Technique(
        "l2",
        Hook.LOSS_TERM,
        {"strength": Number("penalty.l2", AT_LEAST_0)},
        formula="strength * sum(w^2)",
        source="Krogh & Hertz 1992, https://proceedings.neurips.cc/paper/1991/hash/"
        "8eefcfdf5990e441f0fb6f3fad709e21-Abstract.html",
        elsewhere={
            "Keras L2(l2)": _same,
            "PyTorch SGD, Adam, RMSprop(weight_decay)": _on_the_same_weights,
            "AdamW and our weight_decay": _decay_for_l2,
            "scikit-learn MLPClassifier(alpha)": _scikit_learn_alpha,
            "init2winit, scenic (l2 * sum(w^2) / 2)": _twice,
        },
    ),
    Technique(
        "sam",
        Hook.EXTRA_PASS,
        {"rho": Number("optimizer.sam", AT_LEAST_0)},
        formula="gradient at w + rho * g / ||g||; g is the gradient at w, ||g|| its norm over all weights",
        source="Foret et al. 2021, https://arxiv.org/abs/2010.01412",
        elsewhere={
            "optax": _sentence("contrib.sam(optimizer, chain(contrib.normalize(), sgd({:g})), sync_period=2)")
        },
    ),
    Technique(
        "gradient_clipping",
        Hook.GRADIENT,
        {"max_norm": Number("optimizer.clip_norm", ABOVE_0, neutral=None, absent=inf)},
        formula="g * min(1, max_norm / ||g||); ||g|| is the norm over all weights",
        source="Pascanu et al. 2013, https://proceedings.mlr.press/v28/pascanu13.html",
        elsewhere={
            "Keras Optimizer(global_clipnorm)": _same,
            "PyTorch clip_grad_norm_(max_norm)": _same,
            "optax clip_by_global_norm(max_norm)": _same,
        },
    ),
    Technique(
        "weight_decay",
        Hook.DECAY,
        {"strength": Number("optimizer.weight_decay", AT_LEAST_0)},
        formula="w - learning_rate * strength * w, beside the optimizer's step",
        source="Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101",
        elsewhere={
            "PyTorch, Keras, optax AdamW(weight_decay)": _same,
            "L2 in the loss (our l2)": _l2_for_decay,
        },
    ),
    Technique(
        "max_norm",
        Hook.PROJECTION,
        {"limit": Number("constraint.max_norm", ABOVE_0, neutral=None, absent=inf)},
        formula="w * min(||w||, limit) / ||w||; ||w|| is the norm of the incoming weights of one unit",
        source="Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html",
        elsewhere={
            "Keras MaxNorm(max_value, axis=0)": _same,
            "PyTorch": _sentence("torch.renorm(weight, 2, 0, {:g}) after each step"),
        },
    ),
    Technique(
        "ema",
        Hook.AVERAGE,
        {"decay": Number("average.ema", BELOW_1)},
        formula="a = decay * a + (1 - decay) * w from a = 0, read as a / (1 - decay^steps)",
        source="Polyak & Juditsky 1992, https://doi.org/10.1137/0330046",
        elsewhere={
            "optax ema(decay, debias=True)": _same,
            "Keras Optimizer(ema_momentum)": _sentence("{:g}, from the initial weights"),
            "PyTorch get_ema_multi_avg_fn(decay)": _sentence("{:g}, from the first weights"),
        },
    ),
    Technique(
        "early_stopping",
        Hook.EPOCH_END,
        {"patience": Number("early_stopping.patience", WHOLE, neutral=None, absent=None)},
        formula="stop after `patience` epochs without a better monitor; see early_stopping.monitor",
        source="Prechelt 1998, https://doi.org/10.1007/3-540-49430-8_3",
        elsewhere={
            "Keras EarlyStopping(patience)": _same,
            "Flax EarlyStopping(patience)": lambda patience, _: max(patience - 1, 0),
        },
        needs={"data.validation": Requirement(lambda rows: rows != 0, "validation rows")},
    ),
)


def rows(*hooks: Hook) -> Iterator[Technique]:
    """The rows of some hooks, in the order of the table."""
    return (row for row in TABLE if row.hook in hooks)
