"""What ``spec show`` says of fields that are not written is what our programs take for them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import specs
from runtime.networks import ssd
from specs import effective

DATA = Path(__file__).parents[1] / "data"
NEEDED = re.compile(
    r"^\s*(random_crop|zoom_out|brightness|contrast|saturation|hue|random_flip|image_mean|freeze|enable_qat|n_workers"
    r"|two_boxes|clip_boxes|loss_loc|focal_loss|checkpoint_interval|hflip|vflip|zoom_m|translate_max|crop_|min_bbox"
    r"|output_image_channel|hue_|include_difficult|random_seed)\w*:?.*$",
    re.MULTILINE,
)
"""Lines of the samples that a spec can do without."""


def bare(name: str) -> tuple[Any, dict[str, Any]]:
    """The recipe of a sample without all that it can leave out, and what is shown of its values."""
    spec = specs.parse_text(NEEDED.sub("", (DATA / name).read_text()), "ssd", source="spec")
    return ssd.recipe(spec), {each.path: each.value for each in effective.effective(spec)}


def test_those_of_tlt3() -> None:
    recipe, shown = bare("training.tlt3.conf")
    model, view = recipe.model, recipe.training_view
    network, images = (
        {path.rpartition(".")[2]: value for path, value in shown.items() if path.startswith(f"{section}.")}
        for section in ("ssd_config", "augmentation_config")
    )
    assert network["neg_pos_ratio"] == model.loss.negatives_per_positive
    assert network["alpha"] == model.loss.location_weight
    assert (network["pos_iou_thresh"], network["neg_iou_thresh"]) == (model.positive_iou, model.negative_iou)
    assert (network["two_boxes_for_ar1"], network["clip_boxes"]) == (model.two_boxes_for_ar1, model.clip_boxes)
    assert (network["pred_num_channels"], network["freeze_bn"]) == (model.prediction_channels, model.freeze_bn)
    chain = [name for name in images if hasattr(view, name)]
    assert {"random_crop_min_scale", "zoom_out_max_scale", "random_flip", "hue"} <= set(chain)
    assert {name: images[name] for name in chain} == {name: getattr(view, name) for name in chain}
    assert shown["random_seed"] == recipe.seed
    assert shown["training_config.checkpoint_interval"] == recipe.checkpoint_interval
    assert shown["eval_config.visualize_pr_curve"] == recipe.evaluation.pr_curve
    assert shown["dataset_config.include_difficult_in_training"] == recipe.data.train_difficult


def test_those_of_tlt2() -> None:
    recipe, shown = bare("seed-specs/training.conf")
    loss, augment = recipe.model.loss, recipe.training_view.augment
    assert shown["ssd_config.loss_loc_weight"] == loss.location_weight
    assert (shown["ssd_config.focal_loss_alpha"], shown["ssd_config.focal_loss_gamma"]) == (loss.alpha, loss.gamma)
    for ratios, each in zip(recipe.model.aspect_ratios, shown["ssd_config.aspect_ratios"], strict=True):
        assert each == pytest.approx(ratios)
    space, colour = "augmentation_config.spatial_augmentation.", "augmentation_config.color_augmentation."
    names = [path for path in shown if path.startswith((space, colour))]
    assert len(names) == 12
    assert {path: shown[path] for path in names} == {path: getattr(augment, path.rpartition(".")[2]) for path in names}
    assert shown["augmentation_config.preprocessing.output_image_channel"] == recipe.model.input_channels
