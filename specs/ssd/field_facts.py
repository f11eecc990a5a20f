"""What there is to know of the fields of SSD's training spec beside their meaning: units, ranges, and what NVIDIA's own
programs do with them (read in TAO 5; TLT 3.0 to TAO 4 run the same design; of TLT 2.0 the guide alone is known)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from specs.fields import Field
from specs.ssd import ranges
from specs.ssd.backbones import BACKBONES
from specs.ssd.sections import COSINE, OPTIMIZER, SCHEDULE, STOPPING
from specs.ssd.tlt2 import COLOUR, PICTURE, SPACE

LISTS = frozenset(
    f"ssd_config.{name}"
    for name in ("aspect_ratios_global", "aspect_ratios", "scales", "steps", "offsets", "variances")
)
"""Texts that hold lists of numbers."""
ZERO_COUNTS = frozenset(
    {
        *(f"ssd_config.{name}" for name in ("loss_loc_weight", "focal_loss_alpha", "focal_loss_gamma")),
        *(f"ssd_config.{name}" for name in ("alpha", "neg_pos_ratio", "pos_iou_thresh", "neg_iou_thresh")),
        *(f"{OPTIMIZER}.{name}" for name in ("sgd.momentum", "adam.beta1", "adam.beta2", "rmsprop.rho")),
        "dataset_config.include_difficult_in_training",
    }
)

_LISTED = "each above 0"
RANGES: Mapping[str, str] = {
    **{rule.path: rule.needed for rule in (*ranges.network("ssd_config"), *ranges.ALL)},
    "ssd_config.aspect_ratios_global": _LISTED,
    "ssd_config.aspect_ratios": f"six lists, {_LISTED}",
    "ssd_config.scales": f"seven numbers, {_LISTED}, the first six at most 1",
    "ssd_config.min_scale": "above 0, at most max_scale",
    "ssd_config.max_scale": "min_scale or more",
    "ssd_config.steps": f"six numbers or pairs, {_LISTED}",
    "ssd_config.offsets": "six numbers or pairs, each above 0 and below 1",
    "ssd_config.variances": f"four numbers, {_LISTED}",
    "ssd_config.freeze_blocks": ", ".join(
        f"{name} {blocks.start} to {blocks.stop - 1}" if blocks else f"{name} none"
        for name, (_, blocks) in BACKBONES.items()
    ),
    "training_config.regularizer.weight": "above 0 and below 1, but for NO_REG",
    f"{STOPPING}.monitor": "loss, validation_loss, val_loss",
    "augmentation_config.random_crop_min_scale": "above 0, at most random_crop_max_scale",
    "augmentation_config.random_crop_max_scale": "random_crop_min_scale to 1",
    "augmentation_config.random_crop_min_ar": "above 0, at most random_crop_max_ar",
    "augmentation_config.random_crop_max_ar": "random_crop_min_ar or more",
    "augmentation_config.zoom_out_min_scale": "1 to zoom_out_max_scale",
    "augmentation_config.zoom_out_max_scale": "zoom_out_min_scale or more",
    "augmentation_config.random_flip": "from 0 to 1",
    "augmentation_config.image_mean": "keys b, g and r, or l; from 0 to 255",
    "dataset_config.data_sources.source_weight": "above 0",
}

_PIXELS, _SHARE, _EPOCHS, _TIMES, _IOU = "pixels", "share", "epochs", "probability", "IoU"
UNITS: Mapping[str, str] = {
    **dict.fromkeys(
        (f"ssd_config.{name}" for name in ("scales", "min_scale", "max_scale")), "share of the shorter side"
    ),
    **dict.fromkeys((f"ssd_config.{name}" for name in ("aspect_ratios_global", "aspect_ratios")), "width / height"),
    "ssd_config.steps": _PIXELS,
    "ssd_config.offsets": "steps",
    "ssd_config.nlayers": "layers",
    "ssd_config.pred_num_channels": "channels",
    "ssd_config.neg_pos_ratio": "background anchors for each positive one",
    **dict.fromkeys((f"ssd_config.{name}" for name in ("pos_iou_thresh", "neg_iou_thresh")), _IOU),
    "training_config.batch_size_per_gpu": "images",
    **dict.fromkeys((f"training_config.{name}" for name in ("num_epochs", "checkpoint_interval")), _EPOCHS),
    **dict.fromkeys((f"{SCHEDULE}.{name}" for name in ("soft_start", "annealing")), "share of the training"),
    f"{COSINE}.soft_start": "share of the training",
    **dict.fromkeys(
        (f"{curve}.{end}_learning_rate" for curve in (SCHEDULE, COSINE) for end in ("min", "max")), "per step"
    ),
    f"{STOPPING}.patience": _EPOCHS,
    "training_config.n_workers": "processes",
    "training_config.max_queue_size": "batches",
    "training_config.visualizer.num_images": "images",
    "eval_config.validation_period_during_training": _EPOCHS,
    "eval_config.batch_size": "images",
    "eval_config.matching_iou_threshold": _IOU,
    "nms_config.confidence_threshold": "score",
    "nms_config.clustering_iou_threshold": _IOU,
    "nms_config.top_k": "detections",
    "nms_config.infer_nms_score_bits": "bits",
    **dict.fromkeys((f"{PICTURE}.output_image_{side}" for side in ("width", "height")), _PIXELS),
    f"{PICTURE}.output_image_channel": "channels",
    **dict.fromkeys((f"{PICTURE}.crop_{side}" for side in ("left", "top", "right", "bottom")), _PIXELS),
    **dict.fromkeys((f"{PICTURE}.min_bbox_{side}" for side in ("width", "height")), _PIXELS),
    **dict.fromkeys((f"{SPACE}.{way}flip_probability" for way in "hv"), _TIMES),
    **dict.fromkeys((f"{SPACE}.zoom_{end}" for end in ("min", "max")), "factor"),
    **dict.fromkeys((f"{SPACE}.translate_max_{axis}" for axis in "xy"), _PIXELS),
    f"{SPACE}.rotate_rad_max": "radians",
    f"{COLOUR}.hue_rotation_max": "degrees",
    **dict.fromkeys((f"{COLOUR}.{name}" for name in ("saturation_shift_max", "contrast_scale_max")), _SHARE),
    **dict.fromkeys((f"{COLOUR}.{name}" for name in ("color_shift_stddev", "contrast_center")), "1 is white"),
    **dict.fromkeys((f"augmentation_config.output_{side}" for side in ("width", "height")), _PIXELS),
    "augmentation_config.output_channel": "channels",
    **dict.fromkeys((f"augmentation_config.random_crop_{end}_scale" for end in ("min", "max")), "share of a side"),
    **dict.fromkeys((f"augmentation_config.random_crop_{end}_ar" for end in ("min", "max")), "width / height"),
    **dict.fromkeys((f"augmentation_config.zoom_out_{end}_scale" for end in ("min", "max")), "factor"),
    "augmentation_config.brightness": "levels of 255",
    **dict.fromkeys((f"augmentation_config.{name}" for name in ("contrast", "saturation")), _SHARE),
    "augmentation_config.hue": "2 degrees, with TFRecords 1 degree",
    "augmentation_config.random_flip": _TIMES,
    "augmentation_config.image_mean": "levels of 255",
    "dataset_config.data_sources.source_weight": "factor",
}

_NO_VALIDATION = "entries whose paths are empty are left out in silence; TFRecords are not read"
_IGNORED = "ignored: SSD trains by SGD with a momentum of 0.9"
_RECORDS = "ignored in training from TFRecords: 0.5 is used"
_NOT_STORED = "not stored with the model: evaluation, export and resuming use the defaults"
_MODEL = "never read by SSD: the model is given on the command line, -m"
NVIDIA: Mapping[str, str] = {
    "random_seed": "the rank of the process is added to it",
    **dict.fromkeys((f"ssd_config.{name}" for name in ("steps", "offsets")), _NOT_STORED),
    "ssd_config.clip_boxes": "to width - 1 and height - 1, one pixel short of the border",
    "ssd_config.arch": "efficientnet_b1 passes the check and is built nowhere",
    "ssd_config.neg_pos_ratio": "ends the training with a type error where it is written; 3 is used where it is not",
    **dict.fromkeys((f"ssd_config.{name}" for name in ("pos_iou_thresh", "neg_iou_thresh")), _RECORDS),
    "ssd_config.freeze_blocks": "the convolutions are frozen, their normalisation goes on learning",
    "training_config.checkpoint_interval": "the last epoch is saved only where the interval divides num_epochs",
    **dict.fromkeys((f"{SCHEDULE}.{end}_learning_rate" for end in ("min", "max")), "multiplied by the number of GPUs"),
    **dict.fromkeys(
        (f"{COSINE}.{name}" for name in ("min_learning_rate", "max_learning_rate", "soft_start")),
        "refused: SSD takes soft_start_annealing_schedule alone",
    ),
    **dict.fromkeys(
        (
            *(f"{OPTIMIZER}.sgd.{name}" for name in ("momentum", "nesterov")),
            *(f"{OPTIMIZER}.adam.{name}" for name in ("epsilon", "beta1", "beta2", "amsgrad")),
            *(f"{OPTIMIZER}.rmsprop.{name}" for name in ("rho", "momentum", "epsilon", "centered")),
        ),
        _IGNORED,
    ),
    f"{STOPPING}.monitor": "a validation loss needs a validation after every epoch",
    f"{STOPPING}.min_delta": "of a validation loss that is multiplied by eval_config.batch_size",
    "training_config.n_workers": "unset: one less than there are processors; 4 threads with TFRecords",
    "training_config.enable_qat": "trains for 8-bit integers; must be what the loaded model was trained with",
    "training_config.max_queue_size": "batches that wait for the GPU (20)",
    "training_config.use_multiprocessing": "ignored: an option of the command line",
    "training_config.model_ema": "ignored by SSD",
    "training_config.cost_scaling": "ignored by SSD",
    "training_config.visualizer.enabled": "writes TensorBoard events (TAO 5)",
    "training_config.visualizer.num_images": "augmented images of the first batch that are shown",
    "training_config.visualizer.weight_histograms": "never read",
    "training_config.visualizer.wandb_config": "sends the log to Weights & Biases",
    "training_config.visualizer.clearml_config": "sends the log to ClearML",
    **{f"training_config.{name}_model_path": _MODEL for name in ("resume", "pretrain", "pruned")},
    "eval_config.batch_size": "the validation loss is multiplied by it",
    "eval_config.average_precision_mode": "a class without an object to find has 0, which counts in the mean",
    "nms_config.infer_nms_score_bits": "bits of the scores in the plugin of TensorRT, 0 for all",
    **dict.fromkeys(
        (f"{PICTURE}.output_image_{side}" for side in ("width", "height")),
        "a multiple of 32; stored images must have this size already",
    ),
    **dict.fromkeys(
        (f"augmentation_config.zoom_out_{end}_scale" for end in ("min", "max")),
        "fractions are cut off in training from TFRecords",
    ),
    "augmentation_config.random_flip": "must be below 1",
    "augmentation_config.image_mean": "unset, training from TFRecords subtracts 103.53, 116.28, 123.675 instead",
    "dataset_config.data_sources.tfrecords_path": "needs an index idx-<file> for each; not shuffled; the first source "
    "decides for all",
    "dataset_config.data_sources.label_directory_path": "an image or label alone, and an extension in upper case, are "
    "left out in silence",
    "dataset_config.validation_data_sources.image_directory_path": _NO_VALIDATION,
    "dataset_config.validation_data_sources.label_directory_path": _NO_VALIDATION,
    "dataset_config.validation_data_sources.tfrecords_path": "not read: validation data are folders",
    "dataset_config.target_class_mapping": "ids go by the lower-cased names, printed figures by those written: "
    "write lower case",
    "dataset_config.include_difficult_in_training": "no effect: difficult objects are always trained on",
}


def added(field: Field) -> Field:
    """``field`` with what is known of it here."""
    path = field.path
    return replace(
        field,
        range=RANGES.get(path, ""),
        unit=UNITS.get(path, ""),
        nvidia=NVIDIA.get(path, ""),
        takes='a list of numbers as text: "[1.0, 2.0]"' if path in LISTS else "",
        zero_counts=path in ZERO_COUNTS,
        listed=path in LISTS,
        unordered=path == "ssd_config.freeze_blocks",
    )
