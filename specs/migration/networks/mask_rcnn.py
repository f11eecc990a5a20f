"""TAO's Mask R-CNN to torchvision's: the same network, but for its weights and how it is fed."""

from __future__ import annotations

from collections.abc import Mapping

from specs.arithmetic import numbers
from specs.migration import tao_rcnn
from specs.migration.rewriting import Rewriting, Row
from specs.migration.tao_data import replaced
from specs.migration.tao_training import WEIGHTS

NAMES = ("mask_rcnn",)
TARGET = "mask_rcnn"
RENAMED: Mapping[str, str] = {}
MODEL, DATA = "maskrcnn_config", "data_config"

RECORDS = "records of TAO's Mask R-CNN are not read here; COCO's annotations, which they were made of, are"
LOSSES = "the losses weigh the same"
FIXED = "torchvision's is fixed: 10, 10, 5, 5"
OCTAVE = 12
"""Most anchors between one size and twice that."""
MOST_CLASSES = 10_000
MASKS = "masks are learnt on 28 x 28 cells"

FIELDS = (
    Row("seed", "train.seed"),
    Row("use_amp", effect="write tlt-train --use_amp", same=(False,)),
    Row("warmup_steps", "train.optim.warmup_steps"),
    Row("warmup_learning_rate", "train.optim.warmup_factor"),
    Row("init_learning_rate", "train.optim.lr"),
    Row("learning_rate_steps", "train.optim.lr_steps"),
    Row("learning_rate_decay_levels", "train.optim.lr_decay"),
    Row("momentum", "train.optim.momentum"),
    Row("l2_weight_decay", "train.optim.weight_decay"),
    Row("l1_weight_decay", effect="there is no L1 here", same=(0, 0.0)),
    Row("global_gradient_clip_ratio", "train.clip_grad_norm"),
    Row("checkpoint", effect=WEIGHTS, same=("",)),
    Row("pruned_model_path", effect=WEIGHTS, same=("",)),
    Row("skip_checkpoint_variables"),
    Row("total_steps", "train.num_iterations"),
    Row("num_epochs", "train.num_epochs"),
    Row("num_examples_per_epoch"),
    Row("num_steps_per_eval", "train.validation_interval"),
    Row("train_batch_size", "dataset.batch_size"),
    Row("eval_batch_size", "evaluate.batch_size"),
    Row("report_frequency"),
    Row("logging_frequency"),
    Row("visualize_images_summary"),
    Row(f"{DATA}.image_size", "model.min_size"),
    Row(f"{DATA}.augment_input_data", "dataset.augmentation.random_flip", how=lambda on: 0.5 if on else 0.0),
    Row(f"{DATA}.num_classes", "dataset.classes"),
    Row(f"{DATA}.skip_crowd_during_training", effect="crowds are not trained on", same=(True,)),
    Row(f"{DATA}.training_file_pattern", effect=RECORDS),
    Row(f"{DATA}.validation_file_pattern", effect=RECORDS),
    Row(f"{DATA}.val_json_file", "dataset.val_data_sources"),
    Row(f"{DATA}.eval_samples", effect="all validation images count"),
    Row(f"{DATA}.prefetch_buffer_size"),
    Row(f"{DATA}.shuffle_buffer_size", effect="images come in another order in every epoch"),
    Row(f"{DATA}.n_workers", "dataset.workers"),
    Row(f"{DATA}.max_num_instances", effect="no image has too many objects"),
    Row(f"{MODEL}.arch", "model.backbone.type"),
    Row(f"{MODEL}.nlayers", "model.backbone.type"),
    Row(f"{MODEL}.freeze_bn", effect=tao_rcnn.FROZEN, same=(False,)),
    Row(f"{MODEL}.freeze_blocks", effect=tao_rcnn.FROZEN, same=("", "[]")),
    Row(f"{MODEL}.gt_mask_size", effect=MASKS),
    Row(f"{MODEL}.mrcnn_resolution", effect=MASKS, same=(28,)),
    Row(f"{MODEL}.include_mask", effect="masks are learnt all the same; network faster_rcnn has none", same=(True,)),
    Row(f"{MODEL}.rpn_positive_overlap", "model.rpn.fg_iou_thresh"),
    Row(f"{MODEL}.rpn_negative_overlap", "model.rpn.bg_iou_thresh"),
    Row(f"{MODEL}.rpn_batch_size_per_im", "model.rpn.batch_size_per_image"),
    Row(f"{MODEL}.rpn_fg_fraction", "model.rpn.positive_fraction"),
    Row(f"{MODEL}.rpn_min_size", effect="small proposals are kept", same=(0, 0.0)),
    Row(f"{MODEL}.batch_size_per_im", "model.box.batch_size_per_image"),
    Row(f"{MODEL}.fg_fraction", "model.box.positive_fraction"),
    Row(f"{MODEL}.fg_thresh", "model.box.fg_iou_thresh"),
    Row(f"{MODEL}.bg_thresh_hi", "model.box.bg_iou_thresh"),
    Row(f"{MODEL}.bg_thresh_lo", effect="every proposal below is background", same=(0, 0.0)),
    Row(f"{MODEL}.fast_rcnn_mlp_head_dim", "model.box.representation_size"),
    Row(f"{MODEL}.bbox_reg_weights", effect=FIXED, same=("(10., 10., 5., 5.)", "(10.0, 10.0, 5.0, 5.0)")),
    Row(f"{MODEL}.train_rpn_pre_nms_topn", "model.rpn.pre_nms_top_n_train"),
    Row(f"{MODEL}.train_rpn_post_nms_topn", "model.rpn.post_nms_top_n_train"),
    Row(f"{MODEL}.train_rpn_nms_threshold", "model.rpn.nms_thresh"),
    Row(f"{MODEL}.test_detections_per_image", "model.box.detections_per_img"),
    Row(f"{MODEL}.test_nms", "model.box.nms_thresh"),
    Row(f"{MODEL}.test_rpn_pre_nms_topn", "model.rpn.pre_nms_top_n_test"),
    Row(f"{MODEL}.test_rpn_post_nms_topn", "model.rpn.post_nms_top_n_test"),
    Row(f"{MODEL}.test_rpn_nms_thresh", effect="the threshold is that of the training", same=(0.7,)),
    Row(f"{MODEL}.min_level", "model.backbone.returned_layers"),
    Row(f"{MODEL}.max_level", "model.backbone.returned_layers"),
    Row(f"{MODEL}.num_scales", "model.anchor_sizes"),
    Row(f"{MODEL}.anchor_scale", "model.anchor_sizes"),
    Row(f"{MODEL}.aspect_ratios", "model.aspect_ratios"),
    Row(f"{MODEL}.rpn_box_loss_weight", effect=LOSSES, same=(1, 1.0)),
    Row(f"{MODEL}.fast_rcnn_box_loss_weight", effect=LOSSES, same=(1, 1.0)),
    Row(f"{MODEL}.mrcnn_weight_loss_mask", effect=LOSSES, same=(1, 1.0)),
)
WHOLE = ("wandb_config", "clearml_config")


def migrate(spec: Rewriting) -> None:
    """Backbone, size, anchors, length, rates and data."""
    spec.note("the network", "torchvision's Mask R-CNN: the same network; TAO's weights do not fit it")
    _backbone(spec)
    height, width = _pair(spec, f"{DATA}.image_size") or (832, 1344)
    if spec.has(f"{DATA}.image_size"):
        spec.put("model.min_size", [min(height, width)], f"{DATA}.image_size", effect=tao_rcnn.SIDES)
        spec.also("model.max_size", max(height, width), f"{DATA}.image_size")
    _anchors(spec)
    spec.also("model.mask.layers", [256, 256, 256, 256])
    per_epoch = _per_epoch(spec)
    _length(spec, per_epoch)
    _rates(spec, per_epoch)
    _data(spec)


def _backbone(spec: Rewriting) -> None:
    layers = spec.number(f"{MODEL}.nlayers", 50)
    if layers not in tao_rcnn.RESNETS:
        raise spec.error(f"{MODEL}.nlayers", f"nlayers must be 10, 18, 34, 50 or 101, not {layers}")
    name = tao_rcnn.RESNETS[layers]
    effect = "" if name == f"resnet{layers}" else f"resnet{layers} gives way to the nearest backbone that there is"
    spec.put("model.backbone.type", name, f"{MODEL}.nlayers", f"{MODEL}.arch", effect=effect)


def _list(spec: Rewriting, path: str) -> list[float]:
    """Numbers in text: "[1, 2]" or "(1, 2)". Raises SpecError."""
    text = str(spec.value(path, "")).strip()
    if text.startswith("(") and text.endswith(")"):
        text = f"[{text[1:-1]}]"
    try:
        found = numbers(text)
    except ValueError as problem:
        raise spec.error(path, f"{path.rpartition('.')[2]}: {problem}") from None
    if not all(isinstance(number, (int, float)) for number in found):
        raise spec.error(path, f"{path.rpartition('.')[2]} takes a list of numbers")
    return found


def _pair(spec: Rewriting, path: str) -> tuple[int, int] | None:
    if not spec.has(path):
        return None
    found = _list(spec, path)
    if len(found) != 2:
        raise spec.error(path, f"{path.rpartition('.')[2]} takes two numbers, not {len(found)}")
    return int(found[0]), int(found[1])


def _anchors(spec: Rewriting) -> None:
    """One side a level, times the octaves of ``num_scales``; ratios from pairs of widths and heights."""
    low, high = spec.whole(f"{MODEL}.min_level", 2), spec.whole(f"{MODEL}.max_level", 6)
    count, scale = spec.whole(f"{MODEL}.num_scales", 1) or 1, spec.number(f"{MODEL}.anchor_scale", 8) or 8
    if not 1 <= count <= OCTAVE:
        raise spec.error(f"{MODEL}.num_scales", f"num_scales must be from 1 to {OCTAVE}, not {count}")
    if not 2 <= low < high <= 6:
        raise spec.error(f"{MODEL}.max_level", f"levels from {low} to {high}: a pyramid here has those from 2 to 6")
    layers = list(range(low - 1, min(high - 1, 4) + 1))
    if layers != [1, 2, 3, 4]:
        spec.put("model.backbone.returned_layers", layers, f"{MODEL}.min_level", f"{MODEL}.max_level",
                 effect="one more level, above these, has anchors" if high < 6 else "")  # fmt: skip
    else:
        for name in ("min_level", "max_level"):
            spec.moved(f"{MODEL}.{name}", "model.backbone.returned_layers")
    sides = [[round(2**level * scale * 2 ** (octave / count), 2) for octave in range(count)]
             for level in range(low, low + len(layers) + 1)]  # fmt: skip
    spec.put("model.anchor_sizes", sides, f"{MODEL}.anchor_scale", f"{MODEL}.num_scales")
    path = f"{MODEL}.aspect_ratios"
    if spec.has(path):
        text = str(spec.value(path)).replace("(", "[").replace(")", "]")
        try:
            ratios = [round(height / width, 4) for width, height in numbers(text)]
        except (ValueError, TypeError, ZeroDivisionError):
            raise spec.error(path, "aspect_ratios takes a list of pairs: [(1.0, 1.0), (1.4, 0.7)]") from None
        spec.put("model.aspect_ratios", ratios, path)


def _per_epoch(spec: Rewriting) -> float | None:
    """Steps of an epoch; None where the spec does not say."""
    examples, batch = spec.number("num_examples_per_epoch"), spec.number("train_batch_size", 1) or 1
    return max(1.0, examples / batch) if examples else None


def _length(spec: Rewriting, per_epoch: float | None) -> None:
    if spec.number("num_epochs"):
        spec.put("train.num_epochs", spec.number("num_epochs"), "num_epochs")
        spec.drop("total_steps", "epochs count, as there")
    elif spec.number("total_steps"):
        spec.put("train.num_iterations", spec.number("total_steps"), "total_steps")
        spec.drop("num_epochs")
    steps = spec.number("num_steps_per_eval")
    if steps and per_epoch:
        interval = max(1, round(steps / per_epoch))
        spec.put("train.validation_interval", interval, "num_steps_per_eval", effect="whole epochs")
        spec.also("train.checkpoint_interval", interval, "num_steps_per_eval")
    else:
        spec.drop("num_steps_per_eval", "the model is validated and kept after every epoch")


def _rates(spec: Rewriting, per_epoch: float | None) -> None:
    """Warm-up on a straight line, then drops; by epochs where the training counts them."""
    rate = spec.number("init_learning_rate", 0.0)
    by_epochs = bool(spec.number("num_epochs"))
    if spec.has("init_learning_rate"):
        spec.put("train.optim.lr", rate, "init_learning_rate")
    if spec.has("warmup_learning_rate") and rate:
        factor = min(round(spec.number("warmup_learning_rate") / rate, 8), 1.0)
        spec.put("train.optim.warmup_factor", factor, "warmup_learning_rate")
    if by_epochs and per_epoch and spec.has("warmup_steps"):
        spec.put("train.optim.warmup_epochs", round(spec.number("warmup_steps") / per_epoch, 4), "warmup_steps")
    if not spec.has("learning_rate_steps"):
        return
    if by_epochs and not per_epoch:
        spec.drop("learning_rate_steps", "the rate stays: it falls after steps, and how many an epoch has is not said")
        return
    steps = [round(step / per_epoch) if by_epochs and per_epoch else int(step)
             for step in _list(spec, "learning_rate_steps")]  # fmt: skip
    levels = _list(spec, "learning_rate_decay_levels") or [0.1]
    if len(levels) != len(steps) or not all(0 < level < 1 for level in levels):
        raise spec.error("learning_rate_decay_levels", f"{len(steps)} levels between 0 and 1 are needed, one a step")
    kept, exact = _drops(steps, levels)
    spec.also("train.optim.lr_scheduler", "multistep")
    told = "" if exact else f"each drop is by {levels[0]:g} here: drops that do not come near one are left out"
    spec.put("train.optim.lr_steps", kept, "learning_rate_steps")
    spec.put("train.optim.lr_decay", levels[0], "learning_rate_decay_levels", effect=told)


def _drops(steps: list[int], levels: list[float]) -> tuple[list[int], bool]:
    """The steps at which a rate that always falls by the first of ``levels`` comes nearest to them; whether it is
    they."""
    factor, now, kept, exact = levels[0], 1.0, list[int](), True
    for step, level in zip(steps, levels, strict=True):
        if level <= now * factor * 1.5 and step > (kept[-1] if kept else 0):
            now *= factor
            kept.append(step)
        exact &= abs(level - now) < 1e-6 * now
    return kept, exact


def _data(spec: Rewriting) -> None:
    """COCO's annotations: those of the validation data are named, those to train on are in records."""
    names = f"{DATA}.num_classes"
    count = spec.whole(names, 2) - 1
    if not 1 <= count <= MOST_CLASSES:
        raise spec.error(names, f"num_classes must be from 2 to {MOST_CLASSES + 1}, not {count + 1}")
    if spec.data is not None:
        replaced(spec)
        spec.drop(f"{DATA}.val_json_file", "the data of --data validate")
        spec.also("dataset.classes", list(spec.data.classes))
        effect = "" if len(spec.data.classes) == count else f"the data set has {len(spec.data.classes)} classes"
        spec.drop(names, effect)
        return
    folder = "/workspace/data/images"
    spec.listed("dataset.train_data_sources",
                [{"image_dir": f"{folder}/train", "json_file": "/workspace/data/annotations/train.json"}])  # fmt: skip
    spec.need("dataset.train_data_sources", f"COCO's annotations and images to train on; {RECORDS}")
    annotations = str(spec.value(f"{DATA}.val_json_file", "/workspace/data/annotations/val.json"))
    spec.listed("dataset.val_data_sources", [{"image_dir": f"{folder}/val", "json_file": annotations}])
    spec.moved(f"{DATA}.val_json_file", "dataset.val_data_sources")
    spec.need("dataset.val_data_sources", "the folder of the images to validate on")
    spec.put("dataset.classes", [f"class_{number}" for number in range(1, count + 1)], names,
             effect="the background is no class here")  # fmt: skip
    spec.need("dataset.classes", "the names of the classes, as COCO's annotations have them")
