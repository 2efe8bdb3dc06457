"""The rows of the table for how a network is trained and used: passes, averages, epochs, inference."""

from math import inf

from regjax.techniques.declaration import (
    ABOVE_0,
    AT_LEAST_0,
    BELOW_1,
    BETWEEN,
    COUNT,
    MAX_WHOLE,
    POSITIVE_SHARE,
    WHOLE,
    Choice,
    Hook,
    Number,
    Range,
    Requirement,
    Technique,
)
from regjax.techniques.elsewhere import same, sentence, twice

VALIDATED = {"data.validation": Requirement(lambda rows, _: rows != 0, "validation rows")}
NOISE = ("dropout", "input_dropout", "gaussian_dropout", "alpha_dropout", "drop_connect")
SHARE_OF_EPOCHS = BELOW_1._replace(
    allowed="must be a share of trainer.epochs, from 0 up to, not including, 1"
)
DRAWS = Range("must be a whole number from 2 to 1000", 2, 1000, whole=True)

PROCEDURES = (
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
    Technique(
        "sam",
        Hook.EXTRA_PASS,
        {"rho": Number("optimizer.sam", AT_LEAST_0, scheduled=True)},
        formula="gradient at w + rho * g / ||g||; g is the gradient at w, ||g|| its norm over all weights",
        source="Foret et al. 2021, https://arxiv.org/abs/2010.01412",
        elsewhere={
            "optax": sentence("contrib.sam(optimizer, chain(contrib.normalize(), sgd({:g})), sync_period=2)")
        },
        judge="test_updates.py::test_sam_takes_the_gradient_at_the_point_that_lies_rho_up_the_slope",
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
        judge="test_parity.py::test_in_float64_training_with_clipped_gradients_agrees",
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
        "lookahead",
        Hook.AVERAGE,
        {
            "period": Number("average.lookahead", COUNT, neutral=None, absent=1),
            "step": Number("average.lookahead_step", POSITIVE_SHARE, neutral=0.5, absent=1.0),
        },
        formula="every period steps s = (1 - step) * s + step * w, w = s; evaluation reads s",
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
        judge="test_updates.py::test_the_moving_average_weighs_each_step_by_its_age",
    ),
    Technique(
        "swa",
        Hook.AVERAGE,
        {"start": Number("average.swa", SHARE_OF_EPOCHS, neutral=None, absent=1.0)},
        formula="mean of w at the ends of the epochs after the share start of all",
        source="Izmailov et al. 2018, https://arxiv.org/abs/1803.05407",
        elsewhere={
            "PyTorch (epochs before the first update_parameters)": lambda start, values: int(
                start * values["trainer.epochs"]
            ),
        },
        excludes={"ema": "evaluation reads one average of the weights"},
        judge="test_updates.py::test_swa_is_that_of_pytorch",
    ),
    Technique(
        "early_stopping",
        Hook.EPOCH_END,
        {"patience": Number("early_stopping.patience", WHOLE, neutral=None, absent=None)},
        formula="stop after patience epochs without a better monitor; see early_stopping.monitor",
        source="Prechelt 1998, https://doi.org/10.1007/3-540-49430-8_3",
        elsewhere={
            "Keras EarlyStopping(patience)": same,
            "Flax EarlyStopping(patience)": lambda patience, _: max(patience - 1, 0),
        },
        needs=VALIDATED,
        judge="test_stopping.py::test_the_stopping_epoch_and_the_best_one_are_those_of_keras",
    ),
    Technique(
        "reduce_on_plateau",
        Hook.EPOCH_END,
        {
            "patience": Number("plateau.patience", COUNT, neutral=None, absent=MAX_WHOLE),
            "factor": Number("plateau.factor", BETWEEN, neutral=0.1, absent=0.1),
        },
        formula="learning_rate * factor after patience epochs without a better early_stopping.monitor",
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
        formula="log of the mean over samples draws of softmax(logits under noise)",
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
