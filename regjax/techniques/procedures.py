"""The rows of the table for extra passes, the end of an epoch, and inference."""

from regjax.techniques.declaration import (
    AT_LEAST_0,
    BELOW_1,
    BETWEEN,
    COUNT,
    MAX_WHOLE,
    Choice,
    Hook,
    Number,
    Range,
    Requirement,
    Technique,
)
from regjax.techniques.elsewhere import same, sentence, twice

VALIDATED = {"data.validation": Requirement(lambda rows: rows != 0, "validation rows")}
NOISE = ("dropout", "input_dropout")
SHARE_OF_EPOCHS = BELOW_1._replace(
    allowed="must be a share of trainer.epochs, from 0 up to, not including, 1"
)
DRAWS = Range("must be a whole number from 2 to 1000", 2, 1000, whole=True)


PASSES = (
    Technique(
        "input_gradient",
        Hook.EXTRA_TERM,
        {"strength": Number("penalty.input_gradient", AT_LEAST_0)},
        formula="strength * mean over rows of ||g||^2; g is the gradient of a row's loss by its inputs",
        source="Drucker & Le Cun 1992, https://doi.org/10.1109/72.165600",
        elsewhere={"PyTorch": sentence("{:g} * grad(loss, x, create_graph=True)[0].square().sum(1).mean()")},
        judge="test_passes.py::test_passes_have_the_loss_and_the_gradient_that_pytorch_has",
    ),
    Technique(
        "r_drop",
        Hook.EXTRA_TERM,
        {"alpha": Number("penalty.r_drop", AT_LEAST_0, absent=None)},
        formula="mean loss of two draws p, q of the noise + alpha * (KL(p || q) + KL(q || p)) / 2",
        source="Wu et al. 2021, https://arxiv.org/abs/2106.14448",
        elsewhere={"the authors' code (alpha)": same, "the paper (alpha)": twice},
        needs_one_of=NOISE,
        judge="test_passes.py::test_passes_have_the_loss_and_the_gradient_that_pytorch_has",
    ),
    Technique(
        "fgsm",
        Hook.EXTRA_PASS,
        {"epsilon": Number("adversarial.fgsm", AT_LEAST_0, scheduled=True)},
        formula="(loss at x + loss at x + epsilon * sign(g)) / 2; g is the gradient by the scaled inputs x",
        source="Goodfellow et al. 2015, https://arxiv.org/abs/1412.6572",
        elsewhere={"Cleverhans, ART (eps)": sentence("{:g}, if they get scaled inputs")},
        judge="test_passes.py::test_passes_have_the_loss_and_the_gradient_that_pytorch_has",
    ),
)

ENDINGS = (
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
        "reduce_on_plateau",
        Hook.EPOCH_END,
        {
            "patience": Number("plateau.patience", COUNT, neutral=None, absent=MAX_WHOLE),
            "factor": Number("plateau.factor", BETWEEN, neutral=0.1, absent=0.1),
        },
        formula="learning_rate * factor after `patience` epochs without a better early_stopping.monitor",
        source="Bengio 2012, https://arxiv.org/abs/1206.5533",
        elsewhere={
            "Keras ReduceLROnPlateau(patience)": same,
            "optax contrib.reduce_on_plateau(patience)": same,
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
        elsewhere={"PyTorch": sentence("mean of {:g} passes with Dropout in train mode")},
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
