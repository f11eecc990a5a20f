"""YOLOX as a model: the official network's names, maps, losses and assignment; detections; what a batch may lack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
import yolox_vectors as vectors
from refusals import error_of
from torch import nn

import specs
from runtime import networks
from runtime.networks.yolox import assignment, decode
from runtime.networks.yolox.model import YOLOX
from runtime.networks.yolox.settings import Settings
from runtime.weights import pretrained
from specs.yolox.settings import Model
from tltpipe.errors import DataError, ModelError, SpecError

pytestmark = pytest.mark.torch

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/yolox/vectors.json").read_text())
NAMES = {f"{case['network']}-{case['size']}-{case['case']}": case for case in GOLDEN["cases"]}


def built(size: str = "nano", *, classes: int = vectors.CLASSES, **changes: Any) -> YOLOX:
    torch.manual_seed(0)
    return YOLOX(Settings(Model(type=size, **changes), (64, 96), closing=2), classes=classes)  # type: ignore[arg-type]


def like_the_official(size: str) -> YOLOX:
    """With the weights of the golden cases, its normalisation layers as in evaluation."""
    model = built(size)
    model.load_state_dict(vectors.weights({name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}))
    for module in model.train().modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    model.begin_epoch(2)
    return model


@pytest.mark.parametrize("size", GOLDEN["names"])
def test_names_and_shapes_are_those_of_official_checkpoints(size: str) -> None:
    with torch.device("meta"):
        own = {name: list(tensor.shape) for name, tensor in built(size, classes=80).state_dict().items()}
    assert {"tensors": len(own), "fingerprint": vectors.fingerprint(own)} == GOLDEN["names"][size]


@pytest.mark.parametrize(("size", "millions"), [("nano", 0.90), ("s", 8.94)])
def test_parameters_with_thirteen_classes(size: str, millions: float) -> None:
    with torch.device("meta"):
        count = sum(weights.numel() for weights in built(size, classes=13).parameters())
    assert round(count / 1e6, 2) == millions


@pytest.mark.parametrize("name", NAMES)
def test_losses_maps_and_assignment_are_the_official_networks(name: str) -> None:
    case = NAMES[name]
    model = like_the_official(case["network"])
    height, width = vectors.SIZES[case["size"]]
    images, targets = vectors.images(height, width), vectors.targets(case["case"], height, width)
    maps = model.raw(images)
    for own, theirs in zip(vectors.summary(maps), case.get("maps", ()), strict=False):
        assert own["shape"] == theirs["shape"]
        assert own["values"] == pytest.approx(theirs["values"], abs=1e-5)
        assert (own["mean"], own["square"]) == pytest.approx((theirs["mean"], theirs["square"]), abs=1e-5)

    wanted = assignment.objects(targets, torch.device("cpu"))
    assigned = assignment.assign(decode.cells(maps), wanted)
    first = [int((wanted.images < image).sum()) for image in range(vectors.BATCH)]
    places = zip(assigned.images.tolist(), assigned.cells.tolist(), assigned.objects.tolist(), strict=True)
    assert [[image, cell, thing - first[image]] for image, cell, thing in places] == case["assigned"]

    losses = model(images, targets)
    assert {loss: value.item() for loss, value in losses.items()} == pytest.approx(case["losses"], rel=1e-5)
    sum(losses.values(), torch.zeros(())).backward()
    lengths = {layer: model.get_parameter(layer).grad.norm().item() for layer in case["gradients"]}
    assert lengths == pytest.approx(case["gradients"], rel=1e-4, abs=2e-5)


def test_l1_is_learnt_in_closing_epochs_of_a_training_alone() -> None:
    model, targets = built(), vectors.targets("few", 64, 96)
    images = vectors.images(64, 96)
    usual = {"iou", "objectness", "classification"}
    model.begin_epoch(1)
    assert set(model.train()(images, targets)) == usual
    model.begin_epoch(2)
    assert set(model(images, targets)) == {*usual, "l1"}
    assert set(model.eval()(images, targets)) == usual


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_losses_of_background_and_of_boxes_without_area_are_finite(precision: torch.dtype) -> None:
    empty = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    flat = {
        "boxes": torch.tensor([[8.0, 8, 8, 40], [16, 20, 16, 20], [0, 0, 96, 0]]), "labels": torch.tensor([1, 2, 5])
    }  # fmt: skip
    for targets in ([empty] * 3, [flat] * 3, [empty, flat, empty]):
        model = like_the_official("nano")
        with torch.autocast("cpu", precision, enabled=precision is not torch.float32):
            losses = model(vectors.images(64, 96), targets)
        assert all(value.dtype is torch.float32 and value.isfinite() for value in losses.values())
        sum(losses.values(), torch.zeros(())).backward()
        assert all(weights.grad is not None and weights.grad.isfinite().all() for weights in model.parameters())
    assert model.eval().predict_with_loss(vectors.images(64, 96), [empty] * 3)[1]["iou"] == 0


def test_detections_are_decoded_suppressed_and_sorted() -> None:
    maps = [torch.full((1, 7, side, side), -20.0) for side in (8, 4, 2)]

    def put(level: int, row: int, column: int, values: list[float]) -> None:
        maps[level][0, :, row, column] = torch.tensor(values)

    put(0, 2, 3, [0.5, 0.25, 1.0, 0.0, 2.0, 3.0, -3.0])
    put(0, 2, 4, [-0.5, 0.25, 1.0, 0.0, 1.0, 3.0, -3.0])  # the same box, weaker
    put(0, 2, 5, [-1.5, 0.25, 1.0, 0.0, 1.5, -3.0, 3.0])  # the same box of another class
    put(2, 1, 1, [0.5, 0.5, 0.0, -1.0, 0.0, 0.0, -1.0])
    (found,) = decode.detections(maps, score_threshold=0.01, iou_threshold=0.65, most=300)
    box = [(3.5 - torch.e / 2) * 8, (2.25 - 0.5) * 8, (3.5 + torch.e / 2) * 8, (2.25 + 0.5) * 8]
    assert found["labels"].tolist() == [1, 2, 1]
    assert found["scores"].tolist() == pytest.approx([0.83902, 0.77880, 0.25], abs=1e-5)
    assert found["boxes"][0].tolist() == pytest.approx(box, abs=1e-4)
    assert found["boxes"][2].tolist() == pytest.approx([32, 42.11393, 64, 53.88607], abs=1e-4)
    (most,) = decode.detections(maps, score_threshold=0.5, iou_threshold=0.65, most=1)
    assert most["labels"].tolist() == [1]


def test_colours_come_as_rgb_and_any_multiple_of_32_goes_through() -> None:
    model, images = like_the_official("nano").eval(), vectors.images(64, 96)
    seen: list[torch.Tensor] = []
    model.backbone.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    model.predict(images)
    assert torch.equal(seen[0], images[:, [2, 1, 0]]), "the network itself learnt BGR"
    shapes = [tuple(each.shape) for each in model.raw(vectors.images(96, 160))]
    assert shapes == [(3, 10, 12, 20), (3, 10, 6, 10), (3, 10, 3, 5)]


def test_official_checkpoints_load_and_heads_of_other_classes_are_listed(tmp_path: Path) -> None:
    official, path = like_the_official("nano"), tmp_path / "yolox_nano.pth"
    torch.save({"model": {f"module.{name}": value for name, value in official.state_dict().items()}}, path)
    same = built()
    assert f"{len(official.state_dict())} of {len(official.state_dict())}" in "".join(
        pretrained.adopt(same, pretrained.read(path), path)
    )
    images = vectors.images(64, 96)
    assert all(torch.equal(*pair) for pair in zip(same.eval().raw(images), official.eval().raw(images), strict=True))
    other = built(classes=3)
    (line,) = (line for line in pretrained.adopt(other, pretrained.read(path), path) if "other shape" in line)
    assert "head.cls_preds.0.weight, head.cls_preds.0.bias" in line
    assert line.endswith("and 2 more")
    assert torch.equal(other.state_dict()["head.reg_preds.0.bias"], official.state_dict()["head.reg_preds.0.bias"])


@pytest.mark.parametrize("others", ["tiny", "mask_rcnn"])
def test_weights_of_another_size_or_network_are_refused(tmp_path: Path, others: str) -> None:
    path = tmp_path / "others.pth"
    tensors = built(others).state_dict() if others == "tiny" else {"roi_heads.box_head.fc6.weight": torch.zeros(2, 2)}
    torch.save({"model": tensors}, path)
    error = error_of(ModelError, pretrained.adopt, built("nano"), pretrained.read(path), path)
    assert (error.exit_code, error.where) == (4, path)
    assert ("another size" in error.what) == (others == "tiny")


def test_a_recipe_has_what_the_spec_asks_for() -> None:
    text = (
        "model: {type: tiny}\ndataset: {train_data_sources: [{path: /d}], classes: [a, b], width: 320, height: 192, "
        "augmentation: {multi_scale: 2}}\ntrain: {num_epochs: 50}\n"
    )
    recipe = networks.recipe(specs.parse_text(text, "yolox", source="a.yaml"))
    view = recipe.training_view
    assert (recipe.name, recipe.size, recipe.evaluation.primary) == ("yolox_tiny", (192, 320), "mAP50_95")
    assert (recipe.average, recipe.optimizer.norm_weight_decay) == (0.9998, 0.0)
    assert recipe.optimizer.settings == {"momentum": 0.9, "weight_decay": 5e-4, "nesterov": True}
    assert (view.multi_scale, view.mosaic, view.mixup, view.closing) == (2, 1.0, 1.0, 41)  # type: ignore[attr-defined]
    assert recipe.model.closing == 41  # type: ignore[attr-defined]
    rate = recipe.schedule(50 * 100, 1)
    assert [rate(step) for step in (0, 250, 500, 4000, 4999)] == pytest.approx([0, 0.0025, 0.01, 0.0005, 0.0005])
    few = networks.recipe(specs.parse_text(text.replace("width", "batch_size: 16, width"), "yolox", source="a.yaml"))
    assert few.schedule(50 * 100, 1)(500) == pytest.approx(0.01 / 4)


@pytest.mark.parametrize(
    ("section", "written", "field"),
    [
        ("dataset", "width: 100", "width"),
        ("dataset", "height: 0", "height"),
        ("dataset", "classes: [a, A]", "classes"),
        ("dataset", "augmentation: {mosaic_scale: [2, 0.1]}", "mosaic_scale"),
        ("dataset", "augmentation: {multi_scale: 20}", "multi_scale"),
        ("dataset", "augmentation: {closing_epochs: 301}", "closing_epochs"),
        ("model", "type: nono", "type"),
        ("train", "num_iterations: 7", "num_iterations"),
        ("train", "optim: {lr_min: 1}", "lr_min"),
    ],
)
def test_a_spec_that_makes_no_sense_names_the_field(section: str, written: str, field: str) -> None:
    sections = {"dataset": ["train_data_sources: [{path: /d}]"], "model": [], "train": []}
    sections[section].append(written)
    text = "".join(f"{name}:\n" + "".join(f"  {line}\n" for line in lines) for name, lines in sections.items() if lines)
    error = error_of(SpecError, specs.parse_text, text, "yolox", source="a.yaml")
    line = text.splitlines().index(f"  {written}") + 1
    assert str(error.where).startswith(f"a.yaml:{line}:")
    assert field in error.what


def test_classes_left_out_are_those_that_the_training_data_list(tmp_path: Path) -> None:
    for name, categories in (("one", ("zebra", "Ant")), ("two", ("ant", "moose"))):
        listed = [{"id": 9 - number, "name": each} for number, each in enumerate(categories)]
        (tmp_path / f"{name}.json").write_text(json.dumps({"images": [], "annotations": [], "categories": listed}))
    sources = "".join(
        f"    - {{image_dir: {tmp_path}, json_file: {tmp_path}/{name}.json}}\n" for name in ("one", "two")
    )
    spec = specs.parse_text(f"dataset:\n  train_data_sources:\n{sources}", "yolox", source="a.yaml")
    recipe = networks.recipe(spec)
    assert set(recipe.classes) == {"zebra", "Ant", "moose"}
    assert recipe.classes[-1] == "moose", "those of the first source come first"
    again = specs.parse_text(specs.dump(recipe.spec), "yolox", source="its checkpoint")
    assert again.message.dataset.classes == recipe.classes, "a checkpoint needs no data to say them"

    (tmp_path / "two.json").unlink()
    error = error_of(DataError, networks.recipe, spec)
    assert str(error.where).startswith("a.yaml:4:")
