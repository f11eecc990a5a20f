"""Mask R-CNN as a model: torchvision's names, losses and masks; what has no mask to learn from."""

from __future__ import annotations

import dataclasses

import pytest

torch = pytest.importorskip("torch")
from torchvision.models import detection
from torchvision.models.detection.roi_heads import paste_masks_in_image

from runtime.networks.mask_rcnn.model import MaskRCNN
from runtime.weights.pretrained import foreign
from specs.mask_rcnn import Mask, Model
from specs.rcnn import Backbone, Box, Rpn

pytestmark = pytest.mark.torch

LOSSES = {"loss_classifier", "loss_box_reg", "loss_mask", "loss_objectness", "loss_rpn_box_reg"}
SIZE = (96, 128)


def disc(x: float, y: float, radius: float) -> torch.Tensor:
    down, across = (torch.arange(side) + 0.5 for side in SIZE)
    return ((across - x) ** 2 + (down[:, None] - y) ** 2 <= radius**2).to(torch.uint8)[None]


TARGET = {"boxes": torch.tensor([[20.0, 10.0, 80.0, 70.0]]), "labels": torch.tensor([2]), "masks": disc(50, 40, 30)}
EMPTY = {name: values[:0] for name, values in TARGET.items()}


def built(**changes: object) -> MaskRCNN:
    small = Model(
        backbone=Backbone(type="resnet18", returned_layers=(3, 4), fpn_channels=32),
        anchor_sizes=((32,), (64,), (96,)),
        rpn=Rpn(pre_nms_top_n_train=50, post_nms_top_n_train=30, pre_nms_top_n_test=50, post_nms_top_n_test=30),
        box=Box(representation_size=32, batch_size_per_image=16, score_thresh=0.01),
        mask=Mask(layers=(32, 32), dim_reduced=32),
    )
    torch.manual_seed(0)
    return MaskRCNN(dataclasses.replace(small, **changes), classes=3)  # type: ignore[arg-type]


def images(count: int) -> list[torch.Tensor]:
    torch.manual_seed(1)
    return [torch.rand(3, *SIZE) * 255 for _ in range(count)]


def joined(*targets: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: torch.cat([target[name] for target in targets]) for name in TARGET}


@pytest.mark.parametrize(("name", "version"), [("maskrcnn_resnet50_fpn", 1), ("maskrcnn_resnet50_fpn_v2", 2)])
def test_torchvisions_weights_fit_and_give_its_masks(name: str, version: int) -> None:
    torch.manual_seed(0)
    theirs = getattr(detection, name)(
        weights=None, weights_backbone=None, num_classes=4, min_size=96, max_size=160, box_score_thresh=0.01,
        box_detections_per_img=10,
    ).eval()  # fmt: skip
    box = Box(score_thresh=0.01, detections_per_img=10)
    ours = MaskRCNN(Model(version=version, box=box), classes=3).eval()  # type: ignore[arg-type]
    assert [*ours.state_dict()] == [*theirs.state_dict()]
    ours.load_state_dict(theirs.state_dict())
    (image,) = images(1)
    with torch.inference_mode():
        (expected,), (found,) = theirs([image / 255]), ours.predict([image])
    assert found.keys() == {"boxes", "labels", "scores", "mask_grids"}
    assert found["mask_grids"].shape == (len(expected["boxes"]), 28, 28) == (10, 28, 28)
    assert found["labels"].tolist() == expected["labels"].tolist()
    torch.testing.assert_close(found["boxes"], expected["boxes"], atol=1e-2, rtol=1e-4)
    torch.testing.assert_close(found["scores"], expected["scores"], atol=1e-4, rtol=1e-4)
    pasted = paste_masks_in_image(found["mask_grids"][:, None], expected["boxes"], SIZE)
    torch.testing.assert_close(pasted, expected["masks"], atol=1e-3, rtol=1e-3)


def test_a_detector_without_masks_gives_all_but_the_mask_head() -> None:
    model, detector = built(), built()
    tensors = {name: value for name, value in detector.state_dict().items() if ".mask_" not in name}
    report = foreign.by_name(model, tensors, "detector.pth")
    assert report.other_shape == report.unused == []
    assert [name for name in report.missing if ".mask_" not in name] == []
    assert len(report.missing) == len(model.state_dict()) - len(tensors) == 8


def test_the_validation_loss_is_torchvisions_training_loss() -> None:
    theirs = detection.maskrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=4, _skip_resize=True)
    ours = MaskRCNN(Model(), classes=3).eval()
    ours.load_state_dict(theirs.state_dict())
    theirs.train()
    for module in theirs.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    (image,) = images(1)
    torch.manual_seed(0)
    with torch.no_grad():
        expected, found = theirs([image / 255], [TARGET]), ours([image], [TARGET])
        detections, also = ours.predict_with_loss([image], [TARGET])
    assert expected.keys() == found.keys() == also.keys() == LOSSES
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=1e-4, rtol=1e-3)
        torch.testing.assert_close(also[name], found[name])
    assert detections[0]["mask_grids"].shape[1:] == (28, 28)


@pytest.mark.parametrize("version", [1, 2])
def test_a_batch_of_background_trains(version: int) -> None:
    model = built(version=version).train()
    losses = model(images(2), [EMPTY, EMPTY])
    assert all(torch.isfinite(value) for value in losses.values())
    assert losses["loss_mask"].item() == losses["loss_box_reg"].item() == 0
    sum(losses.values()).backward()
    assert all(weights.grad is not None and weights.grad.isfinite().all() for weights in model.parameters())
    assert all(value.isfinite().all() for value in model.state_dict().values())


def test_objects_without_area_or_mask_are_left_out() -> None:
    model, (image,) = built().eval(), images(1)
    flat = {**TARGET, "boxes": torch.tensor([[5.0, 5.0, 5.0, 40.0]])}
    blank = {"boxes": torch.tensor([[5.0, 5.0, 9.0, 40.0]]), "labels": torch.tensor([1]), "masks": TARGET["masks"] * 0}
    with torch.inference_mode():
        assert model([image], [joined(flat, TARGET, blank)]) == model([image], [TARGET])
        assert model([image], [blank]) == model([image], [EMPTY])


def test_resnet101_learns_from_random_weights() -> None:
    """With frozen normalisation layers its second step gives no numbers."""
    model = built(backbone=Backbone(type="resnet101", fpn_channels=32), anchor_sizes=()).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    for _ in range(3):
        loss = sum(model(images(2), [TARGET, TARGET]).values())
        assert torch.isfinite(loss)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def test_it_learns() -> None:
    model, batch = built().train(), images(2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for _ in range(40):
        optimizer.zero_grad()
        sum(model(batch, [TARGET, TARGET]).values()).backward()
        optimizer.step()
    model.eval()
    with torch.inference_mode():
        best = {name: values[:1] for name, values in model.predict(batch)[0].items()}
    assert best["labels"].tolist() == [2]
    mask = paste_masks_in_image(best["mask_grids"][:, None], best["boxes"], SIZE)[0, 0] > 0.5
    truth = TARGET["masks"][0].bool()
    assert (mask & truth).sum() / (mask | truth).sum() > 0.8
