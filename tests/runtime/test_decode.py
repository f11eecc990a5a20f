"""Decoding and suppression against NVIDIA's output layer, and the rules one by one."""

import json
from pathlib import Path

import numpy as np
import pytest

from runtime.networks.ssd import decode

torch = pytest.importorskip("torch")

from runtime.networks.ssd.decode import detect
from specs.ssd.geometry import anchors

pytestmark = pytest.mark.torch

GOLDEN = Path(__file__).parents[1] / "golden/ssd"
ARGS = json.loads((GOLDEN / "decode.json").read_text())
SETTINGS = json.loads((GOLDEN / "loss.json").read_text())


def golden_anchors():
    found = anchors(
        SETTINGS["feature_maps"],
        input_size=tuple(SETTINGS["img_hw"]),
        scales=SETTINGS["scales"],
        aspect_ratios=[SETTINGS["aspect_ratios_global"]] * 6,
        two_boxes_for_ar1=True,
    )
    return torch.tensor(found, dtype=torch.float32)


def test_detections_are_nvidias() -> None:
    with np.load(GOLDEN / "decode.npz") as golden:
        scores, offsets, expected = (torch.tensor(golden[name]) for name in ("scores", "offsets", "detections"))
    width, height = ARGS["img_width"], ARGS["img_height"]
    corners = decode.decode(offsets, golden_anchors(), torch.tensor(ARGS["variances"]))
    corners = corners * torch.tensor([width, height, width, height])
    for picture in range(len(scores)):
        found = detect(
            scores[picture, :, 1:],
            corners[picture],
            confidence_threshold=ARGS["confidence_thresh"],
            iou_threshold=ARGS["iou_threshold"],
            top_k=ARGS["top_k"],
        )
        assert found["labels"].tolist() == expected[picture, :, 0].long().tolist()
        torch.testing.assert_close(found["scores"], expected[picture, :, 1])
        torch.testing.assert_close(found["boxes"], expected[picture, :, 2:], rtol=1e-4, atol=1e-3)


def run(scores, corners, **changes):
    options = {"confidence_threshold": 0.3, "iou_threshold": 0.5, "top_k": 10} | changes
    return detect(torch.tensor(scores), torch.tensor(corners), **options)


def test_a_score_at_the_threshold_is_dropped() -> None:
    found = run([[0.5], [0.25], [0.75]], [[0.0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]], confidence_threshold=0.5)
    assert found["scores"].tolist() == [0.75]


def test_suppression_is_within_a_class_also_outside_the_picture() -> None:
    inside, left = [0.0, 0, 100, 100], [-500.0, -500, -400, -400]
    found = run([[0.9, 0.8], [0.7, 0.4], [0.6, 0.5]], [inside, [1.0, 0, 100, 100], left])
    kept = sorted(zip(found["labels"].tolist(), found["boxes"].tolist(), strict=True))
    assert kept == [(1, left), (1, inside), (2, left), (2, inside)]


def test_the_best_of_all_classes_stay_sorted() -> None:
    corners = [[20.0 * i, 0, 20.0 * i + 10, 10] for i in range(4)]
    found = run([[0.4, 0.9], [0.5, 0.31], [0.8, 0.7], [0.6, 0.32]], corners, top_k=3)
    assert found["labels"].tolist() == [2, 1, 2]
    assert found["scores"].tolist() == pytest.approx([0.9, 0.8, 0.7])


@pytest.mark.parametrize("seed", range(4))
def test_no_candidate_is_left_out(seed: int) -> None:
    """Heaps of boxes, most of which go, so that far more are needed than are looked at first."""
    torch.manual_seed(seed)
    centres = torch.rand(5, 2) * 100
    place = torch.randint(0, 5, (700,))
    low = centres[place] + torch.rand(700, 2) * 4
    corners, scores = torch.cat([low, low + 20], dim=1), torch.rand(700, 3)
    found = detect(scores, corners, confidence_threshold=0.05, iou_threshold=0.3, top_k=12)
    overlap, kept = decode.overlaps(corners, corners).tolist(), []
    for value, index in zip(*scores.flatten().sort(descending=True), strict=True):
        anchor, label = divmod(index.item(), 3)
        if value > 0.05 and not any(label == other and overlap[anchor][rest] > 0.3 for _, other, rest in kept):
            kept.append((value.item(), label, anchor))
    assert found["scores"].tolist() == pytest.approx([value for value, _, _ in kept[:12]])
    assert found["labels"].tolist() == [label + 1 for _, label, _ in kept[:12]]


def test_what_is_no_number_is_not_found() -> None:
    nan = float("nan")
    found = run([[nan], [0.5], [nan]], [[0.0, 0, 10, 10], [20, 0, 30, 10], [nan] * 4])
    assert found["scores"].tolist() == [0.5]


def test_nothing_found() -> None:
    found = run([[0.1], [0.2]], [[0.0, 0, 10, 10], [20, 0, 30, 10]])
    assert {name: tuple(value.shape) for name, value in found.items()} == {
        "boxes": (0, 4),
        "labels": (0,),
        "scores": (0,),
    }


def test_decode_inverts_encode_and_survives_wild_offsets() -> None:
    torch.manual_seed(0)
    low = torch.rand(50, 2)
    corners, variances = torch.cat([low, low + torch.rand(50, 2) + 0.01], dim=1), torch.tensor([0.1, 0.1, 0.2, 0.2])
    anchor = corners.roll(1, dims=0)
    again = decode.decode(decode.encode(corners, anchor, variances), anchor, variances)
    torch.testing.assert_close(again, corners, rtol=1e-4, atol=1e-5)
    assert torch.isfinite(decode.decode(torch.full((50, 4), 1e4), anchor, variances)).all()
