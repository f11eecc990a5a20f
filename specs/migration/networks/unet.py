"""TAO's Unet to that of segmentation-models-pytorch: classes of pixels from images and index PNGs."""

from __future__ import annotations

from collections.abc import Mapping

from specs.migration import tao_masks
from specs.migration.rewriting import Rewriting, Row
from specs.migration.tao_data import replaced
from specs.migration.tao_masks import CLASSES, DATA
from specs.migration.tao_training import QAT, WEIGHTS, regularizer
from specs.sections import STRIDE

NAMES = ("unet",)
TARGET = "unet"
RENAMED: Mapping[str, str] = {
    "data_class_config": "dataset_config.data_class_config",
    "training_config.data_class_config": "dataset_config.data_class_config",
}
MODEL, TRAINING = "model_config", "training_config"
AUGMENTATION = f"{DATA}.augmentation_config"

LISTS = "lists of paths are not read here: folders of images and of masks are"
TEST = "tlt-evaluate and tlt-infer have options for other images"
PRETRAINED = "the encoder learns as a whole"

FIELDS = (
    Row("random_seed", "train.seed"),
    Row(f"{MODEL}.arch", "model.encoder"),
    Row(f"{MODEL}.num_layers", "model.encoder"),
    Row(f"{MODEL}.model_input_width", "dataset.width"),
    Row(f"{MODEL}.model_input_height", "dataset.height"),
    Row(f"{MODEL}.model_input_channels", effect="images are read in colour", same=(3,)),
    *(Row(f"{MODEL}.{name}") for name in (
        "use_pooling", "all_projections", "load_graph", "allow_loaded_model_modification", "remove_head")),
    Row(f"{MODEL}.use_batch_norm", effect="the network has normalisation layers", same=(True,)),
    Row(f"{MODEL}.training_precision.backend_floatx", effect="write tlt-train --use_amp for half precision",
        same=("FLOAT32", 2)),
    Row(f"{MODEL}.initializer"),
    Row(f"{MODEL}.activation", effect="classes exclude each other: softmax", same=("softmax", "")),
    Row(f"{MODEL}.dropout_rate", effect="nothing is dropped out", same=(0, 0.0)),
    Row(f"{MODEL}.freeze_bn", effect=PRETRAINED, same=(False,)),
    Row(f"{MODEL}.freeze_blocks", effect=PRETRAINED),
    Row(f"{MODEL}.freeze_pretrained_layers", effect=PRETRAINED, same=(False,)),
    *(Row(f"{MODEL}.{name}", effect=WEIGHTS, same=("",))
      for name in ("pretrained_model_file", "pruned_model_path", "byom_model")),
    Row(f"{MODEL}.enable_qat", effect=QAT, same=(False,)),
    Row(f"{TRAINING}.batch_size", "dataset.batch_size"),
    Row(f"{TRAINING}.epochs", "train.num_epochs"),
    Row(f"{TRAINING}.num_epochs", effect="nothing there either: TAO reads epochs"),
    Row(f"{TRAINING}.max_steps", "train.num_iterations"),
    Row(f"{TRAINING}.checkpoint_interval", "train.checkpoint_interval"),
    Row(f"{TRAINING}.learning_rate", "train.optim.lr"),
    Row(f"{TRAINING}.lr_scheduler.exponential_decay.decay_rate", "train.optim.lr_decay"),
    Row(f"{TRAINING}.lr_scheduler.exponential_decay.decay_steps", "train.optim.lr_step_size"),
    Row(f"{TRAINING}.lr_scheduler.cosine_decay.alpha", "train.optim.lr_min"),
    Row(f"{TRAINING}.lr_scheduler.cosine_decay.decay_steps", effect="the rate falls over the whole training"),
    Row(f"{TRAINING}.loss", "loss.loss"),
    Row(f"{TRAINING}.regularizer.type"),
    Row(f"{TRAINING}.regularizer.weight", "train.optim.weight_decay"),
    Row(f"{TRAINING}.weight_decay"),
    *(Row(f"{TRAINING}.optimizer.adam.{name}", effect="nothing there either: TAO's Unet has Adam's usual values")
      for name in ("epsilon", "beta1", "beta2")),
    Row(f"{TRAINING}.use_amp", effect="write tlt-train --use_amp", same=(False,)),
    Row(f"{TRAINING}.warmup_steps", "train.optim.warmup_steps"),
    *(Row(f"{TRAINING}.{name}") for name in (
        "log_summary_steps", "augment", "use_xla", "use_trt", "crossvalidation_idx", "weights_monitor",
        "buffer_size", "data_options")),
    Row(f"{DATA}.dataset"),
    Row(f"{DATA}.dataloader"),
    Row(f"{DATA}.augment", "dataset.augmentation.random_flip"),
    *(Row(f"{DATA}.{name}") for name in ("filter_data", "image_extension")),  # the second of old samples; no field
    Row(f"{DATA}.input_image_type", effect="images are read in colour", same=("color",)),
    Row(f"{DATA}.preprocess", "model.preprocess"),
    Row(f"{DATA}.resize_padding", "dataset.resize", how=lambda on: "letterbox" if on else "stretch"),
    Row(f"{DATA}.resize_method"),
    Row(f"{AUGMENTATION}.spatial_augmentation.hflip_probability", "dataset.augmentation.random_flip"),
    Row(f"{AUGMENTATION}.spatial_augmentation.vflip_probability", effect="no image is turned upside down"),
    Row(f"{AUGMENTATION}.spatial_augmentation.crop_and_resize_prob", "dataset.augmentation.random_crop"),
    Row(f"{AUGMENTATION}.spatial_augmentation.crop_and_resize_ratio", "dataset.augmentation.crop_area"),
    Row(f"{AUGMENTATION}.brightness_augmentation.delta", "dataset.augmentation.brightness"),
    *(Row(f"{DATA}.{split}_{kind}_path", f"dataset.{ours}")
      for split, ours in (("train", "train_data_sources"), ("val", "val_data_sources"))
      for kind in ("images", "masks")),
    *(Row(f"{DATA}.{split}_data_sources.data_source.{kind}_path", effect=LISTS)
      for split in ("train", "val") for kind in ("image", "masks")),
    *(Row(f"{DATA}.test_{kind}_path", effect=TEST) for kind in ("images", "masks")),
    *(Row(f"{DATA}.test_data_sources.data_source.{kind}_path", effect=TEST) for kind in ("image", "masks")),
    Row(f"{CLASSES}.name", "dataset.class_mapping"),
    Row(f"{CLASSES}.mapping_class", "dataset.classes"),
    Row(f"{CLASSES}.label_id"),
    Row(f"{CLASSES}.class_weight", "loss.class_weights"),
)  # fmt: skip
WHOLE = (f"{TRAINING}.visualizer", "evaluation_config")


def migrate(spec: Rewriting) -> None:
    """Encoder, size, augmentation, rates, data and classes."""
    spec.note("the network", "segmentation-models-pytorch's, with another decoder; TAO's weights do not fit it")
    _encoder(spec)
    for name in ("width", "height"):
        _side(spec, name)
    _augmentation(spec)
    preprocess = f"{DATA}.preprocess"
    scaled = str(spec.value(preprocess, "min_max_-1_1"))
    spec.put("model.preprocess", {"div_by_255": "min_max_0_1"}.get(scaled, scaled), preprocess)
    _length(spec)
    _rates(spec)
    if spec.data is not None:
        paths = [path for path, _ in spec.fields if path.startswith((f"{DATA}.train_", f"{DATA}.val_"))]
        replaced(spec)
        for path in paths:
            spec.drop(path, "the data of --data are trained on")
    else:
        _sources(spec)
    tao_masks.classes(spec)


def _encoder(spec: Rewriting) -> None:
    arch, layers = str(spec.value(f"{MODEL}.arch", "resnet")), spec.number(f"{MODEL}.num_layers", 18)
    names = {
        "resnet": f"resnet{max(18, layers)}" if layers in (10, 18, 34, 50, 101) else "",
        "vgg": f"vgg{layers}_bn" if layers in (16, 19) else "",
        "efficientnet_b0": "efficientnet-b0",
    }
    encoder = names.get(arch) or "resnet18"
    same = encoder.startswith((f"{arch}{layers}", "efficientnet"))
    effect = "" if same else f"{arch} of {layers} layers gives way to the nearest encoder that there is"
    spec.put("model.encoder", encoder, f"{MODEL}.arch", f"{MODEL}.num_layers", effect=effect)


def _side(spec: Rewriting, name: str) -> None:
    path = f"{MODEL}.model_input_{name}"
    if not spec.has(path):
        return
    side = int(spec.number(path))
    whole = max(STRIDE, -(-side // STRIDE) * STRIDE)
    effect = "" if whole == side else f"sides are multiples of {STRIDE} here"
    spec.put(f"dataset.{name}", whole, path, effect=effect)


def _augmentation(spec: Rewriting) -> None:
    """What TAO's does: flips, crops and brightness, or nothing."""
    here, ours = f"{AUGMENTATION}.spatial_augmentation", "dataset.augmentation"
    on = bool(spec.value(f"{DATA}.augment", False))
    spec.moved(f"{DATA}.augment", ours, "" if on else "no image is changed at random")
    brightness = f"{AUGMENTATION}.brightness_augmentation.delta"
    ratio = spec.number(f"{here}.crop_and_resize_ratio", 0.1) or 0.1
    drawn = {
        "random_flip": (f"{here}.hflip_probability", spec.number(f"{here}.hflip_probability", 0.5) or 0.5),
        "random_crop": (f"{here}.crop_and_resize_prob", spec.number(f"{here}.crop_and_resize_prob", 0.5) or 0.5),
        "brightness": (brightness, spec.number(brightness, 0.2) or 0.2),
    }
    for name, (path, value) in drawn.items():
        spec.put(f"{ours}.{name}", value if on else 0.0, path)
    if not on:
        spec.drop(AUGMENTATION)
    if on:
        area = [round(max(0.01, 1 - ratio) ** 2, 6), 1.0]
        spec.put(f"{ours}.crop_area", area, f"{here}.crop_and_resize_ratio")
    for name in ("contrast", "saturation", "hue", "cut_paste"):
        spec.also(f"{ours}.{name}", 0.0)
    spec.note("the augmentation", "contrast, saturation and hue stay as they are, nothing is pasted, as there")


def _length(spec: Rewriting) -> None:
    if spec.number(f"{TRAINING}.epochs"):
        spec.put("train.num_epochs", spec.number(f"{TRAINING}.epochs"), f"{TRAINING}.epochs")
        spec.drop(f"{TRAINING}.max_steps", "epochs count")
    elif spec.number(f"{TRAINING}.max_steps"):
        spec.put("train.num_iterations", spec.number(f"{TRAINING}.max_steps"), f"{TRAINING}.max_steps")


def _rates(spec: Rewriting) -> None:
    """Adam with its usual values, whatever the spec says; constant, or by one of two curves."""
    here, path = f"{TRAINING}.lr_scheduler", f"{TRAINING}.learning_rate"
    rate = spec.number(path, 0.0) or 1e-4
    spec.put("train.optim.lr", rate, path)
    regularizer(spec, factor=1.0)
    scheduler = "constant"
    if spec.has(f"{here}.cosine_decay"):
        scheduler = "cosine"
        alpha = f"{here}.cosine_decay.alpha"
        spec.put("train.optim.lr_min", rate * spec.number(alpha, 0.0), alpha)
    elif spec.has(f"{here}.exponential_decay") and spec.made.value("train.num_iterations"):
        scheduler = "step"
        decay = f"{here}.exponential_decay"
        spec.put("train.optim.lr_step_size", spec.number(f"{decay}.decay_steps", 1), f"{decay}.decay_steps")
        spec.put("train.optim.lr_decay", spec.number(f"{decay}.decay_rate", 1.0), f"{decay}.decay_rate")
    else:
        spec.drop(f"{here}.exponential_decay", "the rate stays as it is: how many steps an epoch has is not known here")
    spec.also("train.optim.lr_scheduler", scheduler)
    spec.also("train.optim.optimizer", "adam")


def _sources(spec: Rewriting) -> None:
    """Folders of images and masks."""
    for split, ours in (("train", "train_data_sources"), ("val", "val_data_sources")):
        paths = [f"{DATA}.{split}_images_path", f"{DATA}.{split}_masks_path"]
        images, masks = (str(spec.value(path, "")) for path in paths)
        if images and masks and not spec.has(f"{DATA}.{split}_data_sources"):
            spec.listed(f"dataset.{ours}", [{"image_dir": images, "format": "mask_png", "path": masks}])
            for path in paths:
                spec.moved(path, f"dataset.{ours}")
        elif split == "train":
            placeholder = {"image_dir": "/workspace/data/images", "format": "mask_png", "path": "/workspace/data/masks"}
            spec.listed(f"dataset.{ours}", [placeholder])
            spec.need(f"dataset.{ours}", f"folders of masks and of images, or --data DATASET; {LISTS}")
