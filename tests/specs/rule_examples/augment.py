"""S20 and S21: offline augmentation, in text and in YAML."""

from rule_example import Example, edited

TEXT = "spatial_config { } color_config { }\noutput_image_width: 288\noutput_image_height: 288\n"
YAML = """
data: {dataset_type: kitti, image_dir: /i, ann_path: /a, output_dataset: /o}
spatial_aug: {rotation: {angle: [10]}, shear: {shear_ratio_x: [2]}}
results_dir: /o
"""


def text(old: str, new: str, at: str) -> Example:
    return Example("augment", edited(TEXT, old, new), TEXT, at)


def yaml(old: str, new: str, at: str | None) -> Example:
    return Example("augment", edited(YAML, old, new), YAML, at)


EXAMPLES = {
    "S201": text("288", "-1", "output_image_width"),
    "S202": Example("augment", edited(TEXT, "output_image_height: 288\n", ""), TEXT, None),
    "S203": text("spatial_config { }", "spatial_config { rotation_config { angle: 3 } }", "rotation_config"),
    "S204": text(
        "spatial_config { }",
        "spatial_config { shear_config { shear_ratio_x: 2 shear_ratio_y: 0.5 } }",
        "shear_ratio_y",
    ),
    "S205": text("color_config { }", "blur_config { size: 2.5 }", "size"),
    "S206": text("color_config { }", "blur_config { size: 4 }", "size"),
    "S207": text("color_config { }", "blur_config { }", "blur_config"),
    "S208": text("color_config { }", "color_config { hue_saturation_config { } }", "hue_saturation_config"),
    "S209": text("color_config { }", "partition_config { }", "partition_config"),
    "S211": yaml("image_dir: /i", "output_image_width: 288, image_dir: /i", "output_image_width"),
    "S212": yaml("[2]}", "[2], shear_ratio_y: [0.5]}", "shear_ratio_y"),
    "S213": yaml("angle: [10]", "angle: [10], refine_box: {enabled: true}", "enabled"),
    "S214": yaml("results_dir: /o", "results_dir: /o\nnum_gpus: 3", "num_gpus"),
    "S215": yaml("results_dir: /o", "results_dir: /other", "output_dataset"),
    "S216": yaml("angle: [10]", "angle: [10], units: turns", "units"),
    "S217": yaml(
        "results_dir: /o", "results_dir: /o\ncolor_aug: {saturation: {saturation_shift: []}}", "saturation_shift"
    ),
    "S218": yaml("angle: [10]", "angle: [10], refine_box: {gt_cache: /g}", "gt_cache"),
}
