"""Average precision against NVIDIA's evaluator, and by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from runtime.tasks import ImageInfo
from runtime.tasks.detection.average_precision import Mode, Result, precision, to_network_pixels
from runtime.tasks.detection.evaluation.report import table
from runtime.tasks.detection.findings import Collector

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/ssd/average_precision.json").read_text())
IMAGE = ImageInfo("", (640, 480), (480, 640))
MODES: tuple[Mode, Mode] = ("SAMPLE", "INTEGRATE")


def measured(truths, predictions, *, classes, mode, iou=0.5, confidence=0.01):
    metric = Collector([f"class {label}" for label in range(1, classes)])
    for picture, found in zip(truths, predictions, strict=True):
        objects, rows = np.reshape(picture, (-1, 6)), np.reshape(found, (-1, 6))
        rows = rows[rows[:, 1] > confidence]
        metric.add(
            {"labels": rows[:, 0], "scores": rows[:, 1], "boxes": rows[:, 2:]},
            {"labels": objects[:, 0], "difficult": objects[:, 1], "boxes": objects[:, 2:]},
            IMAGE,
        )
    return precision(metric.findings(), mode=mode, iou=iou, strict=True)


@pytest.mark.parametrize("case", GOLDEN["cases"])
def test_precision_of_each_class_is_nvidias(case: str) -> None:
    expected = GOLDEN["cases"][case]
    args = expected["args"]
    result = measured(
        GOLDEN["gt"],
        GOLDEN["pred"],
        classes=GOLDEN["n_classes_incl_bg"],
        mode=args["average_precision_mode"].upper(),
        iou=args["matching_iou_threshold"],
        confidence=args["conf_thres"],
    )
    assert list(result.per_class.values()) == pytest.approx(expected["ap_per_class"][1:], abs=1e-6)
    assert result.mean == pytest.approx(expected["mAP_reported_by_ssd_evaluate_mean_ap_1_to_end"], abs=1e-6)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", GOLDEN["hand_cases"], ids=lambda case: case["name"])
def test_small_cases(case, mode: Mode) -> None:
    result = measured(case["gt"], case["pred"], classes=case["n_classes"], mode=mode)
    assert list(result.per_class.values()) == pytest.approx(case["ap_per_class"][mode.lower()][1:])


def test_order_of_pictures_and_of_detections_does_not_matter() -> None:
    forward = measured(GOLDEN["gt"], GOLDEN["pred"], classes=5, mode="INTEGRATE")
    backward = measured(GOLDEN["gt"][::-1], [p[::-1] for p in GOLDEN["pred"][::-1]], classes=5, mode="INTEGRATE")
    assert forward.per_class == pytest.approx(backward.per_class, abs=1e-3)  # equal scores may swap


def test_nothing_added_is_zero_and_an_absent_class_counts_in_the_mean() -> None:
    metric = Collector(["shirt", "skirt"])
    assert precision(metric.findings(), mode="SAMPLE", iou=0.5, strict=True).mean == 0
    box = np.array([[0, 0, 10, 10]])
    metric.add({"boxes": box, "labels": [1], "scores": [0.5]}, {"boxes": box, "labels": [1]}, IMAGE)
    result = precision(metric.findings(), mode="SAMPLE", iou=0.5, strict=True)
    assert result.per_class == {"shirt": 1.0, "skirt": 0.0}
    assert result.mean == 0.5


def test_empty_pictures_and_empty_boxes() -> None:
    metric = Collector(["shirt"])
    nothing = {"boxes": np.zeros((0, 4)), "labels": np.zeros(0), "scores": np.zeros(0)}
    metric.add(nothing, nothing, IMAGE)
    metric.add(
        {"boxes": [[5, 5, 5, 5]], "labels": [1], "scores": [0.9]}, {"boxes": [[5, 5, 5, 5]], "labels": [1]}, IMAGE
    )
    assert precision(metric.findings(), mode="INTEGRATE", iou=0.5, strict=True).mean == 0


def test_boxes_are_compared_in_whole_pixels_inside_the_picture() -> None:
    boxes = [[-3.2, 1.5, 10.4, 99.0], [0.5, 2.5, 64.0, 31.6]]
    assert to_network_pixels(boxes, size=(32, 64)).tolist() == [[0, 2, 10, 32], [0, 2, 64, 32]]
    assert to_network_pixels(boxes, size=(32, 64), truth=True).tolist() == [[0, 2, 10, 31], [0, 2, 63, 31]]


def test_unknown_mode() -> None:
    with pytest.raises(ValueError, match="SAMPLE or INTEGRATE"):
        precision(Collector(["shirt"]).findings(), mode="MEAN", iou=0.5, strict=True)  # type: ignore[arg-type]


@pytest.mark.parametrize("label", [0, 2])
def test_label_out_of_range(label: int) -> None:
    metric = Collector(["shirt"])
    with pytest.raises(IndexError, match=f"label {label}"):
        metric.add({"boxes": [[0, 0, 9, 9]], "labels": [label], "scores": [0.9]}, {"boxes": [], "labels": []}, IMAGE)


@pytest.mark.parametrize(("strict", "shown"), [(False, "-"), (True, "0.000")])
def test_a_class_without_an_object_has_a_dash_in_the_table(strict: bool, shown: str) -> None:
    """As with NVIDIA a 0 under strict, where it counts in the mean."""
    result = Result({"circle": 0.5, "star": 0.0}, frozenset({"star"}), strict)
    lines = [line.split() for line in table(result, decimals=3)]
    assert lines[1:-1] == [["circle", "AP", "0.500"], ["star", "AP", shown], ["mAP", "0.250" if strict else "0.500"]]
