"""The mean of results of several models for the same detections, or one line on why there is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from refusals import error_of

from converters.transfer.landmark_ensembles import ensemble
from tltpipe.errors import DataError, TltpipeError, UsageError


def row(image: int, category: int, x: float, score: float = 0.5, **fields: Any) -> dict[str, Any]:
    return {"image_id": image, "category_id": category, "keypoints": [x, 2 * x, 1, 0, 0, 0], "score": score, **fields}


def written(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]")
    return path


def test_the_mean_of_rows_in_any_order(tmp_path: Path) -> None:
    """Two skirts on one image go by their boxes, which one writes as a box, the other as a centre."""
    left, right = [10, 10, 20, 40], [100, 10, 20, 40]
    one = written(
        tmp_path / "a.json", row(1, 9, 10, 0.8, box=left), row(1, 9, 110, 0.6, box=right), row(2, 9, 50), row(2, 5, 70)
    )
    other = written(
        tmp_path / "b.json", row(2, 5, 80), row(1, 9, 114, 0.2, center=[110.4, 30]), row(2, 9, 50.5),
        row(1, 9, 11, 0.4, center=[20, 30.4], scale=[0.1, 0.2]),
    )  # fmt: skip
    assert ensemble([one, other], tmp_path / "mean.json") == 4
    rows = json.loads((tmp_path / "mean.json").read_text())
    assert [each["keypoints"][:3] for each in rows] == [[10.5, 21, 1], [112, 224, 1], [50.25, 100.5, 1], [75, 150, 1]]
    assert [each["score"] for each in rows] == pytest.approx([0.6, 0.4, 0.5, 0.5])
    assert [each.get("box") for each in rows] == [left, right, None, None]
    third = written(tmp_path / "c.json", *json.loads(one.read_text()))
    assert ensemble([one, other, third], tmp_path / "mean.json", replace=True) == 4
    rows = json.loads((tmp_path / "mean.json").read_text())
    assert rows[1]["keypoints"][0] == pytest.approx((110 + 114 + 110) / 3, abs=1e-4)
    assert rows[1]["score"] == pytest.approx((0.6 + 0.2 + 0.6) / 3)


@pytest.mark.parametrize(
    ("others", "where", "told"),
    [
        ([row(1, 9, 1, box=[0, 0, 9, 9]), row(3, 9, 1)], "b.json:3:1", "image 3"),
        ([row(1, 9, 1, box=[0, 0, 9, 9])], "a.json:3:1", "1 rows"),
        ([row(1, 9, 1, box=[5, 5, 9, 9]), row(2, 9, 1)], "b.json:2:1", "counterpart"),
        ([row(1, 9, 1, box=[0, 5, 9, 9]), row(2, 9, 1)], "b.json:2:1", "counterpart"),
        ([row(1, 9, 1, box=[0, 0, 9, 9]), row(2, 9, 1), row(2, 9, 1)], "b.json:4:1", "image 2"),
        ([row(1, 9, 1, box=[0, 0, 9, 9]), row(2, 9, 1) | {"keypoints": [1, 2, 1]}], "b.json:3:1", "1 points"),
        ([row(1, 9, 1), row(2, 9, 1) | {"keypoints": None}], "b.json:3:1", "keypoints"),
        ([row(1, 9, 1), row(2, 9, 1) | {"score": "1"}], "b.json:3:1", "score"),
    ],
)
def test_files_that_do_not_fit(tmp_path: Path, others: list[dict[str, Any]], where: str, told: str) -> None:
    one = written(tmp_path / "a.json", row(1, 9, 1, box=[0, 0, 9, 9]), row(2, 9, 1))
    other = written(tmp_path / "b.json", *others)
    error = error_of(DataError, ensemble, [one, other], tmp_path / "mean.json", match=told)
    assert str(error.where) == f"{tmp_path}/{where}"
    assert not (tmp_path / "mean.json").exists()


def test_two_rows_that_nothing_tells_apart(tmp_path: Path) -> None:
    both = row(1, 9, 1), row(1, 9, 2)
    files = [written(tmp_path / name, *both) for name in ("a.json", "b.json")]
    assert "which detection" in error_of(DataError, ensemble, files, tmp_path / "mean.json").what


def test_what_an_ensemble_is_not_made_of(tmp_path: Path) -> None:
    one, empty = written(tmp_path / "a.json", row(1, 9, 1)), tmp_path / "empty.json"
    empty.write_text("[]")
    refused: dict[type[TltpipeError], list[tuple[list[Path], Path]]] = {
        UsageError: [([one], tmp_path / "mean.json"), ([one, one], one)],
        DataError: [([empty, one], tmp_path / "mean.json")],
    }
    for kind, cases in refused.items():
        for files, target in cases:
            error_of(kind, ensemble, files, target, replace=True)
    assert json.loads(one.read_text()) == [row(1, 9, 1)]
