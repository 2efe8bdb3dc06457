"""The table of techniques. The order of the rows is the order in which they are applied."""

from collections.abc import Iterator
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


ONE_SCALE = "one scale for all pixels: data.scaling=unit or none"

TABLE = (
    Technique(
        "image_shift",
        Hook.AUGMENTATION,
        {"distance": Number("augment.image_shift", SHARE)},
        formula="image moved by whole pixels, uniform up to distance * height and distance * width; 0 enters",
        source="Simard, Steinkraus & Platt 2003, https://doi.org/10.1109/ICDAR.2003.1227801",
        elsewhere={
            "Keras RandomTranslation(height_factor, width_factor)": _same,
            "torchvision RandomAffine(translate)": _same,
        },
        needs={"data.scaling": Requirement(lambda kind: kind != "standard", ONE_SCALE)},
        images=True,
    ),
    Technique(
        "cutout",
        Hook.AUGMENTATION,
        {"size": Number("augment.cutout", SHARE)},
        formula="0 in a rectangle of size * height by size * width around a pixel drawn for each image",
        source="DeVries & Taylor 2017, https://arxiv.org/abs/1708.04552",
        elsewhere={"the authors' code (length)": _sentence("{:g} * the side in pixels")},
        images=True,
        for_tables="tabular_cutout",
    ),
    Technique(
        "tabular_cutout",
        Hook.AUGMENTATION,
        {"share": Number("augment.tabular_cutout", SHARE)},
        formula="0 in share * features of them, drawn for each batch",
        source="Kadra et al. 2021, https://arxiv.org/abs/2106.11189",
        elsewhere={"Auto-PyTorch RowCutOutTrainer(patch_ratio)": _same},
    ),
    Technique(
        "swap_noise",
        Hook.AUGMENTATION,
        {"rate": Number("augment.swap_noise", SHARE, scheduled=True)},
        formula="each entry with probability rate that of the same feature in another row of the batch",
        source="Jahrer 2017, https://www.kaggle.com/c/porto-seguro-safe-driver-prediction/discussion/44629",
    ),
    Technique(
        "label_smoothing",
        Hook.BATCH,
        {"amount": Number("target.label_smoothing", SHARE, scheduled=True)},
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
        {"alpha": Number("target.mixup", AT_LEAST_0, scheduled=True)},
        formula="rows = share * rows + (1 - share) * rows in another order; share ~ Beta(alpha, alpha)",
        source="Zhang et al. 2018, https://arxiv.org/abs/1710.09412",
        elsewhere={"Keras MixUp(alpha)": _same, "torchvision v2.MixUp(alpha)": _same},
    ),
    Technique(
        "cutmix",
        Hook.BATCH,
        {"alpha": Number("target.cutmix", AT_LEAST_0)},
        formula="a box of another image, of area 1 - share; targets by area; share ~ Beta(alpha, alpha)",
        source="Yun et al. 2019, https://arxiv.org/abs/1905.04899",
        elsewhere={"torchvision v2.CutMix(alpha)": _same},
        images=True,
        for_tables="tabular_cutmix",
    ),
    Technique(
        "tabular_cutmix",
        Hook.BATCH,
        {"alpha": Number("target.tabular_cutmix", AT_LEAST_0)},
        formula="1 - share of the features from another row, targets alike; share ~ Beta(alpha, alpha)",
        source="Kadra et al. 2021, https://arxiv.org/abs/2106.11189",
        elsewhere={"Auto-PyTorch RowCutMixTrainer": lambda *_: "alpha is 1 there"},
    ),
    Technique(
        "input_dropout",
        Hook.INPUT,
        {"rate": Number("model.input_dropout", SHARE)},
        formula="inputs * mask / (1 - rate); mask is 0 with probability rate, else 1",
        source="Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html",
        elsewhere={"Keras Dropout(rate)": _same, "PyTorch Dropout(p)": _same},
        shared_stream="dropout",
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
        "dropout",
        Hook.UNIT,
        {"rate": Number("model.dropout", SHARE, per_layer=True, scheduled=True)},
        formula="outputs * mask / (1 - rate); mask is 0 with probability rate, else 1",
        source="Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html",
        elsewhere={"Keras Dropout(rate)": _same, "PyTorch Dropout(p)": _same},
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
