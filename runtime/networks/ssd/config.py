"""What the spec says about an SSD, read once: afterwards nothing looks into the message or asks for its dialect."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from runtime.networks.ssd.loss import FocalLoss, HardNegativeLoss, Loss
from specs import Spec, numbers
from tltpipe import registry
from tltpipe.errors import SpecError

MAPS = 6
SMALLEST_INPUT = 32

# The IoU from which an anchor takes an object, and below which it is background; between the two it is in no loss.
# The TLT 2.0 spec has no fields for them and its code was never published; these are the defaults of its successors.
POSITIVE_IOU = 0.5
NEGATIVE_IOU = 0.5

NEGATIVES_PER_POSITIVE = 3.0
PREDICTION_CHANNELS = (0, 256, 512, 1024)

MEAN_BGR = (103.939, 116.779, 123.68)
DEFAULT_MEAN = {3: MEAN_BGR, 1: (117.3786,)}
DALI_MEAN = (103.53, 116.28, 123.675)

Regularizer = Literal["NO_REG", "L1", "L2"]


@dataclass(frozen=True)
class Settings:
    """An SSD in plain values. Sizes in pixels as (height, width); lists have one entry per feature map."""

    input_size: tuple[int, int]
    arch: str
    nlayers: int
    scales: tuple[float, ...]
    """MAPS + 1 of them, as shares of the shorter side of the input; the last only feeds an extra square."""
    aspect_ratios: tuple[tuple[float, ...], ...]
    variances: tuple[float, ...]
    loss: Loss
    input_channels: int = 3
    two_boxes_for_ar1: bool = True
    clip_boxes: bool = False
    steps: tuple[tuple[float, float], ...] | None = None
    """Pixels between anchor centres, (vertical, horizontal); None: the input's size over the map's."""
    offsets: tuple[tuple[float, float], ...] | None = None
    """First centre in steps, (vertical, horizontal); None: 0.5."""
    mean: tuple[float, ...] = MEAN_BGR
    """Taken off the pixels: of B, G and R, or one number for grey."""
    prediction_channels: int = 0
    """Channels of the prediction module between a map and its heads; 0: there is none."""
    positive_iou: float = POSITIVE_IOU
    negative_iou: float = NEGATIVE_IOU
    training_iou: tuple[float, float] | None = None
    """Other thresholds, positive and negative, for training."""
    training_mean: tuple[float, ...] | None = None
    """Another mean for training."""
    freeze_bn: bool = False
    freeze_blocks: tuple[int, ...] = ()
    regularizer: Regularizer = "NO_REG"
    regularizer_weight: float = 0.0
    confidence_threshold: float = 0.01
    clustering_iou_threshold: float = 0.6
    top_k: int = 200
    strict: bool = False
    """NVIDIA's behaviour to the letter (docs/strict.md)."""
    size_field: str = "augmentation_config"
    """What to name in an error about the input's size."""


def message_of(experiment: Any) -> Any:
    return experiment.message if isinstance(experiment, Spec) else experiment


def error(experiment: Any, field: str, what: str, *, hint: str | None = None) -> SpecError:
    """A SpecError that names the field, with its line and column where the spec knows them."""
    what = f"{field}: {what}"
    return experiment.error(field, what, hint=hint) if isinstance(experiment, Spec) else SpecError(what, hint=hint)


def read(experiment: Any) -> Settings:
    """The settings of an Experiment message of either dialect, or of the Spec around it.

    Unset numbers read as zero, which for the numbers of a loss would mean to learn half of it or nothing: unless
    zero was written, their defaults stand in. Raises SpecError naming the field.
    """
    message = message_of(experiment)
    own = DIALECTS[message.DESCRIPTOR.file.package.rpartition(".")[2]](experiment, message)
    ssd, nms, regularizer = message.ssd_config, message.nms_config, message.training_config.regularizer
    arch, nlayers, freeze_blocks = _backbone(experiment, ssd)
    return Settings(
        arch=arch,
        nlayers=nlayers,
        scales=_scales(experiment, ssd),
        aspect_ratios=_aspect_ratios(experiment, ssd),
        two_boxes_for_ar1=ssd.two_boxes_for_ar1,
        clip_boxes=ssd.clip_boxes,
        variances=_floats(experiment, "ssd_config.variances", ssd.variances, length=4),
        steps=_pairs(experiment, "ssd_config.steps", ssd.steps),
        offsets=_pairs(experiment, "ssd_config.offsets", ssd.offsets),
        prediction_channels=_prediction_channels(experiment, ssd),
        freeze_bn=ssd.freeze_bn,
        freeze_blocks=freeze_blocks,
        regularizer=regularizer.RegularizationType.Name(regularizer.type),
        regularizer_weight=regularizer.weight,
        confidence_threshold=nms.confidence_threshold,
        clustering_iou_threshold=nms.clustering_iou_threshold,
        top_k=nms.top_k,
        strict=is_strict(experiment),
        **own,
    )


def is_strict(experiment: Any) -> bool:
    return isinstance(experiment, Spec) and experiment.strict


def _tlt2(experiment: Any, message: Any) -> dict[str, Any]:
    """What only TLT 2.0 has, or spells so: focal loss; thresholds and mean are those of its successors."""
    ssd, field = message.ssd_config, "augmentation_config.preprocessing.output_image"
    picture, strict = message.augmentation_config.preprocessing, is_strict(experiment)
    return {
        "size_field": f"{field}_width",
        "input_size": _input_size(experiment, field, picture.output_image_height, picture.output_image_width),
        "input_channels": _input_channels(experiment, field, picture.output_image_channel),
        "loss": FocalLoss(
            alpha=_written(experiment, "ssd_config.focal_loss_alpha", ssd.focal_loss_alpha, FocalLoss.alpha),
            gamma=_written(experiment, "ssd_config.focal_loss_gamma", ssd.focal_loss_gamma, FocalLoss.gamma),
            location_weight=_written(
                experiment, "ssd_config.loss_loc_weight", ssd.loss_loc_weight, FocalLoss.location_weight
            ),
            small_weights=not strict,
            rank_local=strict,
        ),
    }


def _tlt3(experiment: Any, message: Any) -> dict[str, Any]:
    """What only TLT 3.0 and later have, or spell so: softmax with hard negatives, thresholds, the mean."""
    ssd, picture, field = message.ssd_config, message.augmentation_config, "augmentation_config.output"
    strict = is_strict(experiment)
    channels = _input_channels(experiment, field, picture.output_channel)
    mean = _mean(experiment, picture.image_mean, channels)
    from_records = any(source.tfrecords_path for source in message.dataset_config.data_sources)
    ratio = _written(experiment, "ssd_config.neg_pos_ratio", ssd.neg_pos_ratio, NEGATIVES_PER_POSITIVE)
    return {
        "size_field": f"{field}_width",
        "input_size": _input_size(experiment, field, picture.output_height, picture.output_width),
        "input_channels": channels,
        "mean": mean or DEFAULT_MEAN[channels],
        "positive_iou": _written(experiment, "ssd_config.pos_iou_thresh", ssd.pos_iou_thresh, POSITIVE_IOU),
        "negative_iou": _written(experiment, "ssd_config.neg_iou_thresh", ssd.neg_iou_thresh, NEGATIVE_IOU),
        # What NVIDIA trains with from TFRecords, which go through another program than folders and validation do.
        "training_iou": (POSITIVE_IOU, NEGATIVE_IOU) if strict and from_records else None,
        "training_mean": DALI_MEAN if strict and from_records and channels == 3 and not mean else None,
        "loss": HardNegativeLoss(
            negatives_per_positive=ratio,
            location_weight=_written(experiment, "ssd_config.alpha", ssd.alpha, HardNegativeLoss.location_weight),
            rank_local=strict,
        ),
    }


DIALECTS: Mapping[str, Callable[[Any, Any], dict[str, Any]]] = {"tlt2": _tlt2, "tlt3": _tlt3}


def _written(experiment: Any, field: str, value: float, default: float) -> float:
    """``value`` if it is in the spec, zero included; only a Spec can tell a written zero from an unset number."""
    return value if value or (isinstance(experiment, Spec) and experiment.is_set(field)) else default


def _input_size(experiment: Any, field: str, height: int, width: int) -> tuple[int, int]:
    for side, pixels in (("height", height), ("width", width)):
        if pixels < SMALLEST_INPUT:
            raise error(
                experiment,
                f"{field}_{side}",
                f"{pixels} pixels are too few for six feature maps",
                hint=f"use at least {SMALLEST_INPUT}, better a multiple of 32 above 128",
            )
    return height, width


def _input_channels(experiment: Any, field: str, written: int) -> int:
    channels = written or 3
    if channels not in (1, 3):
        what = f"{channels} channels are not supported"
        raise error(experiment, f"{field}_channel", what, hint="use 3 (colour) or 1 (grey)")
    return int(channels)


def _mean(experiment: Any, written: Mapping[str, float], channels: int) -> tuple[float, ...] | None:
    """B, G and R of ``image_mean``, or its l; None where it is not written."""
    keys = ("b", "g", "r") if channels == 3 else ("l",)
    if not written:
        return None
    if set(written) != set(keys):
        what = f"needs the keys {', '.join(keys)} for {channels} channels, it has {', '.join(sorted(written))}"
        raise error(experiment, "augmentation_config.image_mean", what)
    return tuple(written[key] for key in keys)


def _prediction_channels(experiment: Any, ssd: Any) -> int:
    if ssd.pred_num_channels not in PREDICTION_CHANNELS:
        what = f"{ssd.pred_num_channels} is none of {', '.join(map(str, PREDICTION_CHANNELS))}"
        raise error(experiment, "ssd_config.pred_num_channels", what, hint="0 leaves the prediction module out")
    return int(ssd.pred_num_channels)


def _backbone(experiment: Any, ssd: Any) -> tuple[str, int, tuple[int, ...]]:
    known = registry.names("runtime.nn.backbones")
    if ssd.arch not in known:
        near = difflib.get_close_matches(ssd.arch, known, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"use one of: {', '.join(known)}"
        raise error(experiment, "ssd_config.arch", f'there is no backbone called "{ssd.arch}"', hint=hint)
    depths = registry.load("runtime.nn.backbones", ssd.arch).DEPTHS
    if depths and ssd.nlayers not in depths:
        what = f"{ssd.arch} does not come with {ssd.nlayers} layers" if ssd.nlayers else f"{ssd.arch} needs a depth"
        hint = f"use one of: {', '.join(map(str, depths))}"
        raise error(experiment, "ssd_config.nlayers", what, hint=hint)
    return ssd.arch, ssd.nlayers if depths else 0, tuple(ssd.freeze_blocks)


def _scales(experiment: Any, ssd: Any) -> tuple[float, ...]:
    if ssd.scales:
        return _floats(experiment, "ssd_config.scales", ssd.scales, length=MAPS + 1)
    low, high = ssd.min_scale, ssd.max_scale
    if not 0 < low <= high:
        what = f"{MAPS + 1} scales are needed, or min_scale and max_scale with 0 < min_scale <= max_scale"
        raise error(experiment, "ssd_config.scales", what)
    return tuple(low + (high - low) * i / MAPS for i in range(MAPS + 1))


def _aspect_ratios(experiment: Any, ssd: Any) -> tuple[tuple[float, ...], ...]:
    if not ssd.aspect_ratios:
        if not ssd.aspect_ratios_global:
            raise error(experiment, "ssd_config.aspect_ratios_global", 'is needed, for example "[1.0, 2.0, 0.5]"')
        return (_floats(experiment, "ssd_config.aspect_ratios_global", ssd.aspect_ratios_global),) * MAPS
    field = "ssd_config.aspect_ratios"
    lists = _list(experiment, field, ssd.aspect_ratios, length=MAPS)
    if not all(isinstance(ratios, list) for ratios in lists):
        raise error(experiment, field, f"{MAPS} lists are needed, one for each feature map")
    return tuple(_positive(experiment, field, ratios) for ratios in lists)


def _pairs(experiment: Any, field: str, text: str) -> tuple[tuple[float, float], ...] | None:
    """One number or [vertical, horizontal] for each map."""
    if not text:
        return None
    pairs = [entry if isinstance(entry, list) else [entry, entry] for entry in _list(experiment, field, text, MAPS)]
    if any(len(pair) != 2 for pair in pairs):
        raise error(experiment, field, "each entry is a number or [vertical, horizontal]")
    rows = [_positive(experiment, field, pair) for pair in pairs]
    return tuple((vertical, horizontal) for vertical, horizontal in rows)


def _floats(experiment: Any, field: str, text: str, *, length: int | None = None) -> tuple[float, ...]:
    return _positive(experiment, field, _list(experiment, field, text, length))


def _list(experiment: Any, field: str, text: str, length: int | None = None) -> list[Any]:
    try:
        values = numbers(text)
    except ValueError as problem:
        raise error(experiment, field, str(problem)) from None
    if length is not None and len(values) != length:
        raise error(experiment, field, f"{length} entries are needed, there are {len(values)}")
    return values


def _positive(experiment: Any, field: str, values: Sequence[Any]) -> tuple[float, ...]:
    if not values or any(isinstance(value, list) or value <= 0 for value in values):
        raise error(experiment, field, "all entries must be numbers above 0")
    return tuple(float(value) for value in values)
