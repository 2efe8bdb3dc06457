"""The table of techniques. The order of the rows is the order in which they are applied."""

from collections.abc import Iterator
from math import inf

from regjax.techniques.declaration import (
    ABOVE_0,
    AT_LEAST_0,
    BELOW_1,
    COUNT,
    POSITIVE_SHARE,
    SHARE,
    WHOLE,
    Choice,
    Hook,
    Number,
    Requirement,
    Technique,
)
from regjax.techniques.elsewhere import (
    decay_for_l2,
    l2_for_decay,
    on_the_same_weights,
    same,
    scikit_learn_alpha,
    sentence,
    twice,
)
from regjax.techniques.procedures import ENDINGS, PASSES, VALIDATED

TABLE = (
    Technique(
        "label_smoothing",
        Hook.BATCH,
        {"amount": Number("target.label_smoothing", SHARE)},
        formula="targets = (1 - amount) * one_hot(label) + amount / classes",
        source="Szegedy et al. 2016, https://arxiv.org/abs/1512.00567",
        elsewhere={
            "Keras CategoricalCrossentropy(label_smoothing)": same,
            "PyTorch CrossEntropyLoss(label_smoothing)": same,
        },
    ),
    Technique(
        "mixup",
        Hook.BATCH,
        {"alpha": Number("target.mixup", AT_LEAST_0)},
        formula="rows = share * rows + (1 - share) * rows in another order; share ~ Beta(alpha, alpha)",
        source="Zhang et al. 2018, https://arxiv.org/abs/1710.09412",
        elsewhere={"Keras MixUp(alpha)": same, "torchvision v2.MixUp(alpha)": same},
    ),
    Technique(
        "input_dropout",
        Hook.INPUT,
        {"rate": Number("model.input_dropout", SHARE)},
        formula="inputs * mask / (1 - rate); mask is 0 with probability rate, else 1",
        source="Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html",
        elsewhere={"Keras Dropout(rate)": same, "PyTorch Dropout(p)": same},
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
        elsewhere={"Keras Dropout(rate)": same, "PyTorch Dropout(p)": same},
    ),
    Technique(
        "l1",
        Hook.LOSS_TERM,
        {"strength": Number("penalty.l1", AT_LEAST_0)},
        formula="strength * sum(|w|)",
        source="Tibshirani 1996, https://doi.org/10.1111/j.2517-6161.1996.tb02080.x",
        elsewhere={"Keras L1(l1)": same, "PyTorch": sentence("add {:g} * abs(w).sum() to the loss")},
    ),
    Technique(
        "l2",
        Hook.LOSS_TERM,
        {"strength": Number("penalty.l2", AT_LEAST_0)},
        formula="strength * sum(w^2)",
        source="Krogh & Hertz 1992, https://proceedings.neurips.cc/paper/1991/hash/"
        "8eefcfdf5990e441f0fb6f3fad709e21-Abstract.html",
        elsewhere={
            "Keras L2(l2)": same,
            "PyTorch SGD, Adam, RMSprop(weight_decay)": on_the_same_weights,
            "AdamW and our weight_decay": decay_for_l2,
            "scikit-learn MLPClassifier(alpha)": scikit_learn_alpha,
            "init2winit, scenic (l2 * sum(w^2) / 2)": twice,
        },
    ),
    *PASSES,
    Technique(
        "sam",
        Hook.EXTRA_PASS,
        {"rho": Number("optimizer.sam", AT_LEAST_0, scheduled=True)},
        formula="gradient at w + rho * g / ||g||; g is the gradient at w, ||g|| its norm over all weights",
        source="Foret et al. 2021, https://arxiv.org/abs/2010.01412",
        elsewhere={
            "optax": sentence("contrib.sam(optimizer, chain(contrib.normalize(), sgd({:g})), sync_period=2)")
        },
    ),
    Technique(
        "gradient_clipping",
        Hook.GRADIENT,
        {"max_norm": Number("optimizer.clip_norm", ABOVE_0, neutral=None, absent=inf)},
        formula="g * min(1, max_norm / ||g||); ||g|| is the norm over all weights",
        source="Pascanu et al. 2013, https://proceedings.mlr.press/v28/pascanu13.html",
        elsewhere={
            "Keras Optimizer(global_clipnorm)": same,
            "PyTorch clip_grad_norm_(max_norm)": same,
            "optax clip_by_global_norm(max_norm)": same,
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
        elsewhere={"optax add_noise(eta)": same},
        judge="test_updates.py::test_gradient_noise_is_that_of_optax",
    ),
    Technique(
        "weight_decay",
        Hook.DECAY,
        {"strength": Number("optimizer.weight_decay", AT_LEAST_0)},
        formula="w - learning_rate * strength * w, beside the optimizer's step",
        source="Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101",
        elsewhere={
            "PyTorch, Keras, optax AdamW(weight_decay)": same,
            "L2 in the loss (our l2)": l2_for_decay,
        },
    ),
    Technique(
        "max_norm",
        Hook.PROJECTION,
        {"limit": Number("constraint.max_norm", ABOVE_0, neutral=None, absent=inf)},
        formula="w * min(||w||, limit) / ||w||; ||w|| is the norm of the incoming weights of one unit",
        source="Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html",
        elsewhere={
            "Keras MaxNorm(max_value, axis=0)": same,
            "PyTorch": sentence("torch.renorm(weight, 2, 0, {:g}) after each step"),
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
        elsewhere={"optax lookahead(sync_period)": same},
        judge="test_updates.py::test_lookahead_is_that_of_optax",
    ),
    Technique(
        "ema",
        Hook.AVERAGE,
        {"decay": Number("average.ema", BELOW_1)},
        formula="a = decay * a + (1 - decay) * w from a = 0, read as a / (1 - decay^steps)",
        source="Polyak & Juditsky 1992, https://doi.org/10.1137/0330046",
        elsewhere={
            "optax ema(decay, debias=True)": same,
            "Keras Optimizer(ema_momentum)": sentence("{:g}, from the initial weights"),
            "PyTorch get_ema_multi_avg_fn(decay)": sentence("{:g}, from the first weights"),
        },
    ),
    Technique(
        "early_stopping",
        Hook.EPOCH_END,
        {"patience": Number("early_stopping.patience", WHOLE, neutral=None, absent=None)},
        formula="stop after `patience` epochs without a better monitor; see early_stopping.monitor",
        source="Prechelt 1998, https://doi.org/10.1007/3-540-49430-8_3",
        elsewhere={
            "Keras EarlyStopping(patience)": same,
            "Flax EarlyStopping(patience)": lambda patience, _: max(patience - 1, 0),
        },
        needs=VALIDATED,
    ),
    *ENDINGS,
)


def rows(*hooks: Hook) -> Iterator[Technique]:
    """The rows of some hooks, in the order of the table."""
    return (row for row in TABLE if row.hook in hooks)
