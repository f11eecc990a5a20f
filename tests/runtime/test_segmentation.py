"""Semantic segmentation: label maps counted, brought to stored pixels, drawn, cut out and written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from runtime import tasks
from runtime.imaging.placement import Placement
from runtime.tasks import ImageInfo, ResultsOptions, segmentation
from runtime.tasks.segmentation import counts
from runtime.tasks.segmentation.boundaries import Boundaries
from runtime.tasks.segmentation.counts import PixelCounts, confusion
from runtime.tasks.segmentation.measuring import MeasuredPixels, PixelMetrics
from runtime.tasks.segmentation.report import PixelReport
from tltpipe.errors import UsageError

CLASSES = ("skirt", "dress")
Map = NDArray[np.uint8]


def pixels(*rows: list[int]) -> Map:
    return np.array(rows, np.uint8)


TRUTH, SAID = pixels([0, 0, 1, 1], [0, 2, 2, 255]), pixels([0, 1, 1, 1], [0, 2, 0, 2])


def test_the_published_example() -> None:
    measured = PixelCounts(confusion(TRUTH, SAID, 3))
    assert measured.matrix.tolist() == [[2, 1, 0], [0, 2, 0], [1, 0, 1]]
    assert measured.iou == pytest.approx([1 / 2, 2 / 3, 1 / 2])
    assert measured.mean_iou == pytest.approx(5 / 9)
    assert measured.mean_iou_of_classes == pytest.approx(7 / 12)


def test_a_large_map_is_counted_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    truth, said = random.integers(0, 4, (2, 50, 31)).astype(np.uint8)
    truth[random.random(truth.shape) < 0.2] = 255
    judged = truth != 255
    expected = np.bincount(truth[judged] * 4 + said[judged], minlength=16).reshape(4, 4)
    monkeypatch.setattr(counts, "MOST", 100)
    assert (confusion(truth, said, 4) == expected).all()


def test_no_value_is_left_out_in_silence() -> None:
    with pytest.raises(ValueError, match="0 to 2"):
        confusion(pixels([0, 3]), pixels([0, 1]), 3)
    with pytest.raises(ValueError, match="0 to 2"):
        confusion(pixels([0, 1]), pixels([0, 255]), 3)


def test_a_map_comes_back_to_the_stored_size_as_pillow_resizes_it() -> None:
    random = np.random.default_rng(2)
    own = random.integers(0, 5, (64, 40)).astype(np.uint8)
    for size in ((96, 192), (20, 32), (40, 64), (32, 256)):  # no pixel lies half-way
        stored = segmentation.restore({"map": own}, ImageInfo("", size, (64, 40)))["map"]
        expected = np.asarray(Image.fromarray(own).resize(size, Image.Resampling.NEAREST))
        assert (stored == expected).all(), size


def test_what_lies_beside_the_image_has_no_say() -> None:
    own = np.full((10, 10), 3, np.uint8)
    own[2:8, 1:9] = pixels(*[[1] * 4 + [2] * 4] * 6)
    # The image, 16 x 11 pixels, lies in columns 1 to 9 and rows 2.25 to 7.75.
    placement = Placement(np.array([[0.5, 0, 1], [0, 0.5, 2.25], [0, 0, 1]]), (10, 10), (16, 11))
    stored = segmentation.restore({"map": own}, ImageInfo("", (16, 11), (10, 10), placement))["map"]
    assert stored.tolist() == [[1] * 8 + [2] * 8] * 11


def test_boundaries_are_met_up_to_a_share_of_the_diagonal() -> None:
    truth = np.zeros((400, 300), np.uint8)  # a diagonal of 500 pixels: 3.75 pixels are near
    truth[:, 100:200] = 1
    near, far, missing = truth.copy(), truth.copy(), np.zeros_like(truth)
    near[:, 97:100] = 1
    far[:, 90:100] = 1
    for said, expected in ((truth, 1.0), (near, 1.0), (far, 0.5), (missing, 0.0)):
        measured = Boundaries(3)
        measured.add(truth, said)
        assert measured.f1[1] == pytest.approx(expected)
        assert np.isnan(measured.f1[2])


def test_a_map_becomes_an_index_png_with_a_palette(tmp_path: Path) -> None:
    writer = segmentation.writers()["labels"]
    with writer.open(tmp_path, ResultsOptions(CLASSES, [tmp_path / "a.jpg"])) as results:
        results.add(tmp_path / "a.jpg", "day/a.png", {"map": SAID})
    with Image.open(tmp_path / "day/a.png") as image:
        assert image.mode == "P"
        assert (np.asarray(image) == SAID).all()
        assert image.convert("RGB").getpixel((0, 0)) == (0, 0, 0)
        assert image.convert("RGB").getpixel((1, 0)) == (230, 57, 70)
    writer.require_no_annotations(tmp_path / "day/a.png")


def test_results_never_replace_annotated_maps(tmp_path: Path) -> None:
    Image.fromarray(TRUTH).save(tmp_path / "a.png")
    with pytest.raises(UsageError):
        segmentation.writers()["labels"].require_no_annotations(tmp_path / "a.png")


def test_cutouts_have_the_original_colours_and_nothing_else() -> None:
    image = Image.fromarray(np.arange(24, dtype=np.uint8).reshape(2, 4, 3))
    cut = segmentation.cutouts(image, {"map": SAID}, CLASSES)
    assert list(cut) == ["1_skirt", "2_dress"]
    skirt = np.asarray(cut["1_skirt"])
    assert skirt[0].tolist() == [[0] * 4, [3, 4, 5, 255], [6, 7, 8, 255], [9, 10, 11, 255]]
    assert not skirt[1].any()


def test_an_overlay_leaves_the_background_as_it_is() -> None:
    own = np.zeros((200, 200), np.uint8)
    own[100:, 100:] = 2
    image = Image.new("RGB", (200, 200), (100, 100, 100))
    drawn = segmentation.draw(image, {"map": own}, CLASSES)
    assert drawn.getpixel((50, 150)) == (100, 100, 100)
    assert drawn.getpixel((150, 150)) == pytest.approx((68, 109, 152), abs=1)  # of (29, 120, 216), 45 %
    assert drawn.getpixel((100, 150)) == pytest.approx((36, 118, 205), abs=1)  # 90 %


def test_the_classes_that_occur_on_a_map() -> None:
    assert tasks.class_names({"map": pixels([0, 2], [0, 0])}, CLASSES) == ["dress"]
    assert not tasks.of_objects(segmentation)


def test_of_many_images_the_worst_are_kept_small_and_in_order() -> None:
    metrics = PixelMetrics(CLASSES, primary="pixel_accuracy", painting="annotation", boundaries=False)
    for number in range(40):
        truth = np.full((800, 500), 1, np.uint8)
        said = truth[::20, ::20].copy()
        said[: number % 20] = 2  # of 40 rows
        metrics.update([{"map": said}], [{"stored_map": truth}], [ImageInfo("", (500, 800), (40, 25))])
    right = 1 - sum(range(20)) / (20 * 40)
    assert metrics.scores().value == pytest.approx(right)
    assert metrics.scores().per_class["IoU"] == pytest.approx(
        {"background": np.nan, "skirt": right, "dress": 0}, nan_ok=True
    )
    worst = sorted(metrics.worst, reverse=True)
    assert [each.number for each in worst] == [19, 39, 18, 38, 17, 37, 16, 36, 15, 35, 14, 34]
    assert worst[0].iou == pytest.approx((21 / 40 + 0) / 2)
    assert worst[0].said.shape == (400, 250)
    assert np.asarray(worst[0].said == 2).mean() == 19 / 40
    best = sorted(metrics.best, reverse=True)
    assert [each.number for each in best] == [0, 20, 1, 21, 2, 22, 3, 23, 4, 24, 5, 25]
    assert best[0].iou == 1


def test_an_image_that_nobody_judged_counts_for_nothing() -> None:
    metrics = PixelMetrics(CLASSES, primary="mIoU", painting="annotation", boundaries=True)
    image = ImageInfo("", (2, 2), (2, 2))
    metrics.update([{"map": np.zeros((2, 2), np.uint8)}], [{"stored_map": np.full((2, 2), 255, np.uint8)}], [image])
    assert metrics.scores().value == 0
    assert all(np.isnan(value) for column in metrics.scores().per_class.values() for value in column.values())
    assert not metrics.worst
    zeros = np.zeros((2, 2), np.uint8)
    metrics.update([{"map": zeros}], [{"stored_map": zeros}], [image])
    assert not metrics.best, "background alone shows nothing"


def test_nothing_is_a_boundary_beside_ignored_pixels_and_corners_touch_nobody() -> None:
    truth = np.zeros((20, 20), np.uint8)
    truth[:, 10:] = 1
    truth[:, 9] = 255
    measured = Boundaries(2)
    measured.add(truth, truth.clip(0, 1))
    assert measured.truth.tolist() == [0, 0]
    corner = np.zeros((20, 20), np.uint8)
    corner[:10, :10] = 1
    measured = Boundaries(2)
    measured.add(corner, corner)
    assert measured.truth.tolist() == [20, 19], "pixels that touch another value by a side"


def test_a_report_says_of_what_its_shares_are() -> None:
    matrix = np.array([[6, 2, 0], [1, 3, 0], [0, 4, 0]])
    counts = PixelCounts(matrix)
    measured = MeasuredPixels(("background", *CLASSES), "mIoU", "annotation", 1, np.array([1, 1, 1]), counts, None)
    rows = PixelReport(measured, [], [], None, None).rows  # type: ignore[arg-type]
    assert [row["taken_for"] for row in rows[:3]] == ["skirt (25%)", "background (25%)", "skirt (100%)"]
    assert [row["share"] for row in rows[:3]] == [8 / 16, 4 / 16, 4 / 16]
    assert [row["precision"] for row in rows[:3]] == [pytest.approx(6 / 7), pytest.approx(3 / 9), None]
    assert [row["recall"] for row in rows[:3]] == [6 / 8, 3 / 4, 0]
    everything, means, of_classes = rows[3:]
    assert everything["recall"] == 9 / 16
    assert means["IoU"] == pytest.approx((6 / 9 + 3 / 10 + 0) / 3)
    assert of_classes["IoU"] == pytest.approx((3 / 10 + 0) / 2)
