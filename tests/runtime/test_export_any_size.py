"""Detectors that take images of any size: their ONNX opens again by its card, and finds what PyTorch does. So does
that of models of whole images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from refusals import error_of

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from runtime.exporting import judging
from runtime.inference import backends
from runtime.nn.export import onnx_files, traced
from runtime.nn.export.subject import Subject, images_input
from runtime.tasks.detection import difference
from runtime.weights import card
from runtime.weights.card import Card
from tltpipe.errors import ExportError, ModelError

OUTPUTS = ("boxes", "labels", "scores")


class Brightest(torch.nn.Module):
    """Finds what is bright: as many boxes as there are bright cells of 16 x 16 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = torch.nn.AvgPool2d(16)

    def predict(self, images: list[torch.Tensor]) -> list[dict[str, torch.Tensor]]:
        found = []
        for image in images:
            light = self.pool(image.mean(dim=0)[None, None])[0, 0]
            row, column = (light > 140).nonzero(as_tuple=True)
            scores, order = (light[row, column] / 255).sort(descending=True)
            corners = torch.stack([column, row, column + 1, row + 1], dim=1)[order] * 16.0
            found.append({"boxes": corners, "labels": 1 + order % 2, "scores": scores})
        return found


@pytest.mark.parametrize("output", ["label", "count"])
def test_what_is_said_of_the_whole_image_opens_again(tmp_path: Path, output: str) -> None:
    helper, path = onnx.helper, tmp_path / "model.onnx"
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["images"], [output], axes=[1, 2, 3], keepdims=0)], "mean",
        [helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, ["batch", 3, 8, 8])],
        [helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, ["batch"])],
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx_files.save(made, path, names=("background", "lamp"))
    given = subject(classes=("lamp",), size=(8, 8))
    told = Card("onnx", given.network, given.classes, given.size, images_input(given), {output: "float32 []"})
    card.path_of(path).write_text(told.text())
    images = np.stack([np.full((8, 8, 3), grey, np.uint8) for grey in (0, 1)])
    predictions = backends.open(path, backends.ModelRequest("brightest"))(images)
    assert [{name: values.tolist() for name, values in each.items()} for each in predictions] == [
        {output: 0.0}, {output: 1.0},
    ]  # fmt: skip


def subject(**changes: Any) -> Subject:
    fields = {"model": Brightest(), "network": "brightest", "classes": ("lamp", "sun"), "size": None, "opset": 17}
    return Subject(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("any") / "model.onnx"
    given = subject()
    traced.write(given, given.model, path, outputs=OUTPUTS)  # type: ignore[arg-type]
    given_input = traced.image_input({"min_size": 96, "max_size": 160})
    told = Card("onnx", given.network, given.classes, given.size, given_input, dict.fromkeys(OUTPUTS, "[count, ...]"))
    card.path_of(path).write_text(told.text())
    return path


def test_it_finds_what_pytorch_finds_on_images_of_every_size(exported: Path) -> None:
    model = backends.open(exported, backends.ModelRequest("brightest"))
    assert (model.classes, model.input_size) == (("lamp", "sun"), None)
    images = judging.samples(None, 5)
    assert len({image.shape for image in images}) == 3
    given = [torch.from_numpy(image).permute(2, 0, 1).float() for image in images]
    expected = [{name: value.numpy() for name, value in each.items()} for each in Brightest().predict(given)]
    found = model(images)
    assert len({len(each["scores"]) for each in found}) > 2
    apart = difference.between(expected, found)
    assert apart.same
    assert (apart.alone, apart.boxes) == (0, sum(len(each["scores"]) for each in expected))
    assert [each["labels"].dtype for each in found] == [np.int64] * 5


def test_its_card_says_how_images_are_resized(exported: Path, tmp_path: Path) -> None:
    told = json.loads(card.path_of(exported).read_text())
    assert (told["height"], told["width"], told["batch"], told["thresholds"]) == (None, None, None, None)
    assert told["input"]["shape"] == [3, "height", "width"]
    assert told["input"]["resize"] == {"min_size": 96, "max_size": 160}
    names = json.loads(next(each.value for each in onnx.load(exported).metadata_props if each.key == "names"))
    assert names == ["background", "lamp", "sun"]
    Image.new("RGB", (400, 300)).save(tmp_path / "wide.png")
    model = backends.open(exported, backends.ModelRequest("brightest"))
    assert model.load_image(tmp_path / "wide.png")[0].shape == (96, 128, 3)


def test_a_card_that_does_not_say_it(exported: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(exported.read_bytes())
    told = json.loads(card.path_of(exported).read_text())
    del told["input"]["resize"]
    card.path_of(path).write_text(json.dumps(told))
    error = error_of(ModelError, lambda: backends.open(path, backends.ModelRequest("brightest")), match="resize")
    assert error.where == path


def test_a_model_of_another_network(exported: Path) -> None:
    with pytest.raises(ModelError, match="of the network brightest, not of ssd") as caught:
        backends.open(exported, backends.ModelRequest("ssd"))
    assert caught.value.where == exported


def test_batches_it_cannot_be_written_for(tmp_path: Path) -> None:
    given = subject(batch=4)
    with pytest.raises(ExportError, match="one image at a time"):
        traced.write(given, given.model, tmp_path / "model.onnx", outputs=OUTPUTS)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
