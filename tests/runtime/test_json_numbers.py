"""Numbers of results are those that Python's ``round`` and ``json`` give, one by one."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

from runtime.tasks.detection import json_numbers
from runtime.tasks.detection.coco_results import CocoResults, Ids

RANDOM = np.random.default_rng(3)
STRANGE = [0.0, -0.0, 1e15, 1e16, 1e-5, 5e-5, 2.675, 1.005, 0.125, 0.000005, 1e300, np.inf, -np.inf, np.nan]
VALUES = np.concatenate(
    [RANDOM.uniform(-50, 2000, 2000), RANDOM.integers(0, 4000, 500) / 8, 10.0 ** RANDOM.uniform(-12, 20, 500), STRANGE]
)


@pytest.mark.parametrize("digits", [2, 5, 7])
def test_rounded_and_written_as_python_does(digits: int) -> None:
    expected = [round(value, digits) for value in VALUES.tolist()]
    rounded = json_numbers.rounded(VALUES, digits)
    assert [*map(repr, rounded.tolist())] == [*map(repr, expected)]
    assert json_numbers.texts(rounded) == [*map(json.dumps, expected)]
    assert [json_numbers.texts(rounded[at : at + 1])[0] for at in range(len(VALUES))] == [*map(json.dumps, expected)]


def test_lists_are_written_as_python_does() -> None:
    boxes = json_numbers.rounded(RANDOM.uniform(0, 900, (50, 4)), 2)
    assert json_numbers.texts(boxes) == [*map(json.dumps, boxes.tolist())]
    boxes[3, 2] = 1e-5
    assert json_numbers.texts(boxes) == [*map(json.dumps, boxes.tolist())]


def test_a_record_is_what_json_makes_of_it() -> None:
    stream, image = io.StringIO(), Path("a.jpg")
    results = CocoResults(stream, Ids({image: "ü"}, {"vest": 3}, ()), ["vest"])
    boxes = np.array([[0.1, 0.2, 10.45, 7.1], [1 / 3, 2, 3, 4]], np.float32)
    prediction = {"boxes": boxes, "labels": np.array([1, 1]), "scores": np.array([0.123456789, 1.0])}
    results.add(image, 'a "b"/ü.jpg', {name: values[:0] for name, values in prediction.items()})
    results.add(image, 'a "b"/ü.jpg', prediction)
    results.add(image, 'a "b"/ü.jpg', {name: values[1:] for name, values in prediction.items()})
    expected = []
    for (left, top, right, bottom), score in zip(boxes.tolist(), prediction["scores"].tolist(), strict=True):
        left, top, right, bottom = (round(value, 2) for value in (left, top, right, bottom))
        box = [left, top, round(right - left, 2), round(bottom - top, 2)]
        record = {"image_id": "ü", "category_id": 3, "bbox": box, "score": round(score, 5), "file_name": 'a "b"/ü.jpg'}
        expected.append(json.dumps(record))
    assert stream.getvalue() == "[\n" + ",\n".join([*expected, expected[1]])
