"""What the numbers of a training spec of SSD must be, in either dialect."""

from __future__ import annotations

from collections.abc import Mapping

from specs.checks import Range, above, at_least, finite, inside, one_of, share, within
from specs.ssd.sections import AUGMENTATION, COSINE, OPTIMIZER, SCHEDULE, STOPPING
from specs.ssd.tlt2 import COLOUR, PICTURE, SPACE

UNSET: Mapping[str, float] = {
    "random_crop_min_scale": 0.3,
    "random_crop_max_scale": 1.0,
    "random_crop_min_ar": 0.5,
    "random_crop_max_ar": 2.0,
    "zoom_out_min_scale": 1.0,
    "zoom_out_max_scale": 4.0,
}
"""What fields of TLT 3.0 that are not written, or 0, mean."""

_OUTPUTS = [f"{output}{side}" for output in (f"{PICTURE}.output_image_", f"{AUGMENTATION}.output_")
            for side in ("width", "height")]  # fmt: skip


def network(here: str) -> tuple[Range, ...]:
    """Of the section of the network, whose path is ``here``."""
    return (
        one_of(f"{here}.pred_num_channels", 0, 256, 512, 1024),
        *(at_least(f"{here}.{name}", 0) for name in ("loss_loc_weight", "focal_loss_gamma", "alpha", "neg_pos_ratio")),
        *(share(f"{here}.{name}") for name in ("focal_loss_alpha", "pos_iou_thresh", "neg_iou_thresh")),
    )


TRAINING = tuple(above(f"training_config.{name}", 0) for name in ("batch_size_per_gpu", "num_epochs"))
RATES = (
    *(above(f"{path}.{name}_learning_rate", 0) for path in (SCHEDULE, COSINE) for name in ("min", "max")),
    inside(f"{SCHEDULE}.soft_start", 0, 1),
    inside(f"{SCHEDULE}.annealing", 0, 1),
    share(f"{COSINE}.soft_start"),
)
OPTIMIZERS = (
    *(share(f"{OPTIMIZER}.{name}") for name in ("adam.beta1", "adam.beta2", "sgd.momentum")),
    *(share(f"{OPTIMIZER}.rmsprop.{name}") for name in ("rho", "momentum")),
    *(at_least(f"{OPTIMIZER}.{name}.epsilon", 0) for name in ("adam", "rmsprop")),
)
ENDS = (at_least(f"{STOPPING}.min_delta", 0),)
EVALUATION = (
    *(above(f"eval_config.{name}", 0) for name in ("validation_period_during_training", "batch_size")),
    inside("eval_config.matching_iou_threshold", 0, 1),
)
SUPPRESSION = (
    inside("nms_config.confidence_threshold", 0, 1),
    inside("nms_config.clustering_iou_threshold", 0, 1),
    above("nms_config.top_k", 0),
)
AUGMENTED = (
    *(Range(path, "above 32", lambda value: value > 32) for path in _OUTPUTS),
    one_of(f"{PICTURE}.output_image_channel", 0, 1, 3),
    *(at_least(f"{PICTURE}.min_bbox_{side}", 0) for side in ("width", "height")),
    *(within(f"{SPACE}.{way}flip_probability", 0, 1) for way in "hv"),
    *(at_least(f"{SPACE}.{name}", 0) for name in ("zoom_min", "zoom_max", "rotate_rad_max")),
    *(at_least(f"{SPACE}.translate_max_{axis}", 0) for axis in "xy"),
    at_least(f"{COLOUR}.color_shift_stddev", 0),
    within(f"{COLOUR}.hue_rotation_max", 0, 360),
    *(within(f"{COLOUR}.{name}", 0, 1) for name in ("saturation_shift_max", "contrast_scale_max")),
    within(f"{COLOUR}.contrast_center", 0, 255),
    one_of(f"{AUGMENTATION}.output_channel", 1, 3),
    *(finite(f"{AUGMENTATION}.{name}") for name in UNSET),
    *(at_least(f"{AUGMENTATION}.{name}", 0) for name in ("brightness", "hue")),
    *(share(f"{AUGMENTATION}.{name}") for name in ("contrast", "saturation")),
)
ALL = (*TRAINING, *RATES, *OPTIMIZERS, *ENDS, *EVALUATION, *SUPPRESSION, *AUGMENTED)
"""But for those of the network."""
