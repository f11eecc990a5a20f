"""Faster R-CNN as a model: torchvision's names, losses in either mode, detections in pixels of the image passed in."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from refusals import error_of

torch = pytest.importorskip("torch")
from torchvision.models import detection
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone

import specs
from runtime import networks
from runtime.networks.faster_rcnn.model import FasterRCNN
from runtime.nn.rcnn.model import MEAN, STD
from runtime.tasks import ImageInfo
from runtime.tasks import detection as detection_task
from specs.rcnn import Backbone, Box, Model, Rpn
from tltpipe.errors import ModelError

pytestmark = pytest.mark.torch

TARGET = {"boxes": torch.tensor([[8.0, 8.0, 70.0, 90.0]]), "labels": torch.tensor([2])}
EMPTY = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
LOSSES = {"loss_classifier", "loss_box_reg", "loss_objectness", "loss_rpn_box_reg"}


def settings(**changes: object) -> Model:
    small = Model(
        backbone=Backbone(type="resnet18", returned_layers=(3, 4), fpn_channels=32),
        anchor_sizes=((32,), (64,), (96,)),
        rpn=Rpn(pre_nms_top_n_train=50, post_nms_top_n_train=30, pre_nms_top_n_test=50, post_nms_top_n_test=30),
        box=Box(representation_size=32, batch_size_per_image=16, score_thresh=0.01),
    )
    return dataclasses.replace(small, **changes)  # type: ignore[arg-type]


def built(**changes: object) -> FasterRCNN:
    torch.manual_seed(0)
    return FasterRCNN(settings(**changes), classes=3)


def images(*sizes: tuple[int, int]) -> list[torch.Tensor]:
    torch.manual_seed(1)
    return [torch.rand(3, *size) * 255 for size in sizes]


TORCHVISION = {
    "fasterrcnn_resnet50_fpn": Model(),
    "fasterrcnn_resnet50_fpn_v2": Model(version=2),
    "fasterrcnn_mobilenet_v3_large_fpn": Model(
        backbone=Backbone(type="mobilenet_v3_large"), rpn=Rpn(score_thresh=0.05)
    ),
}


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvisions_weights_fit_and_give_its_detections(name: str) -> None:
    torch.manual_seed(0)
    theirs = getattr(detection, name)(
        weights=None, weights_backbone=None, num_classes=4, min_size=96, max_size=160, box_score_thresh=0.01
    ).eval()
    ours = FasterRCNN(dataclasses.replace(TORCHVISION[name], box=Box(score_thresh=0.01)), classes=3).eval()
    ours.load_state_dict(theirs.state_dict())
    (image,) = images((96, 128))
    with torch.inference_mode():
        expected = theirs([image / 255])[0]
        found = ours.predict([image])[0]
    assert len(expected["boxes"]) > 0
    assert found["labels"].tolist() == expected["labels"].tolist()
    torch.testing.assert_close(found["boxes"], expected["boxes"], atol=1e-2, rtol=1e-4)
    torch.testing.assert_close(found["scores"], expected["scores"], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("backbone", ["resnet34", "resnet101"])
def test_depths(backbone: str) -> None:
    pyramid = resnet_fpn_backbone(backbone_name=backbone, weights=None, norm_layer=torch.nn.BatchNorm2d)
    theirs = detection.FasterRCNN(pyramid, 14)
    ours = FasterRCNN(Model(backbone=Backbone(type=backbone)), classes=13)  # type: ignore[arg-type]
    shapes = [{name: value.shape for name, value in each.state_dict().items()} for each in (ours, theirs)]
    assert shapes[0] == shapes[1]


def test_the_last_stages_learn() -> None:
    model = built(backbone=Backbone(type="resnet18", trainable_layers=3))
    frozen = {name.split(".")[2] for name, weights in model.named_parameters() if not weights.requires_grad}
    assert frozen == {"conv1", "bn1", "layer1"}


def test_losses_in_either_mode() -> None:
    model, batch = built(), images((96, 128), (90, 100))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.eval()
    with torch.inference_mode():
        torch.manual_seed(5)
        state = torch.get_rng_state()
        first = model(batch, [TARGET, EMPTY])
        assert torch.equal(torch.get_rng_state(), state), "nothing is drawn from the generator of the training"
        again = model(batch, [TARGET, EMPTY])
        detections, also = model.predict_with_loss(batch, [TARGET, EMPTY])
        alone = model.predict(batch)
    assert first.keys() == LOSSES
    assert first == again == also
    for one, other in zip(detections, alone, strict=True):
        torch.testing.assert_close(one, other)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    model.train()
    losses = model(batch, [TARGET, EMPTY])
    assert losses.keys() == LOSSES
    sum(losses.values()).backward()
    assert not torch.equal(
        model.state_dict()["backbone.body.bn1.running_mean"], before["backbone.body.bn1.running_mean"]
    )


def test_the_validation_loss_is_torchvisions_training_loss() -> None:
    theirs = detection.fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=4, _skip_resize=True)
    ours = FasterRCNN(Model(), classes=3).eval()
    ours.load_state_dict(theirs.state_dict())
    theirs.train()
    for module in theirs.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    (image,) = images((96, 128))
    torch.manual_seed(0)
    with torch.no_grad():
        expected, found = theirs([image / 255], [TARGET]), ours([image], [TARGET])
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=1e-4, rtol=1e-3)


def test_objects_without_area_are_left_out() -> None:
    model, (image,) = built(), images((96, 128))
    model.eval()
    flat = {
        "boxes": torch.cat([TARGET["boxes"], torch.tensor([[5.0, 5.0, 5.0, 40.0], [9.0, 9.0, 3.0, 20.0]])]),
        "labels": torch.tensor([2, 1, 3]),
    }
    with torch.inference_mode():
        assert model([image], [flat]) == model([image], [TARGET])


def test_a_batch_of_background_trains() -> None:
    model = built().train()
    losses = model(images((96, 128), (64, 64)), [EMPTY, EMPTY])
    assert all(torch.isfinite(value) for value in losses.values())
    assert losses["loss_box_reg"].item() == 0
    sum(losses.values()).backward()


@pytest.mark.parametrize("size", [(7, 300), (64, 64)])
def test_an_image_smaller_than_a_stride(size: tuple[int, int]) -> None:
    model, batch = built(), images(size)
    assert torch.isfinite(sum(model.train()(batch, [EMPTY]).values()))
    model.eval()
    with torch.inference_mode():
        boxes = model.predict(batch)[0]["boxes"]
    assert bool((boxes >= 0).all())
    assert bool((boxes[:, 2] <= size[1]).all())


def test_a_tensor_of_images_is_read_as_a_list_of_them() -> None:
    model, batch = built().eval(), torch.stack(images((64, 96), (64, 96)))
    with torch.inference_mode():
        for one, other in zip(model.predict(batch), model.predict(list(batch)), strict=True):
            torch.testing.assert_close(one, other)


def test_an_image_is_the_same_in_whatever_company() -> None:
    model, batch = built().eval(), images((64, 96), (128, 64), (60, 90))
    with torch.inference_mode():
        together, losses = model.predict_with_loss(batch, [TARGET, EMPTY, TARGET])
        for image, found, also in zip(batch, model.predict(batch), together, strict=True):
            (alone,) = model.predict([image])
            for one in (found, also):
                torch.testing.assert_close(one, alone, atol=1e-3, rtol=1e-4)
    assert losses.keys() == LOSSES


def test_pixels_are_imagenets() -> None:
    model, (image,) = built(), images((32, 64))
    batch, _ = model.transform([image])
    mean, std = ([value / 255 for value in values] for values in (MEAN, STD))
    expected = (image / 255 - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    torch.testing.assert_close(batch.tensors[0], expected, atol=1e-5, rtol=1e-5)
    assert mean == pytest.approx([0.485, 0.456, 0.406])


@pytest.mark.parametrize("backbone", [Backbone(type="resnet18", norm="frozen"), Backbone(trainable_layers=2)])
def test_frozen_layers_need_pretrained_weights(backbone: Backbone) -> None:
    model = built(backbone=backbone, anchor_sizes=())
    assert "norm: batch" in str(error_of(ModelError, lambda: model(images((64, 64)), [TARGET]), match="frozen").hint)


def test_it_learns() -> None:
    model, batch = built().train(), images((96, 128), (96, 128))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for _ in range(60):
        losses = model(batch, [TARGET, TARGET])
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
    model.eval()
    with torch.inference_mode():
        best = model.predict(batch)[0]
    assert int(best["labels"][0]) == 2
    torch.testing.assert_close(best["boxes"][0], TARGET["boxes"][0], atol=12, rtol=0)


def test_boxes_are_compared_as_they_are() -> None:
    """Rounded to whole pixels, as NVIDIA compares SSD's, these two would overlap by less than a half."""
    spec = specs.parse_text(
        "dataset: {train_data_sources: [{path: /d}], classes: [hat]}", "faster_rcnn", source="a.yaml"
    )
    metrics = detection_task.metrics(("hat",), networks.recipe(spec))
    target = {"boxes": np.array([[10.4, 10.4, 13.4, 13.4]], np.float32), "labels": np.array([1])}
    found = {**target, "boxes": target["boxes"] + np.float32(0.2), "scores": np.array([0.9], np.float32)}
    metrics.update([found], [target], [ImageInfo("a.png", (64, 64), (64, 64))])
    assert metrics.scores().value == 1
