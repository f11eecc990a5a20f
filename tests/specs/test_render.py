"""Text out: rendered specs byte for byte, and every value back as it went in."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import specs
from specs import dialects, tuning
from specs.spec import Spec
from specs.templating import literal, quoted, word
from tltpipe.errors import SpecError

GOLDEN = Path(__file__).parents[1] / "golden" / "specs"

AUGMENT = {"image_path": "image", "label_path": "label", "image_extension": ".jpg"}
CONVERT = {"root_directory_path": "/workspace/K", "image_dir_name": "train/images", "label_dir_name": "train/labels"}
TRAIN = {
    "tfrecords_path": "/workspace/TFRecords/train/*",
    "image_directory_path": "/workspace/KITTI-dataset-augmented",
    "image_extension": "jpg",
    "classes": ["long_sleeved_dress", "skirt", "vest"],
    "validation_tfrecords_path": "/workspace/TFRecords/validation/*",
    "validation_fold": None,
}

TRAIN3 = {
    "image_directory_path": "/workspace/train/images",
    "label_directory_path": "/workspace/train/labels",
    "classes": ["long_sleeved_dress", "skirt", "vest"],
    "validation_image_directory_path": "/workspace/validation/images",
    "validation_label_directory_path": "/workspace/validation/labels",
}

COCO = {
    "image_dir": "/workspace/Original-Data/train/image",
    "json_file": "/workspace/COCO/train.json",
    "val_image_dir": None,
    "val_json_file": None,
    "classes": ["long_sleeved_dress", "skirt", "vest"],
}

CASES: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "augment": ("augment", "augment.conf.j2", {}, AUGMENT),
    "augment-everything": (
        "augment",
        "augment.conf.j2",
        {
            "output_image_width": 0,
            "output_image_height": 0,
            "output_image_channel": 1,
            "rotation_angle": 0.1,
            "rotation_units": "radians",
            "shear_ratio_x": -0.3,
            "flip_vertical": True,
            "translate_y": -8,
            "hue_rotation_angle": 5.0,
            "contrast": -0.25,
            "contrast_center": 100.0,
            "brightness_offset": 20.0,
            "blur_std": 1.5,
            "blur_size": 5,
        },
        AUGMENT,
    ),
    "convert": ("dataset_convert", "kitti.conf.j2", {}, CONVERT),
    "convert-split": (
        "dataset_convert",
        "kitti.conf.j2",
        {"val_split": 14.5, "num_shards": 0, "image_extension": ".png"},
        {**CONVERT, "root_directory_path": Path("/d/a \"b\" 'c' \\ é")},
    ),
    "faster_rcnn": ("faster_rcnn", "train.yaml.j2", {}, COCO),
    "faster_rcnn-everything": (
        "faster_rcnn",
        "train.yaml.j2",
        {
            "backbone": "mobilenet_v3_large",
            "norm": "frozen",
            "trainable_layers": 3,
            "min_size": (320, 352),
            "max_size": 640,
            "anchor_sizes": ((32.0, 64.0), (128.0, 256.0), (384.0, 512.0)),
            "aspect_ratios": (1.0,),
            "random_flip": 0.0,
            "optimizer": "adamw",
            "norm_weight_decay": 0.0,
            "lr_scheduler": "multistep",
            "lr_steps": (16, 22),
            "enable_ema": True,
            "summary_step": 500,
            "save_step": 2000,
        },
        {**COCO, "val_image_dir": "/a b/é: #1", "val_json_file": "/workspace/COCO/validation.json"},
    ),
    "yolox": ("yolox", "train.yaml.j2", {}, COCO),
    "yolox-everything": (
        "yolox",
        "train.yaml.j2",
        {
            "type": "nano",
            "width": 416,
            "height": 224,
            "letterbox": False,
            "mixup": 0.0,
            "mosaic_scale": (0.5, 1.5),
            "multi_scale": 6,
            "closing_epochs": 0,
            "num_epochs": 100,
            "lr_min": 0.0,
            "lr_flat_epochs": 3,
        },
        {**COCO, "val_image_dir": "/a b/é: #1", "val_json_file": "/workspace/COCO/validation.json"},
    ),
    "hrnet": (
        "hrnet",
        "train.yaml.j2",
        {"type": "w18_small", "aggregated": False, "width": 96, "height": 128, "rotation": 0.0, "flip_test": True},
        {**COCO, "val_image_dir": "/a b/é: #1", "val_json_file": "/workspace/COCO/validation.json"},
    ),
    "mask_rcnn": (
        "mask_rcnn",
        "train.yaml.j2",
        {"version": 2, "mask_layers": (64, 32), "mask_dim_reduced": 16, "area": "mask"},
        COCO,
    ),
    "multitask": ("multitask", "train.yaml.j2", {}, COCO),
    "multitask-everything": (
        "multitask",
        "train.yaml.j2",
        {
            "backbone": "resnet50",
            "heads": "per_type",
            "local_pooling": "max",
            "dropout": 0.2,
            "attribute_loss": "hinge",
            "reduce_sum": True,
            "beta": 0.001,
            "pos_weights": True,
            "pos_weights_scale": 5.0,
            "tasks": ("base colour", "season"),
            "width": 96,
            "height": 128,
            "resize": 110,
            "zoom": 0.2,
            "primary": "recall3",
        },
        {**COCO, "val_image_dir": "/a b/é: #1", "val_json_file": "/workspace/COCO/validation.json"},
    ),
    "unet": ("unet", "train.yaml.j2", {}, COCO),
    "unet-everything": (
        "unet",
        "train.yaml.j2",
        {
            "arch": "unetplusplus",
            "encoder": "tu-convnext_tiny.fb_in1k",
            "decoder_channels": (128, 64, 32, 16, 8),
            "preprocess": "min_max_-1_1",
            "loss": "cross_dice_sum",
            "class_weights": (0.5, 1.0, 1.0, 2.0),
            "width": 160,
            "height": 256,
            "resize": "letterbox",
            "painting": "annotation",
            "crop_area": (0.6, 0.9),
            "backgrounds": "/a b/é: #1",
            "lr_decay_epochs": 200,
            "boundary_f1": True,
            "primary": "boundary_F1",
        },
        {**COCO, "val_image_dir": "/a b/é: #1", "val_json_file": "/workspace/COCO/validation.json"},
    ),
    "train.tlt2": ("ssd", "train.tlt2.conf.j2", {}, TRAIN),
    "train.tlt2-fold": (
        "ssd",
        "train.tlt2.conf.j2",
        {"arch": "mobilenet_v2", "freeze_blocks": (0, 1), "regularizer": "NO_REG", "n_workers": 3, "clip_boxes": True},
        {**TRAIN, "validation_tfrecords_path": None, "validation_fold": 0},
    ),
    "train.tlt3": ("ssd", "train.tlt3.conf.j2", {}, TRAIN3),
    "dssd": ("dssd", "train.tlt3.conf.j2", {"arch": "mobilenet_v2", "pred_num_channels": 256}, TRAIN3),
    "train.tlt3-records": (
        "ssd",
        "train.tlt3.conf.j2",
        {
            "arch": "vgg",
            "nlayers": 16,
            "pred_num_channels": 256,
            "neg_pos_ratio": 2.5,
            "learning_rate_schedule": "soft_start_cosine_annealing",
            "optimizer": "adam",
            "max_learning_rate": 1e-3,
            "early_stopping": "validation_loss",
            "n_workers": 2,
        },
        {
            **TRAIN3,
            "tfrecords_path": "/workspace/TFRecords/train*",
            "validation_tfrecords_path": "/workspace/TFRecords/validation*",
        },
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str, request: pytest.FixtureRequest) -> None:
    folder, template, given, variables = CASES[name]
    text = specs.render(folder, template, specs.tunables(folder)(**given), **variables)
    assert specs.parse_text(text, folder, source=name).warnings == ()
    path = GOLDEN / f"{name}{Path(template).with_suffix('').suffix}"
    if request.config.getoption("--update-golden"):
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("folder", specs.folders())
def test_each_folder_is_whole(folder: str) -> None:
    module = specs.load(folder)
    assert dataclasses.is_dataclass(module.TUNABLES)
    assert module.TUNABLES() == specs.tunables_from(folder, {})
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(module.TUNABLES(), dataclasses.fields(module.TUNABLES)[0].name, 1)
    assert list(specs.documentation(folder)) == [field.name for field in dataclasses.fields(module.TUNABLES)]
    assert all(specs.documentation(folder).values())
    assert specs.json_schema(folder)["additionalProperties"] is False
    if hasattr(module, "EXPERIMENT"):
        whole = tuning.json_schema(module.EXPERIMENT)
        keys = [key for section in whole["$defs"].values() for key in section["properties"].values()]
        assert [key for key in keys if "$ref" not in key and not key.get("description")] == []
    for dialect in dialects.of(module) if hasattr(module, "MESSAGE") else ():
        name = dialect.SCHEMA.split(".")[-2]
        empty = Spec(dialects.message(dialect, module.MESSAGE), "empty", kind=folder, dialect=name)
        assert specs.image_size(empty) is None, "its fields exist, and 0 is no size"
        assert dialects.named(module, empty.dialect) is dialect


@pytest.mark.parametrize(
    "folder", [name for name in specs.folders() if getattr(specs.load(name), "DATA", "") == "coco"]
)
def test_what_the_pipeline_gives_and_the_defaults_make_a_spec(folder: str) -> None:
    template = specs.template(folder)
    assert template is not None
    text = specs.render(folder, template, specs.tunables(folder)(), **COCO)
    spec = specs.parse_text(text, folder, source="train.yaml")
    assert spec.warnings == ()
    assert specs.recognise(text, source="train.yaml") == folder, "no other kind knows it better"
    assert specs.parse_text(specs.dump(spec), folder, source="again").message == spec.message
    assert specs.training(spec).epochs > 0


def float32(value: float) -> float:
    return float(np.float32(value))


Positive = st.floats(1e-6, 1e6)
Inner = st.floats(0.001, 0.999)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    tunables=st.builds(
        specs.tunables("ssd"),
        random_seed=st.integers(0, 2**32 - 1),
        arch=st.just("resnet"),
        nlayers=st.sampled_from([10, 18, 34, 50]),
        input_width=st.integers(33, 4000),
        input_height=st.integers(33, 4000),
        scales=st.tuples(*[st.floats(1e-6, 1)] * 6, Positive),
        aspect_ratios_global=st.lists(Positive, min_size=1, max_size=8).map(tuple),
        two_boxes_for_ar1=st.booleans(),
        variances=st.tuples(*[Positive] * 4),
        loss_loc_weight=Positive,
        freeze_blocks=st.lists(st.integers(0, 4), max_size=5).map(tuple),
        batch_size_per_gpu=st.integers(1, 1000),
        min_learning_rate=st.floats(1e-9, 1e-4),
        max_learning_rate=st.floats(1e-4, 1),
        soft_start=st.floats(0.001, 0.4),
        annealing=st.floats(0.5, 0.999),
        regularizer=st.sampled_from(["NO_REG", "L1", "L2"]),
        regularizer_weight=Inner,
        average_precision_mode=st.sampled_from(["SAMPLE", "INTEGRATE"]),
        top_k=st.integers(1, 10_000),
        zoom_min=st.floats(0.1, 1),
        zoom_max=st.floats(1, 5),
    ),
    classes=st.lists(st.text(min_size=1).filter(lambda text: text.isprintable()), min_size=1, unique=True),
    path=st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
)
def test_ssd_comes_back_as_it_went(tunables: Any, classes: list[str], path: str) -> None:
    text = specs.render("ssd", "train.tlt2.conf.j2", tunables, **{**TRAIN, "classes": classes, "tfrecords_path": path})
    spec = specs.parse_text(text, "ssd", source="spec")
    message, ssd = spec.message, spec.message.ssd_config
    schedule = message.training_config.learning_rate.soft_start_annealing_schedule
    assert message.random_seed == tunables.random_seed
    assert (ssd.arch, ssd.nlayers) == ("resnet", tunables.nlayers)
    assert tuple(specs.numbers(ssd.scales)) == tunables.scales
    assert tuple(specs.numbers(ssd.aspect_ratios_global)) == tunables.aspect_ratios_global
    assert tuple(specs.numbers(ssd.variances)) == tunables.variances
    assert ssd.two_boxes_for_ar1 == tunables.two_boxes_for_ar1
    assert ssd.loss_loc_weight == float32(tunables.loss_loc_weight)
    assert tuple(ssd.freeze_blocks) == tunables.freeze_blocks
    assert message.training_config.batch_size_per_gpu == tunables.batch_size_per_gpu
    assert schedule.min_learning_rate == float32(tunables.min_learning_rate)
    assert schedule.annealing == float32(tunables.annealing)
    regularizer = message.training_config.regularizer
    assert regularizer.RegularizationType.Name(regularizer.type) == tunables.regularizer
    assert (
        message.eval_config.AP_MODE.Name(message.eval_config.average_precision_mode) == tunables.average_precision_mode
    )
    assert message.nms_config.top_k == tunables.top_k
    assert message.augmentation_config.preprocessing.output_image_width == tunables.input_width
    assert dict(message.dataset_config.target_class_mapping) == {name: name for name in classes}
    assert message.dataset_config.data_sources[0].tfrecords_path == path


def test_what_is_missing_is_an_error() -> None:
    without = {name: value for name, value in TRAIN.items() if name != "tfrecords_path"}
    with pytest.raises(SpecError, match="'tfrecords_path' is undefined"):
        specs.render("ssd", "train.tlt2.conf.j2", specs.tunables("ssd")(), **without)
    with pytest.raises(SpecError, match=r"train\.tlt9\.conf\.j2"):
        specs.render("ssd", "train.tlt9.conf.j2", specs.tunables("ssd")(), **TRAIN)
    with pytest.raises(SpecError, match="None has no spelling"):
        specs.render("ssd", "train.tlt2.conf.j2", specs.tunables("ssd")(), **{**TRAIN, "tfrecords_path": None})
    with pytest.raises(SpecError, match="not valid Unicode"):
        specs.render("ssd", "train.tlt2.conf.j2", specs.tunables("ssd")(), **{**TRAIN, "tfrecords_path": "\udcff"})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (18, "18"),
        (5e-5, "5e-05"),
        (1 / 3, "0.3333333333333333"),
        ((1.0, 2), '"[1.0, 2]"'),
        ([[1.0], [0.5, 2.0]], '"[[1.0], [0.5, 2.0]]"'),
        (Path("/a/b"), '"/a/b"'),
        ('a"b\\c\nd\te\r\x00', '"a\\"b\\\\c\\nd\\te\\r\\000"'),
        (word("L1"), "L1"),
    ],
)
def test_literals(value: object, text: str) -> None:
    assert literal(value) == text


def test_a_word_is_a_word() -> None:
    with pytest.raises(ValueError, match="is not the name of a value"):
        word("L1 } top_k: 3")


def test_a_value_cannot_become_structure() -> None:
    path = '"} nms_config { top_k: 1 } #'
    text = specs.render("ssd", "train.tlt2.conf.j2", specs.tunables("ssd")(), **{**TRAIN, "tfrecords_path": path})
    assert specs.parse_text(text, "ssd", source="spec").message.nms_config.top_k == 200
    assert quoted("{{ x }}") == '"{{ x }}"'
    assert math.isclose(float(literal(0.1)), 0.1)
