"""TAO's Faster R-CNN, one map at stride 16, to torchvision's, which stands on a feature pyramid."""

from __future__ import annotations

from collections.abc import Mapping

from specs.migration import tao_rcnn
from specs.migration.rewriting import Rewriting, Row
from specs.migration.tao_data import DETECTION, detection_data
from specs.migration.tao_training import ACTIVATIONS, OPTIMIZERS, QAT, WEIGHTS, optimizer, regularizer

NAMES = ("faster_rcnn",)
TARGET = "faster_rcnn"
RENAMED: Mapping[str, str] = {
    "network_config": "model_config",
    "model_config.feature_extractor": "model_config.arch",
    "training_config.kitti_data_config": "dataset_config",
    "training_config.data_augmentation": "augmentation_config",
    "training_config.reg_config.reg_type": "training_config.regularizer.type",
    "training_config.reg_config.weight_decay": "training_config.regularizer.weight",
    "training_config.lr_scheduler": "training_config.learning_rate",
    "training_config.pretrained_model": "training_config.retrain_pruned_model",
}
"""Sections of TLT 1 and 2."""
MODEL, IMAGE, TRAINING = "model_config", "model_config.input_image_config", "training_config"

FIXED = "torchvision's is fixed: 10, 10, 5, 5"
PIXELS = "pixels are normalised with ImageNet's mean and deviation"
LAMBDA = "the losses weigh the same"
MIRRORED = "images are only mirrored left to right"
RANGE = "mAP is at 0.5, and COCO's AP from 0.5 to 0.95"
SAVED = "tlt-infer has options for its folders"

FIELDS = (
    Row("random_seed", "train.seed"),
    Row("verbose"),
    Row("enc_key", effect="pass the key as tlt-train -k"),
    Row(f"{IMAGE}.image_type", effect="images are read in colour", same=("RGB", 0)),
    Row(f"{IMAGE}.image_channel_order", effect=PIXELS),
    Row(f"{IMAGE}.size_height_width.height", "model.min_size"),
    Row(f"{IMAGE}.size_height_width.width", "model.max_size"),
    Row(f"{IMAGE}.size_min.min", "model.min_size", how=lambda side: [side]),
    Row(f"{IMAGE}.image_channel_mean.key", effect=PIXELS),
    Row(f"{IMAGE}.image_channel_mean.value", effect=PIXELS),
    Row(f"{IMAGE}.image_scaling_factor", effect=PIXELS),
    Row(f"{IMAGE}.max_objects_num_per_image", effect="no image has too many objects"),
    Row(f"{MODEL}.arch", "model.backbone.type"),
    Row(f"{MODEL}.anchor_box_config.scale", "model.anchor_sizes"),
    Row(f"{MODEL}.anchor_box_config.ratio", "model.aspect_ratios"),
    Row(f"{MODEL}.roi_mini_batch", "model.box.batch_size_per_image"),
    Row(f"{MODEL}.rpn_stride", effect="the pyramid has strides from 4 to 64"),
    Row(f"{MODEL}.freeze_bn", effect=tao_rcnn.FROZEN, same=(False,)),
    Row(f"{MODEL}.freeze_blocks", effect=tao_rcnn.FROZEN),
    Row(f"{MODEL}.dropout_rate", effect="nothing is dropped out", same=(0, 0.0)),
    Row(f"{MODEL}.drop_connect_rate", effect="nothing is dropped out", same=(0, 0.0)),
    Row(f"{MODEL}.use_bias"),
    Row(f"{MODEL}.conv_bn_share_bias"),
    Row(f"{MODEL}.all_projections"),
    Row(f"{MODEL}.use_pooling"),
    Row(f"{MODEL}.activation.activation_type", effect=ACTIVATIONS, same=("relu",)),
    Row(f"{MODEL}.roi_pooling_config.pool_size", effect="regions are pooled to 7 x 7 cells", same=(7,)),
    Row(f"{MODEL}.roi_pooling_config.pool_size_2x", effect="regions are pooled to 7 x 7 cells", same=(False,)),
    Row(f"{MODEL}.rpn_cls_activation_type"),
    Row(f"{MODEL}.rfcn_mode"),
    Row(f"{MODEL}.tf_proposal_layer"),
    *DETECTION,
    Row(f"{TRAINING}.enable_augmentation"),
    Row(f"{TRAINING}.pretrained_weights", effect=WEIGHTS, same=("",)),
    Row(f"{TRAINING}.retrain_pruned_model", effect=WEIGHTS, same=("",)),
    Row(f"{TRAINING}.resume_from_model", effect=WEIGHTS, same=("",)),
    Row(f"{TRAINING}.output_model"),
    Row(f"{TRAINING}.output_weights"),
    Row(f"{TRAINING}.rpn_min_overlap", "model.rpn.bg_iou_thresh"),
    Row(f"{TRAINING}.rpn_max_overlap", "model.rpn.fg_iou_thresh"),
    Row(f"{TRAINING}.classifier_max_overlap", "model.box.fg_iou_thresh"),
    Row(f"{TRAINING}.classifier_min_overlap", effect="every proposal below is background", same=(0, 0.0)),
    Row(f"{TRAINING}.gt_as_roi", effect="objects are among the proposals that are learnt from", same=(True,)),
    Row(f"{TRAINING}.std_scaling", effect=FIXED, same=(1, 1.0)),
    Row(f"{TRAINING}.classifier_regr_std.key"),
    Row(f"{TRAINING}.classifier_regr_std.value", effect=FIXED, same=(10, 10.0, 5, 5.0)),
    Row(f"{TRAINING}.batch_size_per_gpu", "dataset.batch_size"),
    Row(f"{TRAINING}.num_epochs", "train.num_epochs"),
    Row(f"{TRAINING}.checkpoint_interval", "train.checkpoint_interval"),
    Row(f"{TRAINING}.rpn_mini_batch", "model.rpn.batch_size_per_image"),
    Row(f"{TRAINING}.rpn_pre_nms_top_N", "model.rpn.pre_nms_top_n_train", "of each level of the pyramid"),
    Row(f"{TRAINING}.rpn_nms_max_boxes", "model.rpn.post_nms_top_n_train"),
    Row(f"{TRAINING}.rpn_nms_overlap_threshold", "model.rpn.nms_thresh"),
    Row(f"{TRAINING}.regularizer.type"),
    Row(f"{TRAINING}.regularizer.weight", "train.optim.weight_decay"),
    *OPTIMIZERS,
    *(Row(f"{TRAINING}.learning_rate.soft_start.{name}", ours) for name, ours in (
        ("base_lr", "train.optim.lr"), ("start_lr", "train.optim.warmup_factor"),
        ("soft_start", "train.optim.warmup_epochs"), ("annealing_points", "train.optim.lr_steps"),
        ("annealing_divider", "train.optim.lr_decay"),
    )),
    *(Row(f"{TRAINING}.learning_rate.step.{name}", ours) for name, ours in (
        ("base_lr", "train.optim.lr"), ("gamma", "train.optim.lr_decay"), ("step_size", "train.optim.lr_step_size"),
    )),
    *(Row(f"{TRAINING}.lambda_{name}", effect=LAMBDA, same=(1, 1.0))
      for name in ("rpn_regr", "rpn_class", "cls_regr", "cls_class")),
    Row(f"{TRAINING}.enable_qat", effect=QAT, same=(False,)),
    Row(f"{TRAINING}.model_parallelism"),
    Row(f"{TRAINING}.early_stopping.monitor", effect="the training always has all its epochs; the best one is kept"),
    Row("augmentation_config.spatial_augmentation.hflip_probability", "dataset.augmentation.random_flip"),
    *(Row(f"augmentation_config.spatial_augmentation.{name}", effect=MIRRORED, same=same)
      for name, same in (
          ("vflip_probability", (0, 0.0)), ("zoom_min", (1, 1.0)), ("zoom_max", (1, 1.0)),
          ("translate_max_x", (0, 0.0)), ("translate_max_y", (0, 0.0)), ("rotate_rad_max", (0, 0.0)),
          ("rotate_probability", (0, 0.0)),
      )),
    *(Row(f"augmentation_config.color_augmentation.{name}", effect="colours stay as they are", same=same)
      for name, same in (
          ("color_shift_stddev", (0, 0.0)), ("hue_rotation_max", (0, 0.0)), ("saturation_shift_max", (0, 0.0)),
          ("contrast_scale_max", (0, 0.0)), ("contrast_center", (0.5,)),
      )),
    Row("evaluation_config.rpn_nms_max_boxes", "model.rpn.post_nms_top_n_test"),
    Row("evaluation_config.rpn_pre_nms_top_N", "model.rpn.pre_nms_top_n_test", "of each level of the pyramid"),
    Row("evaluation_config.rpn_nms_overlap_threshold", effect="the threshold is that of the training", same=(0.7,)),
    Row("evaluation_config.classifier_nms_max_boxes", "model.box.detections_per_img"),
    Row("evaluation_config.classifier_nms_overlap_threshold", "model.box.nms_thresh"),
    Row("evaluation_config.object_confidence_thres", "model.box.score_thresh"),
    Row("evaluation_config.use_voc07_11point_metric", "evaluate.average_precision_mode",
        how=lambda eleven: "sample" if eleven else "integrate"),
    Row("evaluation_config.validation_period_during_training", "train.validation_interval"),
    Row("evaluation_config.batch_size", "evaluate.batch_size"),
    Row("evaluation_config.gt_matching_iou_threshold", "evaluate.matching_iou_threshold"),
    *(Row(f"evaluation_config.gt_matching_iou_threshold_range.{name}", effect=RANGE)
      for name in ("start", "end", "step")),
    *(Row(f"evaluation_config.{name}") for name in (
        "model", "trt_evaluation", "visualize_pr_curve", "labels_dump_dir")),
    Row("inference_config.bbox_visualize_threshold", "inference.conf_threshold"),
    Row("inference_config.batch_size", "inference.batch_size"),
    *(Row(f"inference_config.{name}", effect=SAVED) for name in (
        "images_dir", "model", "detection_image_output_dir", "labels_dump_dir", "bbox_caption_on")),
    *(Row(f"inference_config.{name}") for name in (
        "rpn_nms_max_boxes", "rpn_nms_overlap_threshold", "classifier_nms_max_boxes", "rpn_pre_nms_top_N",
        "classifier_nms_overlap_threshold", "trt_inference", "object_confidence_thres", "nms_score_bits")),
)  # fmt: skip
WHOLE = (
    f"{MODEL}.activation", f"{TRAINING}.visualizer", f"{TRAINING}.early_stopping", "augmentation_config.preprocessing",
    "evaluation_config.trt_evaluation", "inference_config.trt_inference", "evaluation_config.dataset",
)  # fmt: skip


def migrate(spec: Rewriting) -> None:
    """Backbone, sizes, anchors, rates and data."""
    arch = str(spec.value(f"{MODEL}.arch", "resnet:50"))
    backbone = tao_rcnn.backbone(arch)
    spec.note("the network", "torchvision's, with a feature pyramid and RoIAlign; TAO's weights do not fit it")
    effect = "" if backbone == arch.replace(":", "") else f"{arch} gives way to the nearest backbone that there is"
    spec.put("model.backbone.type", backbone, f"{MODEL}.arch", effect=effect)
    _size(spec)
    _anchors(spec, backbone)
    overlap = f"{TRAINING}.classifier_max_overlap"
    if spec.has(overlap):
        value = spec.number(overlap)
        spec.put("model.box.fg_iou_thresh", value, overlap)
        spec.also("model.box.bg_iou_thresh", value, overlap)
    optimizer(spec)
    regularizer(spec)
    _rates(spec)
    if spec.value(f"{TRAINING}.enable_augmentation") is False:
        spec.put("dataset.augmentation.random_flip", 0.0, f"{TRAINING}.enable_augmentation")
        spec.drop("augmentation_config")
    detection_data(spec)


def _size(spec: Rewriting) -> None:
    here = f"{IMAGE}.size_height_width"
    height, width = spec.number(f"{here}.height", 0), spec.number(f"{here}.width", 0)
    if height and width:
        shorter, longer = ("height", "width") if height <= width else ("width", "height")
        spec.put("model.min_size", [min(height, width)], f"{here}.{shorter}", effect=tao_rcnn.SIDES)
        spec.put("model.max_size", max(height, width), f"{here}.{longer}")
    else:
        spec.drop(here, "images keep their sizes there; here the shorter side becomes 800 pixels")


def _anchors(spec: Rewriting, backbone: str) -> None:
    here = f"{MODEL}.anchor_box_config"
    scales = spec.numbers(f"{here}.scale")
    if scales and min(scales) <= 0:
        raise spec.error(f"{here}.scale", "scale takes numbers above 0")
    if scales:
        sizes = tao_rcnn.spread(scales, tao_rcnn.levels(backbone))
        effect = f"sides from {min(scales):g} to {max(scales):g} pixels, one for each level of the pyramid"
        spec.put("model.anchor_sizes", sizes, f"{here}.scale", effect=effect)
    ratios = spec.numbers(f"{here}.ratio")
    if ratios:
        spec.put("model.aspect_ratios", ratios, f"{here}.ratio")


def _rates(spec: Rewriting) -> None:
    here = f"{TRAINING}.learning_rate"
    epochs = int(spec.number(f"{TRAINING}.num_epochs", 1) or 1)
    chosen = next((name for name in ("adam", "sgd", "rmsprop") if spec.has(f"{TRAINING}.optimizer.{name}")), "sgd")
    own = f"{TRAINING}.optimizer.{chosen}.lr"
    if spec.has(f"{here}.step"):
        spec.also("train.optim.lr_scheduler", "step")
        spec.put("train.optim.lr", spec.number(f"{here}.step.base_lr", spec.number(own, 0.0)), f"{here}.step.base_lr")
        share = spec.number(f"{here}.step.step_size", 100.0)
        spec.put("train.optim.lr_step_size", max(1, round(share / 100 * epochs)), f"{here}.step.step_size",
                 effect="after whole epochs")  # fmt: skip
        spec.put("train.optim.lr_decay", spec.number(f"{here}.step.gamma", 1.0), f"{here}.step.gamma")
    elif spec.has(f"{here}.soft_start"):
        _soft_start(spec, f"{here}.soft_start", epochs)
    elif spec.has(own):
        spec.put("train.optim.lr", spec.number(own), own)
    spec.drop(f"{TRAINING}.optimizer.{chosen}.lr", "the rate is that of learning_rate, as there")


def _soft_start(spec: Rewriting, here: str, epochs: int) -> None:
    base, start = spec.number(f"{here}.base_lr", 0.0), spec.number(f"{here}.start_lr", 0.0)
    spec.put("train.optim.lr", base, f"{here}.base_lr")
    spec.put("train.optim.warmup_factor", round(start / base, 8) if base else 0.0, f"{here}.start_lr")
    spec.put("train.optim.warmup_epochs", round(spec.number(f"{here}.soft_start", 0.0) * epochs, 4),
             f"{here}.soft_start")  # fmt: skip
    points = spec.numbers(f"{here}.annealing_points")
    steps = sorted({min(max(1, round(point * epochs)), epochs) for point in points})
    if steps:
        spec.also("train.optim.lr_scheduler", "multistep")
        spec.put("train.optim.lr_steps", steps, f"{here}.annealing_points", effect="after whole epochs")
        divider = spec.number(f"{here}.annealing_divider", 10.0)
        spec.put("train.optim.lr_decay", round(1 / divider, 8) if divider else 1.0, f"{here}.annealing_divider")
