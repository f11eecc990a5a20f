"""Specs of other networks and tools are called what they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from refusals import error_of

import specs
from specs.augment import tao5
from tltpipe.errors import SpecError

COMMON = "training_config { batch_size_per_gpu: 8 num_epochs: 80 }\nnms_config { top_k: 200 }\ndataset_config {\n"
COMMON += '  data_sources { image_directory_path: "/data" }\n}\n'


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('yolov3_config { big_anchor_shape: "[(1, 2)]" arch: "darknet" }', "yolo_v3"),
        ('yolov4_config { arch: "cspdarknet" loss_loc_weight: 1.0 }', "yolo_v4"),
        ('retinanet_config { scales: "[0.1]" arch: "resnet" neg_pos_ratio: 3 }', "retinanet"),
        ('maskrcnn_config { nlayers: 50 arch: "resnet" }', "mask_rcnn"),
        ("model_config { input_image_config { image_type: RGB } arch: 'resnet:18' }", "faster_rcnn"),
        ("bbox_rasterizer_config { deadzone_radius: 0.67 }", "detectnet_v2"),
        ('model_config { model_input_height: 320 arch: "resnet" }', "unet"),
        ('model_config { model_input_width: 320 arch: "vanilla_unet" }', "unet"),
        ("enc_key: 'tlt'", "faster_rcnn"),
        ("network_config { input_image_config { image_type: RGB } }", "faster_rcnn"),
        ("model_config { pretrained_model_file: 'a' objective_set { bbox { scale: 35.0 } } }", "detectnet_v2"),
        ("model_config { model_name: 'efficientdet-d0' }", "efficientdet"),
        ("model_config { num_layers: 18 }", "another network of NVIDIA's"),
        ("lpr_config { hidden_units: 512 }", "lprnet"),
        ('train_config { train_dataset_path: "/data" }', "classification"),
        ("efficientdet_config { model_name: 'efficientdet-d0' }", "efficientdet"),
    ],
)
def test_text_specs(text: str, name: str) -> None:
    for ask in (lambda: specs.parse_text(COMMON + text, "ssd", source="a.conf"),
                lambda: specs.recognise(COMMON + text, source="a.conf")):  # fmt: skip
        error = error_of(SpecError, ask, match=rf"spec of {name}\b")
        assert str(error.where) == "a.conf:6:1"
        assert error.hint
        assert "did you mean" not in str(error)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("model:\n  backbone: resnet_50\ntrain:\n  num_epochs: 3\n", "TAO's networks in YAML"),
        ("dataset:\n  x: 1\nmodel:\n  y: 2\n", "TAO's networks in YAML"),
        ("data:\n  input_format: KITTI\n  output_format: COCO\n", "data services, annotations"),
    ],
)
def test_yaml_specs(text: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    for ask in (lambda: specs.parse(path, "ssd"), lambda: tao5.read(path)):
        with pytest.raises(SpecError, match=name):
            ask()


def test_an_augmentation_in_yaml_is_no_training_spec() -> None:
    text = "data:\n  image_dir: /a\nspatial_aug:\n  rotation:\n    angle: [10]\n"
    error_of(SpecError, specs.parse_text, text, "ssd", match="a spec for augment", source="a.yaml")


def test_our_own_are_not_foreign() -> None:
    """Sections that several networks have tell nothing, and an SSD spec with a slip in it stays one of SSD."""
    with pytest.raises(SpecError, match="yolov4_config"):
        specs.parse_text(COMMON + 'ssd_config { arch: "resnet" }\nyolov4_config { }', "ssd", source="a.conf")


@pytest.mark.parametrize("kind", ["faster_rcnn", "yolox", "ssd"])
def test_a_text_spec_for_a_network_of_ours(kind: str) -> None:
    """It is no faulty YAML: it is another form of spec, which can be migrated."""
    text = COMMON + "model_config { input_image_config { image_type: RGB } arch: 'resnet:18' }"
    error = error_of(SpecError, specs.parse_text, text, kind, match="TAO's form", source="my specs/a.conf")
    assert str(error.where) == "my specs/a.conf:6:1"
    assert "tltpipe spec migrate 'my specs/a.conf' --to tltpipe" in (error.hint or "")
