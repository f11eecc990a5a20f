"""Specs of TAO's other networks become ours: values, comments, and each field in the report."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import specs
from specs import foreign, migration
from specs.checks import value_at
from specs.migration import networks, reading
from specs.migration.targets import Data, Options
from specs.migration.tree import Field
from tltpipe.errors import SpecError

SAMPLES = {path.stem: path for path in (Path(__file__).parents[2] / "data" / "tao-specs").iterdir()}
KINDS = {"faster_rcnn": "faster_rcnn", "mask_rcnn": "mask_rcnn", "yolo_v3": "yolox", "yolo_v4": "yolox", "unet": "unet",
         "multitask_classification": "multitask"}  # fmt: skip


def migrated(text: str, data: Data | None = None) -> migration.Migrated:
    return migration.migrate(text, source="a.txt", to="tltpipe", options=Options(data=data))


def sample(name: str, *changes: tuple[str, str]) -> str:
    text = SAMPLES[name].read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def values(found: migration.Migrated, *paths: str) -> list[Any]:
    spec = specs.parse_text(found.text, found.kind, source="made")
    return [value_at(spec, path) for path in paths]


CLASSES = "dataset_config.data_class_config.target_classes"


def effects(found: migration.Migrated) -> dict[str, str | None]:
    return {change.path: change.effect for change in found.changes if change.path}


def test_there_is_a_spec_of_each_network() -> None:
    assert {*SAMPLES} == {*networks.names()} == {*KINDS}
    told = {kind.name for kind in foreign.PROTO_TEXT if "spec migrate" in kind.hint}
    assert told == {*networks.names()}


@pytest.mark.parametrize("name", KINDS)
def test_what_comes_of_a_spec(name: str) -> None:
    """It is of the kind that does the job, known as that by its text alone, and no field of theirs goes unsaid."""
    text = SAMPLES[name].read_text()
    found = migrated(text)
    assert found.kind == specs.recognise(found.text, source="made") == KINDS[name]
    tree = reading.proto_text(text, source="")
    written = {re.sub(r"\[\d+\]", "", path) for path, node in tree.walk() if isinstance(node, Field)}
    told = {change.path for change in found.changes}
    assert {path for path in written if not any(path == each or path.startswith(f"{each}.") for each in told)} == set()
    comments = re.findall(r"#[^\n]*", text)
    assert [comment for comment in comments if comment not in found.text] == []
    again = migrated(found.text)
    assert (again.text, again.changes) == (found.text, ())


@pytest.mark.parametrize("name", KINDS)
def test_every_comment_is_kept(name: str) -> None:
    lines = [line.partition("#")[0].rstrip() for line in SAMPLES[name].read_text().splitlines()]
    text = "\n".join(f"# above {number}\n{line}  # behind {number}" for number, line in enumerate(lines))
    found = migrated(f"{text}\n# the end\nwandb_config {{ # empty\n}}\n").text
    told = re.findall(r"# (?:above|behind) \d+|# the end|# empty", found)
    assert sorted(told) == sorted([*re.findall(r"# (?:above|behind) \d+", text), "# the end", "# empty"])


def test_faster_rcnn() -> None:
    found = migrated(sample("faster_rcnn"))
    rates = values(found, *(f"train.optim.{name}" for name in (
        "optimizer", "lr", "momentum", "weight_decay", "lr_scheduler", "lr_steps", "lr_decay", "warmup_epochs",
        "warmup_factor")))  # fmt: skip
    assert rates == ["sgd", 0.02, 0.9, 2e-4, "multistep", (16, 18), 0.1, 2.0, 0.1]
    model = values(found, *(f"model.{name}" for name in (
        "backbone.type", "min_size", "max_size", "aspect_ratios", "rpn.bg_iou_thresh", "rpn.post_nms_top_n_train",
        "rpn.post_nms_top_n_test", "box.detections_per_img", "box.nms_thresh", "box.bg_iou_thresh")))  # fmt: skip
    assert model == ["resnet18", (384,), 1248, (1.0, 0.5, 2.0), 0.3, 2000, 300, 80, 0.3, 0.5]
    assert values(found, "model.anchor_sizes") == [((64.0,), (90.51,), (128.0,), (181.02,), (256.0,))]
    assert values(found, "train.num_epochs", "train.validation_interval", "inference.conf_threshold") == [20, 5, 0.6]
    assert effects(found)["training_config.lambda_cls_class"]
    assert effects(found)["training_config.lambda_rpn_class"] is None  # 1, as here
    assert "secret-key" not in found.text + str(found.changes)


def test_a_fold_and_classes_under_other_names() -> None:
    """Files of the fold validate, all others are trained on; what TAO merges is merged."""
    found = migrated(sample("faster_rcnn"))
    sources = values(found, "dataset.train_data_sources[0]", "dataset.val_data_sources[0]")
    records = "/workspace/data/tfrecords/trainval/trainval*-fold-"
    assert [source.path for source in sources] == [f"{records}00[!0]-of-*", f"{records}000-of-*"]
    assert {(source.format, source.image_dir) for source in sources} == {("tfrecord", "/workspace/data/training")}
    classes, mapping = values(found, "dataset.classes", "dataset.class_mapping")
    assert classes == ("bike", "car")
    assert [(each.name, each.mapping_class) for each in mapping] == [("van", "car"), ("cyclist", "bike")]
    assert found.missing == ()


def test_sections_of_tlt_2() -> None:
    """The same spec, as its generation before wrote it, comes to the same."""
    older = sample(
        "faster_rcnn",
        ("model_config {", "network_config {"),
        ('  arch: "resnet', '  feature_extractor: "resnet'),
        ("regularizer { type: L2 weight: 1e-4 }", 'reg_config { reg_type: "L2" weight_decay: 1e-4 }'),
        ("learning_rate {", "lr_scheduler {"),
    )
    old, new = migrated(older), migrated(sample("faster_rcnn"))
    assert (
        specs.parse_text(old.text, old.kind, source="").message
        == specs.parse_text(new.text, new.kind, source="").message
    )


def test_mask_rcnn() -> None:
    found = migrated(sample("mask_rcnn"))
    train = values(found, "train.num_iterations", "train.validation_interval", "train.seed", "evaluate.batch_size")
    assert train == [50000, 2, 123, 4]  # 5000 steps are two epochs of 2500
    rates = values(found, *(f"train.optim.{name}" for name in (
        "lr", "lr_scheduler", "lr_steps", "lr_decay", "warmup_steps", "warmup_factor", "weight_decay")))  # fmt: skip
    assert rates == [0.005, "multistep", (30000, 40000), 0.1, 1000, 0.1, 4e-5]
    assert values(found, "model.min_size", "model.max_size", "model.aspect_ratios") == [(832,), 1344, (1.0, 0.5, 2.0)]
    assert values(found, "model.anchor_sizes") == [((32.0,), (64.0,), (128.0,), (256.0,), (512.0,))]
    assert values(found, "dataset.classes") == [("class_1", "class_2", "class_3")]
    assert values(found, "dataset.val_data_sources[0].json_file") == ["/workspace/data/annotations/val.json"]
    fields = [line.partition(":")[0] for line in found.missing]
    assert fields == ["dataset.train_data_sources", "dataset.val_data_sources", "dataset.classes"]


@pytest.mark.parametrize(
    ("levels", "kept"), [("[0.1, 0.02, 0.01]", (1000, 3000)), ("[0.5, 0.25, 0.125]", (1000, 2000, 3000))]
)
def test_drops_that_are_not_alike(levels: str, kept: tuple[int, ...]) -> None:
    """TAO's levels are factors of the first rate; ours always fall by the same factor, which is said."""
    found = migrated(sample("mask_rcnn", ("[30000, 40000]", "[1000, 2000, 3000]"), ("[0.1, 0.01]", levels)))
    assert values(found, "train.optim.lr_steps") == [kept]
    assert (effects(found)["learning_rate_decay_levels"] is None) == (len(kept) == 3)


def test_yolo_v3() -> None:
    found = migrated(sample("yolo_v3"))
    scheduler, steps, decay, rate, warm = values(found, *(f"train.optim.{name}" for name in (
        "lr_scheduler", "lr_steps", "lr_decay", "lr", "warmup_epochs")))  # fmt: skip
    assert (scheduler, rate, warm, steps[0], len(steps)) == ("multistep", 1e-4, 8.0, 40, 20)
    assert rate * decay ** len(steps) == pytest.approx(1e-6, rel=1e-3)
    assert values(found, "dataset.width", "dataset.height", "dataset.batch_size", "model.type") == [1248, 384, 8, "s"]
    augmentation = values(found, *(f"dataset.augmentation.{name}" for name in (
        "mosaic", "mixup", "degrees", "shear", "hsv_h", "hsv_s", "random_flip", "multi_scale")))  # fmt: skip
    assert augmentation == [0.0, 0.0, 0.0, 0.0, 0.1, 0.5, 0.5, 0]
    assert values(found, "train.optim.weight_decay", "train.enable_ema") == [0.0, False]
    assert effects(found)["training_config.regularizer.weight"]
    assert values(found, "evaluate.average_precision_mode", "model.detections_per_img") == ["sample", 200]


def test_yolo_v4() -> None:
    found = migrated(sample("yolo_v4"))
    scheduler, rate, low, decay, nesterov = values(found, *(f"train.optim.{name}" for name in (
        "lr_scheduler", "lr", "lr_min", "weight_decay", "nesterov")))  # fmt: skip
    assert (scheduler, rate, low, decay, nesterov) == ("cosine", 1e-4, 1e-7, 6e-5, True)
    assert values(found, "model.type", "train.enable_ema", "dataset.augmentation.mosaic") == ["l", True, 0.5]
    (source,), (held_out,) = values(found, "dataset.train_data_sources", "dataset.val_data_sources")
    assert (source.format, source.path, source.image_dir) == (
        "kitti", "/workspace/data/training/label_2", "/workspace/data/training/image_2")  # fmt: skip
    assert held_out.path == "/workspace/data/val/label_2"
    assert found.text.splitlines()[0] == "# Shop floor, camera 3."
    assert "    # doors only\n    - image_dir" in found.text


def test_unet() -> None:
    found = migrated(sample("unet"))
    assert values(found, "dataset.width", "dataset.height", "dataset.classes") == [320, 224, ("person", "car")]
    assert effects(found)["model_config.model_input_height"]
    rates = values(found, *(f"train.optim.{name}" for name in ("lr", "lr_scheduler", "lr_min", "weight_decay")))
    assert rates == [1e-4, "cosine", pytest.approx(1e-6), 2e-5]
    augmentation = values(found, *(f"dataset.augmentation.{name}" for name in ("random_crop", "brightness", "hue")))
    assert augmentation == [0.4, 0.3, 0.0]
    (face,) = values(found, "dataset.class_mapping")[0]
    assert (face.name, face.mapping_class) == ("face", "person")
    assert found.missing[0].startswith("dataset.train_data_sources: /workspace/data/label_mapping.json")
    assert re.findall(r'^# (\{"id".*)$', found.text, re.MULTILINE) == [
        '{"id": 0, "name": "background"}', '{"id": 1, "name": "person"}', '{"id": 2, "name": "bag"}',
        '{"id": 3, "name": "face"}', '{"id": 7, "name": "car"}']  # fmt: skip


def test_a_background_of_another_value_is_called_otherwise() -> None:
    """As in NVIDIA's sample for ISBI: what is looked for has the value 0."""
    swapped = ('name: "person" mapping_class: "person" label_id: 1', 'name: "background" label_id: 1')
    background = ('name: "background" mapping_class: "background" label_id: 0', 'name: "cell" label_id: 0')
    told = effects(migrated(sample("unet", background, swapped)))[f"{CLASSES}.mapping_class"] or ""
    assert "cell, the class of value 0, is the background here" in told
    assert "the class of value 1 is called label_1" in told


def test_unet_without_augmentation_and_with_masks_of_255() -> None:
    found = migrated(sample("unet", ("augment: True", "augment: False"), ("label_id: 7", "label_id: 255")))
    assert values(found, "dataset.augmentation.random_flip", "dataset.augmentation.random_crop") == [0.0, 0.0]
    told = [change.path for change in found.changes if "augmentation_config" in change.path]
    assert len(told) == len({*told}) > 3
    assert [line for line in found.missing if "255" in line and "car" in line]


def test_multitask() -> None:
    found = migrated(sample("multitask_classification"))
    assert values(found, "dataset.width", "dataset.height", "dataset.resize", "model.box") == [60, 80, 0, False]
    (source,) = values(found, "dataset.train_data_sources")[0]
    assert (source.format, source.path, source.image_dir) == (
        "multitask_csv", "/workspace/data/train.csv", "/workspace/data/images")  # fmt: skip
    assert values(found, "dataset.augmentation.zoom", "train.optim.lr", "model.backbone") == [0.2, 0.01, "resnet18"]
    assert effects(found)["model_config.n_layers"]  # 10 layers give way to 18


@pytest.mark.parametrize("name", KINDS)
def test_other_data(name: str) -> None:
    """--data takes the place of all that the spec names, and nothing is left to be filled in."""
    data = Data({"path": "/mine"}, {"path": "/mine"}, ("car", "door"))
    found = migrated(SAMPLES[name].read_text(), data)
    assert values(found, "dataset.train_data_sources[0].path", "dataset.val_data_sources[0].path") == ["/mine", "/mine"]
    assert found.missing == ()
    expected = {"faster_rcnn": ("car",), "yolo_v3": ("car",), "yolo_v4": ("door",), "mask_rcnn": ("car", "door"),
                "unet": ("car",), "multitask_classification": ()}  # fmt: skip
    assert values(found, "dataset.classes") == [expected[name]]


def test_data_without_the_classes_of_the_spec() -> None:
    found = migrated(sample("yolo_v3"), Data({"path": "/mine"}, None, ("cat",)))
    assert values(found, "dataset.classes", "dataset.class_mapping") == [("cat",), ()]
    assert [change.effect for change in found.changes if change.effect and "no class car" in change.effect]
    assert found.missing[0].startswith("dataset.val_data_sources")


@pytest.mark.parametrize(
    ("name", "change", "place", "word"),
    [
        ("yolo_v4", ("num_epochs:", "num_epoch:"), "26:3", "num_epochs"),
        ("yolo_v4", ("num_epochs: 80", 'num_epochs: "many"'), "26:3", "number"),
        ("yolo_v4", ("top_k: 200", "top_k: -5"), "41:72", "top_k"),
        ("yolo_v4", ("output_width: 608", "output_width: 600"), "48:3", "32"),
        ("yolo_v4", ("saturation: 1.5", "saturation: high"), "44:3", "saturation"),
        ("yolo_v3", ("validation_fold: 0", "validation_fold: 12"), "58:3", "fold"),
        ("mask_rcnn", ('"[0.1, 0.01]"', '"[0.1]"'), "6:1", "levels"),
        ("mask_rcnn", ('"(832, 1344)"', '"(832)"'), "18:3", "two"),
        ("unet", ("label_id: 7", "label_id: 700"), "41:55", "255"),
        ("multitask_classification", ('"3,80,60"', '"80"'), "7:3", "height"),
        ("faster_rcnn", ("}\naugmentation_config", "\naugmentation_config"), "102:1", "end of the file"),
    ],
)
def test_what_is_wrong_in_theirs(name: str, change: tuple[str, str], place: str, word: str) -> None:
    """The place is that in the spec that was given, not in what would have come of it."""
    with pytest.raises(SpecError, match=re.escape(word)) as caught:
        migrated(sample(name, change))
    assert str(caught.value.where) == f"a.txt:{place}"


def test_a_field_that_nobody_knows() -> None:
    found = migrated(sample("yolo_v4", ("model_ema: true", "model_ema: true foobar: 3")))
    assert effects(found)["training_config.foobar"]
    assert "training_config.foobar: 3" in found.text


def test_a_field_that_is_a_little_like_others_is_no_slip_of_the_pen() -> None:
    text = sample("faster_rcnn", ("training_config {", "training_config { rpn_train_bs: 3"))
    found = migrated(text.replace("model_config {", 'model_config { activation { activation_type: "swish" }', 1))
    assert effects(found)["training_config.rpn_train_bs"]
    assert effects(found)["model_config.activation.activation_type"] == "activations are those of the backbone"


def test_names_with_quotes_and_breaks_survive() -> None:
    hostile = '''key: "a \\"b\\" {{ x }}" value: "c: [d] # e"'''
    found = migrated(sample("yolo_v4", ('key: "gate" value: "door"', hostile)))
    mapping = values(found, "dataset.class_mapping")[0]
    assert [(each.name, each.mapping_class) for each in mapping] == [('a "b" {{ x }}', "c: [d] # e")]


def test_to_another_generation_of_theirs() -> None:
    with pytest.raises(SpecError, match="yolo_v4") as caught:
        migration.migrate(sample("yolo_v4"), source="a.txt", to="tao5")
    assert "--to tltpipe" in str(caught.value.hint)
