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
    Technique(
        "group_lasso",
        Hook.LOSS_TERM,
        {"strength": Number("penalty.group_lasso", AT_LEAST_0)},
        formula="strength * sum(sqrt(units) * ||w[i, :]||); w[i, :] leaves input i of a layer of `units`",
        source="Yuan & Lin 2006, https://doi.org/10.1111/j.1467-9868.2005.00532.x",
        elsewhere={"scikit-learn MultiTaskLasso(alpha)": sentence("{:g} * sqrt(units), on half the error")},
    ),
    Technique(
        "orthogonal",
        Hook.LOSS_TERM,
        {"strength": Number("penalty.orthogonal", AT_LEAST_0)},
        formula="strength * mean(|cosine of two units' incoming weights|), summed over layers",
        source="Brock et al. 2017, https://arxiv.org/abs/1609.07093",
        elsewhere={'Keras OrthogonalRegularizer(factor, mode="columns")': same},
    ),
    Technique(
        "activity_l1",
        Hook.LOSS_TERM,
        {"strength": Number("penalty.activity_l1", AT_LEAST_0)},
        formula="strength * sum(|h|) / batch; h are the hidden layers' outputs before noise",
        source="Glorot, Bordes & Bengio 2011, https://proceedings.mlr.press/v15/glorot11a.html",
        elsewhere={"Keras Dense(activity_regularizer=L1(l1))": same},
    ),
    Technique(
        "activity_l2",
        Hook.LOSS_TERM,
        {"strength": Number("penalty.activity_l2", AT_LEAST_0)},
        formula="strength * sum(h^2) / batch; h are the hidden layers' outputs before noise",
        source="Merity, McCann & Socher 2017, https://arxiv.org/abs/1708.01009",
        elsewhere={"Keras Dense(activity_regularizer=L2(l2))": same},
    ),
    Technique(
        "bias_penalty",
        Hook.LOSS_TERM,
        {"strength": Number("penalty.bias_l2", AT_LEAST_0)},
        formula="strength * sum(b^2); b are the biases",
        source="Goodfellow, Bengio & Courville 2016, https://www.deeplearningbook.org",
        elsewhere={
            "Keras Dense(bias_regularizer=L2(l2))": same,
            "PyTorch SGD, Adam(weight_decay)": sentence("2 * {:g}, for biases alone"),
        },
        needs={"model.use_bias": Requirement(bool, "biases")},
    ),
    Technique(
        "l2_sp",
        Hook.LOSS_TERM,
        {"strength": Number("penalty.l2_sp", AT_LEAST_0)},
        formula="strength * sum((w - w0)^2); w0 are the weights before the first step",
        source="Li, Grandvalet & Davoine 2018, https://arxiv.org/abs/1802.01483",
        elsewhere={"L2-SP's authors (alpha)": twice},
    ),
    Technique(
        "confidence_penalty",
        Hook.LOSS_TERM,
        {"strength": Number("penalty.confidence", AT_LEAST_0)},
        formula="-strength * entropy(softmax(logits)), the mean over rows",
        source="Pereyra et al. 2017, https://arxiv.org/abs/1701.06548",
        elsewhere={"PyTorch": sentence("subtract {:g} * Categorical(logits=logits).entropy().mean()")},
    ),
    Technique(
        "sam",
        Hook.EXTRA_PASS,
        {"rho": Number("optimizer.sam", AT_LEAST_0)},
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
        "weight_decay",
        Hook.DECAY,
        {"strength": Number("optimizer.weight_decay", AT_LEAST_0, scheduled=True)},
        formula="w - learning_rate * strength * w, beside the optimizer's step",
        source="Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101",
        elsewhere={
            "PyTorch, Keras, optax AdamW(weight_decay)": same,
            "L2 in the loss (our l2)": l2_for_decay,
        },
    ),
    Technique(
        "bias_decay",
        Hook.DECAY,
        {"strength": Number("optimizer.bias_decay", AT_LEAST_0, scheduled=True)},
        formula="b - learning_rate * strength * b; b are biases, and scales and offsets of norms",
        source="Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101",
        elsewhere={"PyTorch AdamW(weight_decay)": same},
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
        "unit_norm",
        Hook.PROJECTION,
        {"share": Number("constraint.unit_norm", SHARE)},
        formula="w * (share + (1 - share) * ||w||) / ||w||; ||w|| as for max_norm",
        source="Salimans & Kingma 2016, https://arxiv.org/abs/1602.07868",
        elsewhere={"Keras MinMaxNorm(1, 1, rate)": same},
    ),
    Technique(
        "spectral_norm",
        Hook.PROJECTION,
        {"limit": Number("constraint.spectral_norm", ABOVE_0, neutral=None, absent=inf)},
        formula="w * min(1, limit / s); s is a kernel's largest singular value, at most 2 % above it",
        source="Gouk et al. 2021, https://doi.org/10.1007/s10994-020-05929-w",
    ),
    Technique(
        "proximal_l1",
        Hook.PROJECTION,
        {"strength": Number("constraint.proximal_l1", AT_LEAST_0)},
        formula="sign(w) * max(|w| - learning_rate * strength, 0) after each step",
        source="Daubechies, Defrise & De Mol 2004, https://doi.org/10.1002/cpa.20042",
        elsewhere={"scikit-learn Lasso(alpha), under plain SGD": same},
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
        needs={"data.validation": Requirement(lambda rows: rows != 0, "validation rows")},
    ),
)


def rows(*hooks: Hook) -> Iterator[Technique]:
    """The rows of some hooks, in the order of the table."""
    return (row for row in TABLE if row.hook in hooks)
