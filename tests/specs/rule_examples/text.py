"""S0: text and schema."""

from rule_example import TLT3, Example, edited

YAML = """
dataset: {train_data_sources: [{image_dir: /d, json_file: /d/a.json}], classes: [a], batch_size: 4}
train: {num_epochs: 3, seed: 4}
"""


def in_text(old: str, new: str, at: str | None, **more: tuple[str, ...]) -> Example:
    return Example("ssd", edited(TLT3, old, new), TLT3, at, **more)


def in_yaml(old: str, new: str, at: str | None) -> Example:
    return Example("yolox", edited(YAML, old, new), YAML, at)


EXAMPLES = {
    "S002": in_text("random_seed: 42", "random_seed 42", "42"),
    "S003": Example("ssd", "\n", TLT3, None),
    "S004": in_text("num_epochs: 60", "num_epoch: 60", "num_epoch:"),
    "S005": in_text("num_epochs: 60", "num_epochs: many", "many"),
    "S006": in_yaml("num_epochs: 3, seed: 4", "num_epochs: 3, num_epochs: 4", "num_epochs: 4"),
    "S007": in_yaml("train_data_sources: [{image_dir: /d, json_file: /d/a.json}], ", "", "dataset"),
    "S008": Example("ssd", 'yolov3_config { big_anchor_shape: "[(1, 2)]" }', TLT3, "yolov3_config"),
    "S010": in_text("random_seed: 42", "# tltpipe: strict-tl\nrandom_seed: 42", "# tltpipe"),
    "S011": in_text("average_precision_mode: INTEGRATE", "average_precision_mode: 7", "average_precision_mode"),
    "S015": in_text("random_seed: 42", "random_seed: 41\nrandom_seed: 42", "random_seed: 42"),
    "S012": in_yaml("seed: 4", "seed: '${train.sed}'", "seed"),
}
