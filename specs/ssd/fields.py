"""Every field of a training spec of SSD, in both dialects: what documentation and comments in specs say of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from specs.fields import NO, YES, Field
from specs.ssd import anchors, field_facts
from specs.ssd.ranges import UNSET

BOTH = ("tlt2", "tlt3")
GENERATIONS: Mapping[str, str] = {"tlt2": "TLT 2.0", "tlt3": "TLT 3.0 to TAO 5"}


def _shared(path: str, unset: str, meaning: str, honoured: str = YES) -> Field:
    return Field(path, unset, meaning, honoured, BOTH)


def _section(name: str, *fields: Field) -> tuple[Field, ...]:
    return tuple(replace(field, path=f"{name}.{field.path}") for field in fields)


def _earlier(path: str, unset: str, meaning: str, honoured: str = YES) -> Field:
    return Field(path, unset, meaning, honoured, ("tlt2",))


def _later(path: str, unset: str, meaning: str, honoured: str = YES) -> Field:
    return Field(path, unset, meaning, honoured, ("tlt3",))


def _drawn(name: str, meaning: str) -> Field:
    """Of the crops and zoom-outs, which are on where nothing is written."""
    return _later(name, str(UNSET[name]), meaning)


NOT_STRICT = "yes; not under strict-tlt"
_FIXED = "yes; 0.5 with TFRecords under strict-tlt"
_ANCHORS = (
    _shared(
        "aspect_ratios_global", "needed, or aspect_ratios", "anchor shapes, width / height, on all six feature maps"
    ),
    _shared("aspect_ratios", "the global list", "six lists of anchor shapes, one for each feature map; wins"),
    _shared(
        "scales", "from min_scale and max_scale", "anchor sizes, shares of the shorter side: one a map, and a seventh"
    ),
    _shared("min_scale", "needed without scales", "the first of seven scales evenly spaced"),
    _shared("max_scale", "needed without scales", "the last of them"),
    _shared("two_boxes_for_ar1", "false", "a second, larger square anchor where the aspect ratio is 1"),
    _shared("steps", "input / map", "pixels between anchor centres of each map: a number, or [vertical, horizontal]"),
    _shared("offsets", "0.5", "first anchor centre of each map in steps: a number, or [vertical, horizontal]"),
    _shared("clip_boxes", "false", "anchors are cut off at the border of the image"),
    _shared("variances", "needed", "divisors of the box offsets: centre x, centre y, width, height"),
    _shared("mean_color", "", "never read", NO),
)
_NETWORK = (
    _shared(
        "arch", "needed", "backbone: resnet, vgg, darknet, mobilenet_v1, ..._v2, squeezenet, googlenet, efficientnet_b0"
    ),
    _shared("nlayers", "needed where it has depths", "depth: resnet 10, 18, 34, 50, 101; vgg 16, 19; darknet 19, 53"),
    _shared(
        "pred_num_channels", "0", "channels of the prediction modules before the heads: 256, 512, 1024; 0 for none"
    ),
    _shared("freeze_blocks", "none", "block of the backbone whose convolutions do not learn; repeated"),
    _shared("freeze_bn", "false", "the backbone's batch normalisation keeps its stored statistics"),
)
_LOSS = (
    _earlier("loss_loc_weight", "1.0", "weight of the box loss beside the class loss"),
    _earlier("focal_loss_alpha", "0.25", "weight of objects in the class loss; background has 1 - alpha"),
    _earlier("focal_loss_gamma", "2.0", "how much the class loss leaves easy anchors aside"),
    _later("alpha", "1.0", "weight of the box loss beside the class loss"),
    _later(
        "neg_pos_ratio",
        "3",
        "background anchors in the loss for every positive one, the hardest",
        "yes; refused under strict-tlt",
    ),
    _later("pos_iou_thresh", "0.5", "overlap (IoU) from which an anchor takes an object", _FIXED),
    _later("neg_iou_thresh", "0.5", "overlap below which it is background; between the two it is in no loss", _FIXED),
)

_RATE = "learning_rate.soft_start_annealing_schedule."
_COSINE = "learning_rate.soft_start_cosine_annealing_schedule."
_REFUSED = "yes; refused under strict-tlt"
_TRAINING = (
    _shared("batch_size_per_gpu", "needed", "images a step on each GPU"),
    _shared("num_epochs", "needed", "passes over the training images"),
    _shared("checkpoint_interval", "1", "the checkpoint of every so many epochs is kept, and the last"),
    _shared(f"{_RATE}min_learning_rate", "needed", "learning rate at the start and at the end"),
    _shared(f"{_RATE}max_learning_rate", "needed", "learning rate between the two ramps"),
    _shared(f"{_RATE}soft_start", "needed", "share of the training after which the rate has climbed to its maximum"),
    _shared(f"{_RATE}annealing", "needed", "share of the training after which the rate falls again"),
    _shared(f"{_COSINE}min_learning_rate", "needed", "learning rate at the start, and about that at the end", _REFUSED),
    _shared(f"{_COSINE}max_learning_rate", "needed", "learning rate after the climb", _REFUSED),
    _shared(
        f"{_COSINE}soft_start", "0", "share of the training after which the rate has climbed to its maximum", _REFUSED
    ),
    _shared("regularizer.type", "NO_REG", "penalty on the weights of convolutions: NO_REG, L1 or L2"),
    _shared("regularizer.weight", "needed but for NO_REG", "factor of that penalty"),
    _later("optimizer.sgd.momentum", "0.9", "share of the last step that goes on into the next", NOT_STRICT),
    _later("optimizer.sgd.nesterov", "false", "Nesterov's form of momentum", NOT_STRICT),
    _later("optimizer.adam.epsilon", "1e-7", "Adam in place of SGD: added to the divisor", NOT_STRICT),
    _later("optimizer.adam.beta1", "0.9", "decay of the mean of gradients", NOT_STRICT),
    _later("optimizer.adam.beta2", "0.999", "decay of the mean of their squares", NOT_STRICT),
    _later("optimizer.adam.amsgrad", "false", "divide by the largest mean square so far", NOT_STRICT),
    _later(
        "optimizer.rmsprop.rho", "0.9", "RMSprop in place of SGD: decay of the mean of squared gradients", NOT_STRICT
    ),
    _later("optimizer.rmsprop.momentum", "0", "share of the last step that goes on into the next", NOT_STRICT),
    _later("optimizer.rmsprop.epsilon", "1e-7", "added to the divisor", NOT_STRICT),
    _later("optimizer.rmsprop.centered", "false", "divide by the variance of gradients", NOT_STRICT),
    _later("early_stopping.monitor", "needed", "end early by loss or validation_loss (val_loss is the same)"),
    _later(
        "early_stopping.patience",
        "0",
        "epochs without an improvement before the end; only epochs that measure it count",
    ),
    _later("early_stopping.min_delta", "0", "a smaller fall is no improvement"),
    _shared("n_workers", "chosen by the program", "processes that load images"),
    _shared("enable_qat", "false", "quantisation-aware training", NO),
    _shared("max_queue_size", "", "queue of Keras", NO),
    _shared("use_multiprocessing", "", "processes in place of threads for Keras", NO),
    _later("model_ema", "false", "detect with a moving average of the weights, as by --ema of tlt-train", NOT_STRICT),
    _later("visualizer.enabled", "false", "TensorBoard events; written in any case where tensorboard is installed", NO),
    _later("visualizer.num_images", "", "augmented images shown in TensorBoard; there are 8", NO),
    _later("visualizer.weight_histograms", "", "histograms of the weights; there are none", NO),
    _later("visualizer.wandb_config", "", "log to Weights & Biases; nothing is sent anywhere", NO),
    _later("visualizer.clearml_config", "", "log to ClearML; nothing is sent anywhere", NO),
    _later("cost_scaling", "", "loss scaling; the programs choose it with the precision", NO),
    _later("resume_model_path", "", "SSD takes it by -m of tlt-train", NO),
    _later("pretrain_model_path", "", "SSD takes it by -m of tlt-train", NO),
    _later("pruned_model_path", "", "SSD takes it by -m of tlt-train", NO),
)

_EVALUATION = (
    _shared("validation_period_during_training", "needed", "validate after every so many epochs"),
    _shared(
        "average_precision_mode", "SAMPLE", "SAMPLE: 11 points of the curve (VOC 2007); INTEGRATE: the area below it"
    ),
    _shared("batch_size", "needed", "images a step in validation, and in inference"),
    _shared("matching_iou_threshold", "needed", "overlap (IoU) from which a detection counts as right"),
    _later("visualize_pr_curve", "false", "precision over recall as a image"),
)
_NMS = (
    _shared("confidence_threshold", "needed", "detections with a lower score are dropped; keep it low, 0.01"),
    _shared(
        "clustering_iou_threshold", "needed", "of two detections of a class that overlap (IoU) more, the weaker goes"
    ),
    _shared("top_k", "needed", "most detections on an image"),
    _shared("infer_nms_score_bits", "", "bits of scores in TensorRT's plugin", NO),
    _shared("force_on_cpu", "", "never read", NO),
)

_OLD_PICTURES = (
    _earlier("preprocessing.output_image_width", "needed", "width of the network's input in pixels"),
    _earlier("preprocessing.output_image_height", "needed", "height of the network's input in pixels"),
    _earlier("preprocessing.output_image_channel", "3", "3 colours, or 1: grey"),
    _earlier("preprocessing.crop_left", "0", "the part of stored images that is used: left edge in pixels"),
    _earlier("preprocessing.crop_top", "0", "top edge"),
    _earlier("preprocessing.crop_right", "the whole image", "right edge; that of the input with crop_bottom: no crop"),
    _earlier("preprocessing.crop_bottom", "the whole image", "bottom edge"),
    _earlier("preprocessing.min_bbox_width", "0", "narrower boxes of augmented images are dropped, in pixels"),
    _earlier("preprocessing.min_bbox_height", "0", "flatter boxes are dropped, in pixels"),
    _earlier("preprocessing.scale_width", "", "never read by SSD", NO),
    _earlier("preprocessing.scale_height", "", "never read by SSD", NO),
    _earlier("spatial_augmentation.hflip_probability", "0", "how often an image is mirrored left to right"),
    _earlier("spatial_augmentation.vflip_probability", "0", "how often an image is mirrored top to bottom"),
    _earlier("spatial_augmentation.zoom_min", "1", "smallest magnification; below 1 shrinks the image"),
    _earlier("spatial_augmentation.zoom_max", "1", "largest magnification"),
    _earlier("spatial_augmentation.translate_max_x", "0", "largest shift to either side, in pixels of the input"),
    _earlier("spatial_augmentation.translate_max_y", "0", "largest shift up or down, in pixels of the input"),
    _earlier("spatial_augmentation.rotate_rad_max", "0", "largest turn to either side, in radians"),
    _earlier("color_augmentation.color_shift_stddev", "0", "standard deviation of a shift of each colour, 1 is white"),
    _earlier("color_augmentation.hue_rotation_max", "0", "largest turn of the hue, in degrees"),
    _earlier("color_augmentation.saturation_shift_max", "0", "largest relative change of the saturation"),
    _earlier("color_augmentation.contrast_scale_max", "0", "largest relative change of the contrast"),
    _earlier("color_augmentation.contrast_center", "0.5", "level that contrast leaves alone, 0 black to 1 white"),
)
_PICTURES = (
    _later("output_width", "needed", "width of the network's input in pixels"),
    _later("output_height", "needed", "height of the network's input in pixels"),
    _later("output_channel", "needed", "3 colours, or 1: grey"),
    _drawn("random_crop_min_scale", "smallest crop, as a share of the image's sides; min = max = 1.0: no crops"),
    _drawn("random_crop_max_scale", "largest crop"),
    _drawn("random_crop_min_ar", "narrowest crop, width / height"),
    _drawn("random_crop_max_ar", "widest crop"),
    _drawn("zoom_out_min_scale", "smallest canvas that an image is put on, in sides of it; min = max = 1.0: none"),
    _drawn("zoom_out_max_scale", "largest canvas"),
    _later("brightness", "0", "largest change of brightness, of 255 levels"),
    _later("contrast", "0", "largest relative change of the contrast"),
    _later("saturation", "0", "largest relative change of the saturation"),
    _later("hue", "0", "largest turn of the hue: in steps of 2 degrees; with TFRecords in degrees"),
    _later("random_flip", "0", "how often an image is mirrored left to right"),
    _later("image_mean", "b 103.939, g 116.779, r 123.68", "subtracted from the input; grey: l, 117.3786 when unset"),
)
_DATA = (
    _shared("data_sources.tfrecords_path", "", "glob of TFRecord files"),
    _shared("data_sources.image_directory_path", "", "folder of the images"),
    _earlier("data_sources.source_weight", "1", "how often images of this source are shown, relative to the others"),
    _later("data_sources.label_directory_path", "", "folder of KITTI labels, in place of TFRecords"),
    _later("data_sources.root_path", "", "never read", NO),
    _later("validation_data_sources.image_directory_path", "no validation", "folder of the images to validate on"),
    _later("validation_data_sources.label_directory_path", "", "folder of their KITTI labels"),
    _later("validation_data_sources.tfrecords_path", "", "TFRecord files in place of labels", _REFUSED),
    _later("validation_data_sources.root_path", "", "never read", NO),
    _earlier(
        "image_extension",
        "jpg",
        "extension of the images that the frame ids of the records lack; auto: any",
    ),
    _shared("target_class_mapping", "needed", "class in the data to class to train; repeated; others are left out"),
    _earlier("validation_fold", "no fold", "the fold of the training records that validates"),
    _earlier("validation_data_source.tfrecords_path", "no validation", "glob of the TFRecord files to validate on"),
    _earlier("validation_data_source.image_directory_path", "", "folder of their images"),
    _earlier("validation_data_source.source_weight", "", "has no meaning here", NO),
    _shared("include_difficult_in_training", "true", "whether objects marked as difficult are trained on", NOT_STRICT),
    _later("type", "", "never read", NO),
)

_TABLE: tuple[Field, ...] = (
    _shared("random_seed", "0", "start of every random choice"),
    *_section("ssd_config", *_ANCHORS, *_NETWORK, *_LOSS),
    _later("dssd_config", "", "the section of a DSSD, in place of ssd_config and with its fields", "by dssd"),
    *_section("training_config", *_TRAINING),
    *_section("eval_config", *_EVALUATION),
    *_section("nms_config", *_NMS),
    *_section("augmentation_config", *_OLD_PICTURES, *_PICTURES),
    *_section("dataset_config", *_DATA),
)

FIELDS: tuple[Field, ...] = tuple(field_facts.added(field) for field in _TABLE)


def derived(section: str) -> Mapping[str, Callable[[Any], Any]]:
    """What lists of anchors that are not written mean, in the section of the network."""
    return {
        f"{section}.scales": lambda message: anchors.scales(getattr(message, section)),
        f"{section}.aspect_ratios": lambda message: anchors.aspect_ratios(getattr(message, section)),
    }


DERIVED = derived("ssd_config")
