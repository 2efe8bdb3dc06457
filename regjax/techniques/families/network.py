"""The rows of the table for what acts inside the network: noise and norms."""

from itertools import pairwise

from regjax.techniques.declaration import (
    AT_LEAST_0,
    BELOW_1,
    SHARE,
    Choice,
    Hook,
    Number,
    Requirement,
    Technique,
)
from regjax.techniques.elsewhere import same, sentence

NETWORK = (
    Technique(
        "input_noise",
        Hook.INPUT,
        {"stddev": Number("model.input_noise", AT_LEAST_0, scheduled=True)},
        formula="inputs + stddev * n; inputs are scaled, n ~ N(0, 1)",
        source="Bishop 1995, https://doi.org/10.1162/neco.1995.7.1.108",
        elsewhere={"Keras GaussianNoise(stddev)": same},
        judge="test_more_noise.py::test_input_noise_adds_half_its_variance_times_the_curvature_to_the_expected_loss",
    ),
    Technique(
        "input_dropout",
        Hook.INPUT,
        {"rate": Number("model.input_dropout", SHARE, scheduled=True)},
        formula="inputs * mask / (1 - rate); mask is 0 with probability rate, else 1",
        source="Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html",
        elsewhere={"Keras Dropout(rate)": same, "PyTorch Dropout(p)": same},
        shared_stream="dropout",
        judge="test_noise.py::test_the_stated_share_of_units_is_dropped_and_the_mean_is_kept",
    ),
    Technique(
        "weight_norm",
        Hook.KERNEL_NORM,
        {},
        formula="w = scale * v / ||v||; ||v|| is the norm of the incoming weights of one unit",
        source="Salimans & Kingma 2016, https://arxiv.org/abs/1602.07868",
        elsewhere={"PyTorch": sentence("parametrizations.weight_norm(layer, dim=0), of hidden layers")},
        excludes=dict.fromkeys(
            ("max_norm", "unit_norm", "spectral_norm"),
            "weight norm rescales each kernel, so its limit would not hold",
        ),
        choice=Choice("model.norm", "weight"),
        at_inference=True,
        judge="test_norms.py::test_logits_and_gradients_are_those_of_pytorch",
    ),
    Technique(
        "drop_connect",
        Hook.KERNEL,
        {"rate": Number("model.drop_connect", SHARE, per_layer=True, scheduled=True)},
        formula="w * mask / (1 - rate), one mask for a batch; mask is 0 with probability rate, else 1",
        source="Wan et al. 2013, https://proceedings.mlr.press/v28/wan13.html",
        judge="test_more_noise.py::test_noise_keeps_the_mean_and_has_the_stated_variance",
    ),
    Technique(
        "weight_noise",
        Hook.KERNEL,
        {"stddev": Number("model.weight_noise", AT_LEAST_0, scheduled=True)},
        formula="w + stddev * n, one draw for a batch; n ~ N(0, 1)",
        source="Graves 2011, https://papers.nips.cc/paper/2011/hash/"
        "7eb3c8be3d411e8ebfab08eba5f49632-Abstract.html",
        judge="test_more_noise.py::test_noise_keeps_the_mean_and_has_the_stated_variance",
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
        needs={"trainer.batch_size": Requirement(lambda rows, _: rows > 1, "2 rows or more in a batch")},
        choice=Choice("model.norm", "batch"),
        at_inference=True,
        judge="test_parity.py::test_in_float64_training_agrees_to_nine_digits",
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
        judge="test_model.py::test_a_norm_stands_between_the_dense_layer_and_the_activation",
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
        judge="test_norms.py::test_logits_and_gradients_are_those_of_pytorch",
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
        needs={"model.norm_groups": Requirement(lambda groups, _: groups is not None, "a number of groups")},
        choice=Choice("model.norm", "group"),
        at_inference=True,
        judge="test_norms.py::test_logits_and_gradients_are_those_of_pytorch",
    ),
    Technique(
        "gaussian_noise",
        Hook.UNIT,
        {"stddev": Number("model.gaussian_noise", AT_LEAST_0, per_layer=True, scheduled=True)},
        formula="outputs + stddev * n; n ~ N(0, 1)",
        source="Poole et al. 2014, https://arxiv.org/abs/1406.1831",
        elsewhere={"Keras GaussianNoise(stddev)": same},
        judge="test_more_noise.py::test_noise_keeps_the_mean_and_has_the_stated_variance",
    ),
    Technique(
        "dropout",
        Hook.UNIT,
        {"rate": Number("model.dropout", SHARE, per_layer=True, scheduled=True)},
        formula="outputs * mask / (1 - rate); mask is 0 with probability rate, else 1",
        source="Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html",
        elsewhere={"Keras Dropout(rate)": same, "PyTorch Dropout(p)": same},
        judge="test_noise.py::test_the_stated_share_of_units_is_dropped_and_the_mean_is_kept",
    ),
    Technique(
        "gaussian_dropout",
        Hook.UNIT,
        {"rate": Number("model.gaussian_dropout", BELOW_1, per_layer=True, scheduled=True)},
        formula="outputs * (1 + sqrt(rate / (1 - rate)) * n); n ~ N(0, 1)",
        source="Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html",
        elsewhere={"Keras GaussianDropout(rate)": same},
        judge="test_more_noise.py::test_noise_keeps_the_mean_and_has_the_stated_variance",
    ),
    Technique(
        "alpha_dropout",
        Hook.UNIT,
        {"rate": Number("model.alpha_dropout", BELOW_1, per_layer=True, scheduled=True)},
        formula="a * (outputs, or -1.7581 with probability rate) + b; a and b keep mean 0 and variance 1",
        source="Klambauer et al. 2017, https://arxiv.org/abs/1706.02515",
        elsewhere={"Keras AlphaDropout(rate)": same, "PyTorch AlphaDropout(p)": same},
        suits={"model.activation": Requirement(lambda name, _: name == "selu", "selu")},
        judge="test_more_noise.py::test_alpha_dropout_makes_of_an_input_what_pytorch_makes_of_it",
    ),
    Technique(
        "stochastic_depth",
        Hook.BLOCK,
        {"rate": Number("model.stochastic_depth", SHARE, scheduled=True)},
        formula="block * stays / p; stays is 1 with probability p = 1 - rate * number / blocks, else 0",
        source="Huang et al. 2016, https://arxiv.org/abs/1603.09382",
        elsewhere={"torchvision StochasticDepth(p, mode='batch')": sentence("{:g}, for the last block")},
        needs={
            "model.residual": Requirement(
                lambda residual, _: residual is True, "residual blocks: model.residual=true"
            ),
            "model.hidden": Requirement(
                lambda widths, values: (
                    values["model.block"] == "resnet"
                    or any(inner == outer for inner, outer in pairwise(widths))
                ),
                "a residual block: two hidden layers of one width, one after the other, as in [100,100]",
            ),
        },
        judge="test_more_noise.py::test_the_expected_depth_under_stochastic_depth_is_that_of_its_paper",
    ),
)
