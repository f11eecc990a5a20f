"""S24 to S29: training specs in YAML."""

from typing import Any

from rule_example import Example, edited

SOURCE = "{image_dir: /d, json_file: /d/a.json}"
DATASET = f"dataset: {{train_data_sources: [{SOURCE}], classes: [a, b], batch_size: 4}}\n"
TRAIN = "train: {num_epochs: 20, optim: {lr: 0.1}}\n"
BOXLESS = "resnet18, box: false, local_features: false"
MULTITASK = f"dataset: {{train_data_sources: [{SOURCE}], classes: [a, b]}}\n{TRAIN}model: {{backbone: resnet18}}\n"


def plain(kind: str, old: str, new: str, at: str | None, good: str = DATASET + TRAIN, **more: Any) -> Example:
    return Example(kind, edited(good, old, new), good, at, **more)


def optim(text: str, at: str, kind: str = "faster_rcnn", **more: Any) -> Example:
    return plain(kind, "lr: 0.1", f"lr: 0.1, {text}", at, **more)


def section(kind: str, text: str, at: str, **more: Any) -> Example:
    """Of a spec with another section."""
    return Example(kind, f"{DATASET}{TRAIN}{text}\n", DATASET + TRAIN, at, **more)


def dataset(kind: str, text: str, at: str, **more: Any) -> Example:
    return plain(kind, "batch_size: 4", f"batch_size: 4, {text}", at, **more)


def multitask(text: str, at: str, old: str = "classes: [a, b]") -> Example:
    return Example("multitask", edited(MULTITASK, old, text), MULTITASK, at)


EXAMPLES = {
    "S241": plain("yolox", f"[{SOURCE}]", "[]", "train_data_sources"),
    "S242": plain("yolox", SOURCE, "{image_dir: /d}", "{image_dir"),
    "S243": plain("yolox", SOURCE, "{path: /p, image_dir: /d, json_file: /d/a.json}", "{path"),
    "S244": plain("yolox", "json_file: /d/a.json}", "json_file: /d/a.json, format: voc}", "format"),
    "S246": plain("yolox", "[a, b]", "[a, A]", "classes"),
    "S247": plain("hrnet", "[a, b]", "[]", "classes"),
    "S248": dataset("yolox", "class_mapping: [{name: c, mapping_class: d}]", "mapping_class"),
    "S249": dataset("yolox", "class_mapping: [{name: c, mapping_class: a}, {name: C, mapping_class: b}]", "name: C"),
    "S250": optim("optimizer: adam, nesterov: true", "nesterov"),
    "S251": optim("lr_scheduler: multistep", "optim"),
    "S252": optim("lr_steps: [8]", "lr_steps"),
    "S253": optim("lr_scheduler: poly, lr_min: 0.2", "lr_min"),
    "S254": optim("lr_scheduler: cosine, lr_flat_epochs: 20", "lr_flat_epochs"),
    "S255": plain("unet", "num_epochs: 20, optim: {", "num_iterations: 9, optim: {warmup_epochs: 1, ", "warmup_epochs"),
    "S260": section("faster_rcnn", "model: {backbone: {returned_layers: [4, 5]}}", "returned_layers"),
    "S261": section("mask_rcnn", "model: {anchor_sizes: [[32], [64]]}", "anchor_sizes"),
    "S263": section("faster_rcnn", "model: {max_size: 700}", "max_size"),
    "S265": plain("unet", "[a, b]", "[a, Background]", "classes"),
    "S266": section("unet", "loss: {class_weights: [1, 1]}", "class_weights"),
    "S267": section("unet", "loss: {loss: dice, class_weights: [1, 1, 1]}", "class_weights"),
    "S268": section("unet", "model: {decoder_channels: [64]}", "decoder_channels"),
    "S269": section("unet", "model: {encoder: mit_b0}", "encoder"),
    "S270": plain(
        "unet", "batch_size: 4", "batch_size: 1", "batch_size", f"{DATASET}{TRAIN}model: {{arch: upernet}}\n"
    ),
    "S271": optim("lr_scheduler: step, lr_decay_epochs: 3", "lr_decay_epochs", "unet"),
    "S272": optim("lr_scheduler: poly, lr_decay_epochs: 3", "lr_decay_epochs", "unet"),
    "S273": dataset("unet", "augmentation: {crop_area: [0.9, 0.5]}", "crop_area"),
    "S274": section("unet", "evaluate: {primary: boundary_F1}", "primary"),
    "S275": plain("unet", "num_epochs: 20", "pretrained_model_path: /w/resnet18_ssl.pth", "pretrained_model_path"),
    "S280": dataset("yolox", "augmentation: {mosaic_scale: [2, 1]}", "mosaic_scale"),
    "S281": dataset("yolox", "augmentation: {multi_scale: 20}", "multi_scale"),
    "S282": plain("yolox", "num_epochs: 20", "num_iterations: 20", "num_iterations"),
    "S283": dataset("yolox", "augmentation: {closing_epochs: 21}", "closing_epochs"),
    "S290": multitask("classes: [a, b], attributes: [c, c]", "attributes"),
    "S291": multitask("classes: [a, b], category_types: [upper_body]", "category_types"),
    "S292": multitask("classes: [a, b], resize: 32", "resize"),
    "S293": multitask("resnet18, box: false, local_features: true", "local_features", "resnet18"),
    "S294": Example(
        "multitask",
        edited(edited(MULTITASK, "resnet18", "resnet18, heads: per_type"), "[a, b]", "[a, b], category_types: []"),
        MULTITASK,
        "heads",
    ),
    "S295": Example(
        "multitask",
        edited(
            f"{MULTITASK}evaluate: {{primary: box_iou}}\n", "resnet18", "resnet18, box: false, local_features: false"
        ),
        MULTITASK,
        "primary",
    ),
}
