"""Graphs of several backbones, sizes and losses: what is in them agrees with PyTorch in every form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import specs

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from runtime.exporting import judging
from runtime.imaging.boxes import decode
from runtime.imaging.pixels import prepared
from runtime.inference.backends._decoders import probabilities
from runtime.networks import ssd
from runtime.networks.ssd.export import core, graphs, heads
from runtime.networks.ssd.loss import FocalLoss, HardNegativeLoss
from runtime.networks.ssd.model import SSD
from runtime.nn.export import pieces
from runtime.nn.export.subject import Subject
from runtime.tasks import Prediction
from runtime.tasks.detection import difference
from runtime.tasks.detection.detections import Thresholds, detections, suppress

SPEC = Path(__file__).parents[1] / "data/seed-specs/training.conf"


def build(arch: str, nlayers: int, loss: Any, *, size: tuple[int, int], channels: int) -> Any:
    """A detector with answers of all kinds, without training: normalised by pictures, heads of unlike weights."""
    settings = replace(
        ssd.recipe(specs.parse(SPEC, "ssd")).model, arch=arch, nlayers=nlayers, loss=loss, input_size=size,
        input_channels=channels, mean=(117.3786,) if channels == 1 else (103.939, 116.779, 123.68), top_k=60,
        confidence_threshold=0.2, clustering_iou_threshold=0.5, freeze_blocks=(), regularizer="NO_REG",
    )  # fmt: skip
    torch.manual_seed(3)
    detector = SSD(settings, num_classes=3)
    pixels = torch.from_numpy(judging.sample(size, 8)).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        for _ in range(3):  # batch norms settle
            detector.train()
            detector.raw(pixels)
        logits, offsets = detector.eval().raw(pixels)
        for group, output in ((detector.conf, logits), (detector.loc, offsets)):
            for head in group:
                head.weight /= output.std()
                head.bias.zero_()
    return detector


@pytest.mark.parametrize(
    ("arch", "nlayers", "loss", "size", "channels"),
    [
        ("resnet", 10, HardNegativeLoss(), (160, 192), 3),
        ("mobilenet_v2", 0, FocalLoss(), (160, 160), 3),
        ("squeezenet", 0, HardNegativeLoss(), (192, 160), 1),
        ("efficientnet_b0", 0, HardNegativeLoss(), (160, 160), 3),
    ],
)
def test_all_forms_agree(
    arch: str, nlayers: int, loss: Any, size: tuple[int, int], channels: int, tmp_path: Path
) -> None:
    detector = build(arch, nlayers, loss, size=size, channels=channels)
    known = heads.describe(detector, classes=3)
    assert known.background == isinstance(loss, HardNegativeLoss)
    network = core.export(detector, known, opset=17)
    pixels = judging.sample(size, 5)
    images = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32)
    with torch.inference_mode():
        truth = [
            detections(*(each[name] for name in ("boxes", "labels", "scores")))
            for each in detector.predict(torch.from_numpy(images))
        ]
    assert sum(len(found["scores"]) for found in truth) > 50
    assert {label for found in truth for label in found["labels"].tolist()} == {1, 2, 3}

    def run(model: Any, given: Any) -> Any:
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        return session.run(None, {session.get_inputs()[0].name: given})

    def same(found: list[Prediction]) -> None:
        apart = difference.between(truth, found)
        assert apart.alone == 0
        assert apart.pixels < 1e-2
        assert apart.scores < 1e-4

    whole = pieces.join(network, graphs.pixels(known), graphs.detections(known), batch=None)
    onnx.checker.check_model(whole, full_check=True)
    for count in (5, 1):
        boxes, labels, scores, counts = run(whole, images[:count])
        assert boxes.shape == (count, 60, 4)
        assert (labels[0, counts[0] :] == 0).all()
        assert (scores[0, counts[0] :] == 0).all()
        if count == 5:
            same([detections(boxes[i][:n], labels[i][:n], scores[i][:n]) for i, n in enumerate(counts)])

    logits, offsets, anchors = run(pieces.join(network, graphs.pixels(known), graphs.raw(known), batch=None), images)
    scale = np.array([size[1], size[0]] * 2, np.float32)
    same([
        suppress(
            probabilities(logits[i], background=known.background),
            decode(offsets[i], anchors, np.array(known.variances, np.float32)) * scale,
            known.thresholds,
        )
        for i in range(5)
    ])  # fmt: skip

    model = pieces.join(network, None, graphs.plugin(known), batch=None)
    node = model.graph.node[-1]
    settings = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
    assert settings["numClasses"] == 3 + known.background
    assert settings["backgroundLabelId"] == (0 if known.background else -1)
    del model.graph.node[-1], model.graph.output[:]
    model.graph.output.extend(onnx.helper.make_tensor_value_info(name, 1, [None] * 4) for name in node.input)
    prior, loc, conf = run(model, prepared(pixels, mean=known.mean, grey=known.grey))
    assert prior.shape == (5, 2, 4 * len(known.anchors), 1)
    same([
        suppress(
            conf[i].reshape(-1, settings["numClasses"])[:, settings["backgroundLabelId"] + 1 :],
            decode(loc[i].reshape(-1, 4), prior[i, 0].reshape(-1, 4), prior[i, 1].reshape(-1, 4)) * scale,
            known.thresholds,
        )
        for i in range(5)
    ])  # fmt: skip

    if not known.background:
        int8_has_no_operators_of_microsofts(detector, known, pixels)


def int8_has_no_operators_of_microsofts(detector: Any, known: Any, pixels: Any) -> None:
    batches = [pixels[:2], pixels[2:]]
    subject = Subject(detector, "ssd", ("a", "b", "c"), known.input_size, 17, None, "int8", lambda: iter(batches))
    small = core.network(subject, known)
    assert {node.domain for node in small.graph.node} == {""}
    assert [each.version for each in small.opset_import] == [17]
    whole = pieces.join(small, graphs.pixels(known), graphs.detections(known), batch=None)
    onnx.checker.check_model(whole, full_check=True)


def test_numpy_suppresses_as_torch_does() -> None:
    from runtime.networks.ssd.decode import detect

    random = np.random.default_rng(5)
    for count in (0, 1, 400):
        corners = random.uniform(-20, 80, (count, 2)).astype(np.float32)
        corners = np.concatenate([corners, corners + random.uniform(1, 60, (count, 2)).astype(np.float32)], axis=1)
        scores = random.uniform(0, 1, (count, 4)).astype(np.float32) ** 2
        theirs = detect(
            torch.from_numpy(scores), torch.from_numpy(corners), confidence_threshold=0.1, iou_threshold=0.4, top_k=50
        )
        ours = suppress(scores, corners, Thresholds(0.1, 0.4, 50))
        assert ours["labels"].tolist() == theirs["labels"].tolist()
        assert np.array_equal(ours["scores"], theirs["scores"].numpy())
        assert np.array_equal(ours["boxes"], theirs["boxes"].numpy())


def test_the_difference_that_is_told() -> None:
    one = detections([[0, 0, 10, 10], [20, 20, 30, 40]], [1, 2], [0.9, 0.5])
    moved = detections([[0, 0, 10, 10.25], [20, 20, 30, 40]], [1, 2], [0.9, 0.4])
    assert difference.between([one], [one]) == difference.Difference(1, 2, 0, 0.0, 0.0)
    apart = difference.between([one], [moved])
    assert (apart.boxes, apart.alone, apart.pixels) == (2, 0, 0.25)
    assert apart.scores == pytest.approx(0.1)
    assert not apart.within(difference.EXACT)
    nearer = difference.Difference(1, 2, 0, 0.25, 0.01)
    assert nearer.within(difference.HALF)
    assert not nearer.within(difference.EXACT)
    other = detections([[0, 0, 10, 10]], [3], [0.9])
    assert difference.between([one], [other]).alone == 3
    assert difference.unexplained_detections([moved], [np.array([[0.9, 0], [0, 0.4]])], [moved["boxes"]]) == 0
    assert difference.unexplained_detections([moved], [np.array([[0.9, 0], [0.4, 0]])], [moved["boxes"]]) == 1
    assert difference.unexplained_detections([moved], [np.array([[0.9, 0], [0, 0.4]])], [one["boxes"]]) == 1
