"""Targets against NVIDIA's encoder, and the rules one by one."""

import json
from pathlib import Path

import numpy as np
import pytest

from runtime.networks.ssd import decode

torch = pytest.importorskip("torch")
from runtime.networks.ssd import matching
from runtime.networks.ssd.matching import BACKGROUND, NEUTRAL
from specs.ssd.geometry import anchors

pytestmark = pytest.mark.torch

GOLDEN = Path(__file__).parents[1] / "golden/ssd"
TARGETS = json.loads((GOLDEN / "targets.json").read_text())
SETTINGS = json.loads((GOLDEN / "anchors.json").read_text())[TARGETS["anchors"]]
HEIGHT, WIDTH = SETTINGS["hw"]
VARIANCES = torch.tensor([0.1, 0.1, 0.2, 0.2], dtype=torch.float64)


@pytest.fixture(scope="module")
def corners():
    return anchors_of(SETTINGS["feature_maps"], (HEIGHT, WIDTH))


def anchors_of(maps, size):
    found = anchors(
        maps,
        input_size=size,
        scales=SETTINGS["scales"],
        aspect_ratios=[SETTINGS["aspect_ratios_global"]] * 6,
        two_boxes_for_ar1=True,
    )
    return torch.tensor(found, dtype=torch.float64)


def truths(rows, size=(HEIGHT, WIDTH)):
    table = torch.tensor(rows, dtype=torch.float64).reshape(-1, 5)
    return table[:, 1:] / torch.tensor([size[1], size[0]] * 2), table[:, 0].long()


@pytest.mark.parametrize(("positive", "negative"), [(0.5, 0.5), (0.5, 0.3), (0.35, 0.2)])
@pytest.mark.parametrize("golden", TARGETS["sets"], ids=lambda golden: f"{len(golden['gt'])} objects")
def test_assignment_is_nvidias(golden, corners, positive: float, negative: float) -> None:
    expected = golden[f"np_pos{positive}_neg{negative}"]
    objects, classes = truths(golden["gt"])
    assigned, everything = matching.match(corners, [objects], positive_iou=positive, negative_iou=negative)
    labels = matching.labels(assigned, classes)[0]
    found = {int(i): int(labels[i]) for i in (labels > 0).nonzero()}
    wanted = {row[0]: row[1] for row in expected.get("matched", expected.get("matched_anchor_class"))}
    tied = {anchor for ties in golden["ties"] for anchor in ties}
    assert {i: c for i, c in found.items() if i not in tied} == {i: c for i, c in wanted.items() if i not in tied}
    assert len(found) == expected["n_pos"]
    neutral = (labels == NEUTRAL).nonzero()
    assert len(neutral) == expected["n_neutral"]
    if not tied:
        assert int(neutral.sum()) == expected.get("neutral_sum_of_indices", 0)
    assert int((labels == 0).sum()) == expected["n_negative"]
    for anchor in expected["best_anchors"]:
        assert found.get(anchor) == wanted[anchor] or anchor in tied
    chosen = torch.tensor([row[0] for row in expected.get("matched", []) if row[0] in found], dtype=torch.long)
    if len(chosen):
        offsets = decode.encode(everything[assigned[0, chosen]], corners[chosen], VARIANCES)
        nvidias = torch.tensor([row[2:] for row in expected["matched"] if row[0] in found], dtype=torch.float64)
        torch.testing.assert_close(offsets, nvidias, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("golden", TARGETS["sets"], ids=lambda golden: f"{len(golden['gt'])} objects")
def test_sums_over_the_encoding_are_nvidias(golden, corners) -> None:
    if golden["ties"] and any(len(ties) > 1 for ties in golden["ties"]):
        pytest.skip("another of the tied anchors may win")
    expected = golden["np_pos0.5_neg0.5"]["column_sums"]
    objects, classes = truths(golden["gt"])
    assigned, everything = matching.match(corners, [objects], positive_iou=0.5, negative_iou=0.5)
    labels = matching.labels(assigned, classes)
    assert [int((labels == c).sum()) for c in range(14)] == expected[:14]
    matched = (assigned[0] >= 0).nonzero()[:, 0]
    sums = decode.encode(everything[assigned[0, matched]], corners[matched], VARIANCES).sum(dim=0)
    torch.testing.assert_close(sums.tolist(), expected[14:18], rtol=1e-5, atol=1e-5)


def test_an_object_outside_gets_an_anchor_all_the_same() -> None:
    """It overlaps none: the first is as good as any. (No view of a picture lets such a box through.)"""
    golden, size = TARGETS["outside"], (288, 288)
    corners = anchors_of([(36, 36), (18, 18), (9, 9), (5, 5), (3, 3), (2, 2)], size)
    assigned, objects = matching.match(corners, [truths(golden["gt"], size)[0]], positive_iou=0.5, negative_iou=0.5)
    assert (assigned[0] >= 0).nonzero().flatten().tolist() == golden["best_anchors"]
    offsets = decode.encode(objects, corners[golden["best_anchors"]], VARIANCES)
    torch.testing.assert_close(offsets[0].tolist(), golden["row"][14:18], rtol=1e-6, atol=1e-6)
    centre = decode.to_centres(corners[golden["best_anchors"]])
    torch.testing.assert_close(centre[0].tolist(), golden["row"][18:22], rtol=1e-6, atol=1e-6)


def test_a_batch_counts_objects_through(corners) -> None:
    first, second = (truths(TARGETS["sets"][i]["gt"])[0] for i in (2, 3))
    together, everything = matching.match(corners, [first, corners[:0], second], positive_iou=0.5, negative_iou=0.4)
    assert together.shape == (3, len(corners))
    assert torch.equal(everything, torch.cat([first, second]))
    assert set(together[1].tolist()) == {BACKGROUND}
    for row, objects, start in ((0, first, 0), (2, second, len(first))):
        alone, _ = matching.match(corners, [objects], positive_iou=0.5, negative_iou=0.4)
        assert torch.equal(together[row], torch.where(alone[0] >= 0, alone[0] + start, alone[0]))


def test_every_object_gets_an_anchor_the_best_pair_first() -> None:
    overlap = torch.tensor([[0.30, 0.20, 0.00], [0.40, 0.10, 0.05], [0.45, 0.44, 0.00]])
    assigned = matching.assign(overlap, [3], positive_iou=0.5, negative_iou=0.5)
    # Object 2 takes anchor 0; 1 and 0 want it too. Object 0 falls back on anchor 1, object 1 on anchor 2.
    assert assigned.tolist() == [[2, 0, 1]]


def test_thresholds() -> None:
    overlap = torch.tensor([[0.9, 0.5, 0.49, 0.4, 0.39]])
    assigned = matching.assign(overlap, [1], positive_iou=0.5, negative_iou=0.4)
    assert assigned.tolist() == [[0, 0, NEUTRAL, NEUTRAL, BACKGROUND]]


def test_a_box_without_area_teaches_nothing(corners) -> None:
    good = torch.tensor([[0.3, 0.3, 0.6, 0.6]], dtype=torch.float64)
    for bad in ([0.3, 0.3, 0.3, 0.6], [0.5, 0.3, 0.3, 0.6], [0.3, 0.6, 0.6, 0.3], [float("nan")] * 4):
        row = torch.tensor([bad], dtype=torch.float64)
        alone, _ = matching.match(corners, [row], positive_iou=0.5, negative_iou=0.5)
        assert set(alone[0].tolist()) == {BACKGROUND}
        beside, _ = matching.match(corners, [torch.cat([row, good])], positive_iou=0.5, negative_iou=0.5)
        wanted, _ = matching.match(corners, [good], positive_iou=0.5, negative_iou=0.5)
        assert torch.equal(beside, torch.where(wanted >= 0, wanted + 1, wanted))


def test_more_objects_than_anchors() -> None:
    assigned = matching.assign(torch.full((5, 2), 0.6), [5], positive_iou=0.5, negative_iou=0.5)
    assert assigned.tolist() == [[0, 1]]


def by_definition(overlap, positive: float, negative: float) -> list[int]:
    """NVIDIA's encoder in plain words: repeatedly the best pair of all, then thresholds (reference, section 5)."""
    table, assigned = overlap.copy(), [BACKGROUND] * overlap.shape[1]
    for _ in range(min(overlap.shape)):
        row, column = np.unravel_index(table.argmax(), table.shape)
        assigned[column] = int(row)
        table[row], table[:, column] = -1, -1
    for anchor, owner in enumerate(assigned):
        best = overlap[:, anchor].max()
        if owner == BACKGROUND and best >= negative:
            assigned[anchor] = int(overlap[:, anchor].argmax()) if best >= positive else NEUTRAL
    return assigned


@pytest.mark.parametrize("seed", range(12))
def test_crowds_are_matched_by_definition(seed: int) -> None:
    """Few values, hence many objects that want the same anchor and many ties."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 9, size=4).tolist()
    overlap = rng.integers(0, 12, size=(sum(counts), 25)) / 12
    found = matching.assign(torch.tensor(overlap), counts, positive_iou=0.75, negative_iou=0.5)
    start = 0
    for row, count in zip(found.tolist(), counts, strict=True):
        wanted = [BACKGROUND] * 25
        if count:
            wanted = by_definition(overlap[start : start + count], 0.75, 0.5)
        assert row == [owner + start if owner >= 0 else owner for owner in wanted]
        start += count
