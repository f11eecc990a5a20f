"""Targets against NVIDIA's encoder, and the rules one by one."""

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
from runtime.networks.ssd import boxes, matching
from runtime.networks.ssd.anchors import anchors
from runtime.networks.ssd.matching import BACKGROUND, NEUTRAL

pytestmark = pytest.mark.torch

GOLDEN = Path(__file__).parents[1] / "golden/ssd"
TARGETS = json.loads((GOLDEN / "targets.json").read_text())
SETTINGS = json.loads((GOLDEN / "anchors.json").read_text())[TARGETS["anchors"]]
HEIGHT, WIDTH = SETTINGS["hw"]
VARIANCES = torch.tensor([0.1, 0.1, 0.2, 0.2])


@pytest.fixture(scope="module")
def corners():
    found = anchors(
        SETTINGS["feature_maps"],
        input_size=(HEIGHT, WIDTH),
        scales=SETTINGS["scales"],
        aspect_ratios=[SETTINGS["aspect_ratios_global"]] * 6,
        two_boxes_for_ar1=True,
    )
    return torch.tensor(found, dtype=torch.float32)


def truths(golden):
    rows = torch.tensor(golden["gt"], dtype=torch.float64).reshape(-1, 5)
    return (rows[:, 1:] / torch.tensor([WIDTH, HEIGHT, WIDTH, HEIGHT])).float(), rows[:, 0].long()


@pytest.mark.parametrize(("positive", "negative"), [(0.5, 0.5), (0.5, 0.3), (0.35, 0.2)])
@pytest.mark.parametrize("golden", TARGETS["sets"], ids=lambda golden: f"{len(golden['gt'])} objects")
def test_assignment_is_nvidias(golden, corners, positive: float, negative: float) -> None:
    expected = golden[f"np_pos{positive}_neg{negative}"]
    objects, classes = truths(golden)
    assigned, everything = matching.match(corners, [objects], positive_iou=positive, negative_iou=negative)
    labels = matching.labels(assigned, classes)[0]
    found = {int(i): int(labels[i]) for i in (labels > 0).nonzero()}
    wanted = {row[0]: row[1] for row in expected.get("matched", expected.get("matched_anchor_class"))}
    tied = {anchor for ties in golden["ties"] for anchor in ties}
    assert {i: c for i, c in found.items() if i not in tied} == {i: c for i, c in wanted.items() if i not in tied}
    assert len(found) == expected["n_pos"]
    assert int((labels == NEUTRAL).sum()) == expected["n_neutral"]
    assert int((labels == 0).sum()) == expected["n_negative"]
    chosen = torch.tensor([row[0] for row in expected.get("matched", []) if row[0] in found], dtype=torch.long)
    if len(chosen):
        offsets = boxes.encode(everything[assigned[0, chosen]], corners[chosen], VARIANCES)
        nvidias = torch.tensor([row[2:] for row in expected["matched"] if row[0] in found])
        torch.testing.assert_close(offsets, nvidias, rtol=1e-4, atol=1e-4)


def test_a_batch_counts_objects_through(corners) -> None:
    first, second = truths(TARGETS["sets"][2])[0], truths(TARGETS["sets"][3])[0]
    together, everything = matching.match(corners, [first, corners[:0], second], positive_iou=0.5, negative_iou=0.4)
    assert together.shape == (3, len(corners))
    assert torch.equal(everything, torch.cat([first, second]))
    assert set(together[1].tolist()) == {BACKGROUND}
    for row, objects, start in ((0, first, 0), (2, second, len(first))):
        alone, _ = matching.match(corners, [objects], positive_iou=0.5, negative_iou=0.4)
        assert torch.equal(together[row], torch.where(alone[0] >= 0, alone[0] + start, alone[0]))


def test_every_object_gets_an_anchor_the_best_pair_first() -> None:
    overlap = torch.tensor([[0.30, 0.20, 0.00], [0.40, 0.10, 0.05], [0.45, 0.44, 0.00]])
    assigned = matching.assign(overlap, positive_iou=0.5, negative_iou=0.5)
    # Object 2 takes anchor 0; 1 and 0 want it too. Object 0 falls back on anchor 1, object 1 on anchor 2.
    assert assigned.tolist() == [2, 0, 1]


def test_thresholds() -> None:
    overlap = torch.tensor([[0.9, 0.5, 0.49, 0.4, 0.39]])
    assigned = matching.assign(overlap, positive_iou=0.5, negative_iou=0.4)
    assert assigned.tolist() == [0, 0, NEUTRAL, NEUTRAL, BACKGROUND]


@pytest.mark.parametrize("box", [[0.3, 0.3, 0.3, 0.6], [5.0, 5.0, 6.0, 6.0]], ids=["empty", "outside"])
def test_what_overlaps_no_anchor_teaches_nothing(corners, box) -> None:
    assigned, _ = matching.match(corners, [torch.tensor([box])], positive_iou=0.5, negative_iou=0.5)
    assert set(assigned[0].tolist()) == {BACKGROUND}


def test_more_objects_than_anchors() -> None:
    assigned = matching.assign(torch.full((5, 2), 0.6), positive_iou=0.5, negative_iou=0.5)
    assert assigned.tolist() == [0, 1]
