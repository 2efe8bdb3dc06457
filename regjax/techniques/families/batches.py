"""The rows of the table for what changes a batch of training rows before the network."""

from regjax.techniques.declaration import (
    AT_LEAST_0,
    SHARE,
    Hook,
    Number,
    Requirement,
    Technique,
)
from regjax.techniques.elsewhere import same, sentence

ONE_SCALE = "images, with one scale for all pixels: data.scaling=unit or none"

BATCHES = (
    Technique(
        "image_shift",
        Hook.AUGMENTATION,
        {"distance": Number("augment.image_shift", SHARE)},
        formula="image moved by whole pixels, uniform up to distance * height and distance * width; 0 enters",
        source="Simard et al. 2003, https://doi.org/10.1109/ICDAR.2003.1227801",
        elsewhere={
            "Keras RandomTranslation(height_factor, width_factor)": same,
            "torchvision RandomAffine(translate)": same,
        },
        needs={"data.scaling": Requirement(lambda kind, _: kind != "standard", ONE_SCALE)},
        images=True,
        judge="test_augmentations.py::test_an_image_is_moved_by_each_step_equally_often_as_scipy_moves_it",
    ),
    Technique(
        "cutout",
        Hook.AUGMENTATION,
        {"size": Number("augment.cutout", SHARE)},
        formula="0 in a rectangle of size * height by size * width around a pixel drawn for each image",
        source="DeVries & Taylor 2017, https://arxiv.org/abs/1708.04552",
        elsewhere={"the authors' code (length)": sentence("{:g} * the side in pixels")},
        images=True,
        for_tables="tabular_cutout",
        judge="test_augmentations.py::test_the_area_of_cutout_has_the_mean_of_a_square_cut_at_the_border",
    ),
    Technique(
        "tabular_cutout",
        Hook.AUGMENTATION,
        {"share": Number("augment.tabular_cutout", SHARE)},
        formula="0 in share * features of them, drawn for each batch",
        source="Kadra et al. 2021, https://arxiv.org/abs/2106.11189",
        elsewhere={"Auto-PyTorch RowCutOutTrainer(patch_ratio)": same},
        judge="test_augmentations.py::test_tabular_cutout_clears_the_same_features_of_a_whole_batch",
    ),
    Technique(
        "swap_noise",
        Hook.AUGMENTATION,
        {"rate": Number("augment.swap_noise", SHARE, scheduled=True)},
        formula="each entry with probability rate that of the same feature in another row of the batch",
        source="Jahrer 2017, https://www.kaggle.com/c/porto-seguro-safe-driver-prediction/discussion/44629",
        judge="test_augmentations.py::test_swap_noise_takes_its_share_of_entries_from_another_row",
    ),
    Technique(
        "label_smoothing",
        Hook.BATCH,
        {"amount": Number("target.label_smoothing", SHARE, scheduled=True)},
        formula="targets = (1 - amount) * one_hot(label) + amount / classes",
        source="Szegedy et al. 2016, https://arxiv.org/abs/1512.00567",
        elsewhere={
            "Keras CategoricalCrossentropy(label_smoothing)": same,
            "PyTorch CrossEntropyLoss(label_smoothing)": same,
        },
        judge="test_batches.py::test_smoothed_targets_are_the_label_and_the_uniform_distribution_by_the_amount",
    ),
    Technique(
        "mixup",
        Hook.BATCH,
        {"alpha": Number("target.mixup", AT_LEAST_0, scheduled=True)},
        formula="rows = share * rows + (1 - share) * rows in another order; share ~ Beta(alpha, alpha)",
        source="Zhang et al. 2018, https://arxiv.org/abs/1710.09412",
        elsewhere={"Keras MixUp(alpha)": same, "torchvision v2.MixUp(alpha)": same},
        judge="test_batches.py::test_the_share_has_the_moments_of_its_beta_distribution",
    ),
    Technique(
        "cutmix",
        Hook.BATCH,
        {"alpha": Number("target.cutmix", AT_LEAST_0)},
        formula="a box of another image, of area 1 - share; targets by area; share ~ Beta(alpha, alpha)",
        source="Yun et al. 2019, https://arxiv.org/abs/1905.04899",
        elsewhere={"torchvision v2.CutMix(alpha)": same},
        images=True,
        for_tables="tabular_cutmix",
        judge="test_batches.py::test_the_area_of_cutmix_has_the_mean_of_the_authors_box",
    ),
    Technique(
        "tabular_cutmix",
        Hook.BATCH,
        {"alpha": Number("target.tabular_cutmix", AT_LEAST_0)},
        formula="1 - share of the features from another row, targets alike; share ~ Beta(alpha, alpha)",
        source="Kadra et al. 2021, https://arxiv.org/abs/2106.11189",
        elsewhere={"Auto-PyTorch RowCutMixTrainer": lambda *_: "alpha is 1 there"},
        judge="test_batches.py::test_tabular_cutmix_takes_a_uniform_number_of_features",
    ),
)
