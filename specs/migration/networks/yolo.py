"""YOLOv3 and YOLOv4 to YOLOX: the job is the same, the network another one, without anchors."""

from __future__ import annotations

from collections.abc import Mapping

from specs.migration.rewriting import Rewriting, Row
from specs.migration.tao_data import DETECTION, detection_data
from specs.migration.tao_training import OPTIMIZERS, TRAINING, TRAINING_WHOLE, optimizer, rates, regularizer

NAMES = ("yolo_v3", "yolo_v4")
TARGET = "yolox"
RENAMED: Mapping[str, str] = {"yolo_config": "yolov3_config"}
MODELS = ("yolov3_config", "yolov4_config")

ANCHORS = "YOLOX has no anchors"
MATCHING = "YOLOX assigns cells to objects by SimOTA"
LOSSES = "YOLOX weighs its losses as published"
FREEZING = "all layers learn"
_SIZES = {"squeezenet": "tiny", "efficientnet_b0": "tiny", "mobilenet_v1": "tiny", "mobilenet_v2": "tiny",
          "cspdarknet_tiny": "tiny", "cspdarknet_tiny_3l": "tiny", "googlenet": "s"}  # fmt: skip
_DEPTHS = {10: "s", 16: "m", 18: "s", 19: "m", 34: "m", 50: "l", 53: "l", 101: "x"}


def _largest_change(factor: float) -> float:
    """Of a factor between 1 / ``factor`` and ``factor``: as a share."""
    return round(min(max(factor - 1, 0.0), 1.0), 6)


def _mode(name: str | int) -> str:
    return "integrate" if name in ("INTEGRATE", 1) else "sample"


FIELDS = (
    Row("random_seed", "train.seed"),
    *TRAINING,
    *OPTIMIZERS,
    *DETECTION,
    *(
        Row(f"{model}.{name}", effect=effect, same=same)
        for model in MODELS
        for name, effect, same in (
            ("big_anchor_shape", ANCHORS, ()),
            ("mid_anchor_shape", ANCHORS, ()),
            ("small_anchor_shape", ANCHORS, ()),
            ("big_grid_xy_extend", ANCHORS, ()),
            ("mid_grid_xy_extend", ANCHORS, ()),
            ("small_grid_xy_extend", ANCHORS, ()),
            ("matching_neutral_box_iou", MATCHING, ()),
            ("box_matching_iou", MATCHING, ()),
            ("loss_loc_weight", LOSSES, ()),
            ("loss_neg_obj_weights", LOSSES, ()),
            ("loss_class_weights", LOSSES, ()),
            ("focal_loss_alpha", "the loss is the plain binary cross entropy", (0, 0.0)),
            ("focal_loss_gamma", "the loss is the plain binary cross entropy", (0, 0.0)),
            ("label_smoothing", "labels are not smoothed", (0, 0.0)),
            ("freeze_blocks", FREEZING, ()),
            ("freeze_bn", FREEZING, (False,)),
            ("force_relu", "activations are SiLU", ()),
            ("activation", "activations are SiLU", ()),
            ("arch_conv_blocks", "the neck is YOLOX's", ()),
        )
    ),
    *(Row(f"{model}.{name}", "model.type") for model in MODELS for name in ("arch", "nlayers")),
    Row("nms_config.confidence_threshold", "model.score_thresh"),
    Row("nms_config.clustering_iou_threshold", "model.nms_thresh"),
    Row("nms_config.top_k", "model.detections_per_img"),
    Row("nms_config.infer_nms_score_bits"),
    Row("nms_config.force_on_cpu"),
    Row("eval_config.average_precision_mode", "evaluate.average_precision_mode", how=_mode),
    Row("eval_config.batch_size", "evaluate.batch_size"),
    Row("eval_config.matching_iou_threshold", "evaluate.matching_iou_threshold"),
    Row("eval_config.visualize_pr_curve"),
    Row("eval_config.validation_period_during_training", "train.validation_interval"),
    Row("augmentation_config.output_width", "dataset.width"),
    Row("augmentation_config.output_height", "dataset.height"),
    Row("augmentation_config.output_channel", effect="images are read in colour", same=(3,)),
    Row("augmentation_config.output_depth", effect="images are read with 8 bits a channel", same=(8, 0)),
    Row("augmentation_config.image_mean.key", effect="pixels go to the network as they are"),
    Row("augmentation_config.image_mean.value", effect="pixels go to the network as they are"),
    Row("augmentation_config.hue", "dataset.augmentation.hsv_h"),
    Row("augmentation_config.saturation", "dataset.augmentation.hsv_s", how=_largest_change),
    Row("augmentation_config.exposure", "dataset.augmentation.hsv_v", how=_largest_change),
    Row("augmentation_config.horizontal_flip", "dataset.augmentation.random_flip"),
    Row("augmentation_config.vertical_flip", effect="no image is turned upside down", same=(0, 0.0)),
    Row("augmentation_config.jitter", "dataset.augmentation.mosaic_scale", "mosaics alone are scaled and cropped"),
    Row("augmentation_config.randomize_input_shape_period", "dataset.augmentation.multi_scale"),
    Row("augmentation_config.mosaic_prob", "dataset.augmentation.mosaic"),
    Row("augmentation_config.mosaic_min_ratio", effect="the middle of a mosaic lies at random in its middle half"),
    Row("augmentation_config.preprocessing.output_image_width", "dataset.width"),
    Row("augmentation_config.preprocessing.output_image_height", "dataset.height"),
    Row("augmentation_config.preprocessing.output_image_channel", effect="images are read in colour", same=(3,)),
    Row("augmentation_config.spatial_augmentation.hflip_probability", "dataset.augmentation.random_flip"),
    Row("class_weighting_config.enable_auto", effect="classes weigh the same", same=(False,)),
    Row("class_weighting_config.class_weighting", effect="classes weigh the same"),
)
WHOLE = (
    *TRAINING_WHOLE,
    *("class_weighting_config", "augmentation_config.preprocessing", "augmentation_config.spatial_augmentation"),
    "augmentation_config.color_augmentation",
)


def migrate(spec: Rewriting) -> None:
    """Size, augmentation, rates and data."""
    spec.note("the network", "YOLOX in place of YOLO: CSPDarknet, no anchors, SimOTA; TAO's weights do not fit it")
    _size(spec)
    _augmentation(spec)
    optimizer(spec)
    regularizer(spec)
    rates(spec)
    detection_data(spec)
    if not spec.value("training_config.model_ema", False):
        spec.assume("train.enable_ema", False, "the weights themselves are evaluated and kept, as there")


def _size(spec: Rewriting) -> None:
    """The size of YOLOX nearest to the backbone."""
    model = next((name for name in MODELS if spec.has(f"{name}.arch")), MODELS[0])
    arch, layers = str(spec.value(f"{model}.arch", "resnet")), spec.value(f"{model}.nlayers", 18)
    size = _SIZES.get(arch) or _DEPTHS.get(layers, "s")
    effect = f"{arch}{layers if arch not in _SIZES else ''} gives way to the size of YOLOX that is nearest in work"
    spec.put("model.type", size, f"{model}.arch", effect=effect)
    spec.moved(f"{model}.nlayers", "model.type")


def _augmentation(spec: Rewriting) -> None:
    """Only what TAO's does: no mixup, rotation or shear; mosaics as its spec says."""
    here = "augmentation_config"
    augmentation = "dataset.augmentation"
    jitter = float(spec.number(f"{here}.jitter", 0.0))
    if not 0 <= jitter < 1:
        raise spec.error(f"{here}.jitter", f"jitter must be 0 or more and below 1, not {jitter:g}")
    if not spec.number(f"{here}.mosaic_prob", 0.0):
        spec.assume(f"{augmentation}.mosaic", 0.0, "no mosaics, as there")
    spec.assume(f"{augmentation}.mixup", 0.0, "no image is laid over another, as there")
    spec.assume(f"{augmentation}.degrees", 0.0, "nothing is rotated, as there")
    spec.assume(f"{augmentation}.shear", 0.0, "nothing is sheared, as there")
    effect = "images are scaled and cropped at random only as parts of mosaics"
    scale = [round(1 - jitter, 6), round(1 + jitter, 6)]
    spec.put(f"{augmentation}.mosaic_scale", scale, f"{here}.jitter", effect=effect if jitter else "")
    if spec.has(f"{here}.randomize_input_shape_period"):
        period = spec.number(f"{here}.randomize_input_shape_period")
        effect = "the size of the input changes with every batch" if period > 1 else ""
        sides = None if period else 0
        spec.put(f"{augmentation}.multi_scale", sides, f"{here}.randomize_input_shape_period", effect=effect)
    else:
        spec.assume(f"{augmentation}.multi_scale", 0, "all batches have one size, as there")
    for theirs, ours in (("hue", "hsv_h"), ("saturation", "hsv_s"), ("exposure", "hsv_v")):
        if not spec.has(f"{here}.{theirs}"):
            spec.assume(f"{augmentation}.{ours}", 0.0, f"{theirs} stays as it is, as there")
