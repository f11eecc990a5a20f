"""Landmarks are judged as the official evaluation does it, on the 294 points, and written for others to judge again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coco_landmarks import Judged, Record, item, judged, layout_of, row

SKIRT = 9
OWN = np.array(
    [
        (100, 100, 2), (150, 100, 2), (200, 100, 2), (90, 200, 2), (80, 300, 2), (150, 310, 2), (220, 300, 1), (0, 0, 0)
    ],
    float,
)  # fmt: skip
BOX = (80, 100, 140, 210)


def shifted(dx: float, dy: float) -> Any:
    """The published prediction: also of the point that is not labelled."""
    points = OWN.copy()
    points[7, :2] = 210, 200
    points[:, :2] += dx, dy
    return points


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """One image with one skirt, of which test vectors are published."""
    return Judged(tmp_path_factory.mktemp("one"), [item(1, 7, SKIRT, BOX, OWN)], (7,)).write()


@pytest.mark.parametrize(
    ("shift", "oks", "expected"),
    [
        ((0, 0), 1.0, {"AP": 1.0, "AP50": 1.0, "AP75": 1.0, "APl": 1.0, "AR": 1.0}),
        ((3, 4), 0.8971254438, {"AP": 0.8, "AP50": 1.0, "AP75": 1.0, "APl": 0.8, "AR": 0.8}),
        ((6, 8), 0.6742449682, {"AP": 0.4, "AP50": 1.0, "AP75": 0.0, "APl": 0.4, "AR": 0.4}),
        ((12, 16), 0.3102379373, {"AP": 0.0, "AP50": 0.0, "AP75": 0.0, "APl": 0.0, "AR": 0.0}),
    ],
)
def test_the_published_vectors(one: Judged, shift: Any, oks: float, expected: dict[str, float]) -> None:
    rows = [row(7, SKIRT, shifted(*shift), 0.9)]
    measured = one.measured(one.results(rows)).measured()
    place = np.array([0])
    assert measured.similarity(place, place)[0] == pytest.approx(oks, abs=1e-9)
    assert {name: measured.oks[name] for name in expected} == pytest.approx(expected)
    assert np.isnan([measured.oks["APm"], measured.oks["ARm"]]).all()
    for faster in (False, True):
        assert measured.oks == pytest.approx(judged(one.truth, rows, faster=faster), nan_ok=True)


def test_visible_points_alone(one: Judged) -> None:
    rows = one.results([row(7, SKIRT, shifted(3, 4), 0.9)])
    measured = one.measured(rows, visibility="visible").measured()
    assert measured.similarity(np.array([0]), np.array([0]))[0] == pytest.approx(0.8858809775, abs=1e-9)


def scattered(root: Path, seed: int) -> tuple[Judged, list[Record]]:
    """Objects of all sizes in all garments on fifty images, some crowds, some without landmarks; of each none to 25
    predictions, near and far, some with points in the slots of others, some of another class."""
    random = np.random.default_rng(seed)
    annotations, rows = [], list[Record]()
    numbers = tuple(sorted(random.permutation(400)[:50].tolist()))  # by which those with equal scores are ranked
    for image in numbers:
        for _ in range(random.integers(0, 5)):
            category = int(random.choice([1, 3, 7, 8, 9, 13]))
            count, (left, top) = layout_of(category).count, random.uniform(0, 300, 2)
            width, height = np.exp(random.uniform(3, 5.5, 2))
            own = np.column_stack([left + width * random.random(count), top + height * random.random(count)])
            seen = random.choice([0, 1, 2], count, p=[0.2, 0.3, 0.5]) * (random.random() > 0.15)
            truth = np.column_stack([own, seen]) * (seen > 0)[:, None]
            fields = {"iscrowd": int(random.random() < 0.1)} | ({"area": width * height * 0.6} if image % 3 else {})
            box = (left, top, width, height)
            annotations.append(item(len(annotations) + 1, image, category, box, truth, **fields))
            for _ in range(random.choice([0, 1, 2, 25], p=[0.2, 0.5, 0.25, 0.05])):
                off = random.choice([0.01, 0.05, 0.3]) * max(width, height)
                found = row(image, category, own + random.normal(0, off, own.shape), round(float(random.random()), 2))
                if random.random() < 0.2:  # as a network that shares channels fills the slots of all garments
                    empty = np.array(found["keypoints"]).reshape(-1, 3)
                    empty[empty[:, 2] == 0, :2] = (left, top) + random.random((2,)) * 50
                    found["keypoints"] = empty.ravel().tolist()
                rows.append(found if random.random() > 0.1 else found | {"category_id": 1})
    return Judged(root, annotations, numbers).write(), rows


@pytest.mark.parametrize("seed", range(2))
def test_random_data_are_judged_as_pycocotools_does(tmp_path: Path, seed: int) -> None:
    data, rows = scattered(tmp_path, seed)
    ours = data.measured(data.results(rows)).measured().oks
    for faster in (False, True):
        assert ours == pytest.approx(judged(data.truth, rows, faster=faster), abs=1e-9, nan_ok=True)
    assert 0.05 < ours["AP"] < 0.9
    assert not np.isnan([*ours.values()]).any()
