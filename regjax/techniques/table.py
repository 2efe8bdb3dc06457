"""The table of techniques. The order of the rows is the order in which they are applied."""

from collections.abc import Iterator
from math import inf

from regjax.techniques.declaration import (
    ABOVE_0,
    AT_LEAST_0,
    BELOW_1,
    BETWEEN,
    COUNT,
    MAX_WHOLE,
    POSITIVE_SHARE,
    SHARE,
    WHOLE,
    Choice,
    Elsewhere,
    Hook,
    Number,
    Range,
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


VALIDATED = {"data.validation": Requirement(lambda rows: rows != 0, "validation rows")}
NOISE = ("dropout", "input_dropout")
SHARE_OF_EPOCHS = BELOW_1._replace(
    allowed="must be a share of trainer.epochs, from 0 up to, not including, 1"
)
DRAWS = Range("must be a whole number from 2 to 1000", 2, 1000, whole=True)

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
        "input_gradient",
        Hook.EXTRA_TERM,
        {"strength": Number("penalty.input_gradient", AT_LEAST_0)},
        formula="strength * mean over rows of ||g||^2; g is the gradient of a row's loss by its inputs",
        source="Drucker & Le Cun 1992, https://doi.org/10.1109/72.165600",
        elsewhere={"PyTorch": _sentence("{:g} * grad(loss, x, create_graph=True)[0].square().sum(1).mean()")},
        judge="test_passes.py::test_passes_have_the_loss_and_the_gradient_that_pytorch_has",
    ),
    Technique(
        "r_drop",
        Hook.EXTRA_TERM,
        {"alpha": Number("penalty.r_drop", AT_LEAST_0, absent=None)},
        formula="mean loss of two draws p, q of the noise + alpha * (KL(p || q) + KL(q || p)) / 2",
        source="Wu et al. 2021, https://arxiv.org/abs/2106.14448",
        elsewhere={"the authors' code (alpha)": _same, "the paper (alpha)": _twice},
        needs_one_of=NOISE,
        judge="test_passes.py::test_passes_have_the_loss_and_the_gradient_that_pytorch_has",
    ),
    Technique(
        "fgsm",
        Hook.EXTRA_PASS,
        {"epsilon": Number("adversarial.fgsm", AT_LEAST_0, scheduled=True)},
        formula="(loss at x + loss at x + epsilon * sign(g)) / 2; g is the gradient by the scaled inputs x",
        source="Goodfellow et al. 2015, https://arxiv.org/abs/1412.6572",
        elsewhere={"Cleverhans, ART (eps)": _sentence("{:g}, if they get scaled inputs")},
        judge="test_passes.py::test_passes_have_the_loss_and_the_gradient_that_pytorch_has",
    ),
    Technique(
        "sam",
        Hook.EXTRA_PASS,
        {"rho": Number("optimizer.sam", AT_LEAST_0, scheduled=True)},
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
        "gradient_noise",
        Hook.GRADIENT,
        {
            "variance": Number("optimizer.gradient_noise", AT_LEAST_0),
            "decay": Number("optimizer.gradient_noise_decay", AT_LEAST_0, neutral=0.55, absent=0.55),
        },
        formula="g + noise; noise ~ N(0, variance / (1 + step)^decay)",
        source="Neelakantan et al. 2015, https://arxiv.org/abs/1511.06807",
        elsewhere={"optax add_noise(eta)": _same},
        judge="test_updates.py::test_gradient_noise_is_that_of_optax",
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
        "lookahead",
        Hook.AVERAGE,
        {
            "period": Number("average.lookahead", COUNT, neutral=None, absent=1),
            "step": Number("average.lookahead_step", POSITIVE_SHARE, neutral=0.5, absent=1.0),
        },
        formula="every `period` steps s = (1 - step) * s + step * w, w = s; evaluation reads s",
        source="Zhang et al. 2019, https://arxiv.org/abs/1907.08610",
        elsewhere={"optax lookahead(sync_period)": _same},
        judge="test_updates.py::test_lookahead_is_that_of_optax",
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
        "swa",
        Hook.AVERAGE,
        {"start": Number("average.swa", SHARE_OF_EPOCHS, neutral=None, absent=1.0)},
        formula="mean of w at the ends of the epochs after the share `start` of all",
        source="Izmailov et al. 2018, https://arxiv.org/abs/1803.05407",
        elsewhere={
            "PyTorch (epochs before the first update_parameters)": lambda start, values: int(
                start * values["trainer.epochs"]
            ),
        },
        judge="test_updates.py::test_swa_is_that_of_pytorch",
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
        needs=VALIDATED,
    ),
    Technique(
        "reduce_on_plateau",
        Hook.EPOCH_END,
        {
            "patience": Number("plateau.patience", COUNT, neutral=None, absent=MAX_WHOLE),
            "factor": Number("plateau.factor", BETWEEN, neutral=0.1, absent=0.1),
        },
        formula="learning_rate * factor after `patience` epochs without a better early_stopping.monitor",
        source="Bengio 2012, https://arxiv.org/abs/1206.5533",
        elsewhere={
            "Keras ReduceLROnPlateau(patience)": _same,
            "optax contrib.reduce_on_plateau(patience)": _same,
            "PyTorch ReduceLROnPlateau(patience)": lambda patience, _: patience - 1,
        },
        needs=VALIDATED,
        judge="test_updates.py::test_the_plateau_is_that_of_pytorch_and_optax",
    ),
    Technique(
        "mc_dropout",
        Hook.INFERENCE,
        {"samples": Number("inference.mc_dropout", DRAWS, neutral=None, absent=None)},
        formula="log of the mean over `samples` draws of softmax(logits under noise)",
        source="Gal & Ghahramani 2016, https://proceedings.mlr.press/v48/gal16.html",
        elsewhere={"PyTorch": _sentence("mean of {:g} passes with Dropout in train mode")},
        needs_one_of=NOISE,
        at_inference=True,
        judge="test_monte_carlo.py::test_the_mean_the_entropy_and_the_information_are_those_of_the_draws",
    ),
    Technique(
        "temperature_scaling",
        Hook.INFERENCE,
        {},
        formula="logits / T; T has the least cross-entropy on validation rows, after each epoch",
        source="Guo et al. 2017, https://arxiv.org/abs/1706.04599",
        elsewhere={"the authors' code": lambda _, __: "T by L-BFGS, once"},
        needs=VALIDATED,
        choice=Choice("inference.calibration", "temperature"),
        at_inference=True,
        judge="test_inference.py::test_the_temperature_is_that_of_scipys_minimizer",
    ),
)


def rows(*hooks: Hook) -> Iterator[Technique]:
    """The rows of some hooks, in the order of the table."""
    return (row for row in TABLE if row.hook in hooks)
