"""Landmarks are judged as the official evaluation does it, on the 294 points, and written for others to judge again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coco_landmarks import SIZE, Judged, Record, item, judged, layout_of, row
from PIL import Image

from converters.model import garments
from converters.pictures.drawing import colour_of
from runtime.data import frames
from runtime.imaging.placement import Placement
from runtime.programs import evaluate
from runtime.tasks import ImageInfo, Prediction, ReportOptions, ResultsOptions, keypoints
from runtime.tasks.detection.drawing import PREDICTION
from runtime.tasks.keypoints.distances import Distances
from runtime.tasks.keypoints.measuring import KeypointMetrics
from tltpipe.errors import UsageError

SKIRT, VEST = 9, 5
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


def test_results_with_boxes_are_as_large_as_these(tmp_path: Path) -> None:
    """The area decides what unmatched predictions count as; COCO's programs take it from "bbox" where there is one."""
    data, rows = scattered(tmp_path, 3)
    random = np.random.default_rng(3)
    rows = [each | {"bbox": [9, 9, *random.uniform(20, 200, 2).tolist()]} for each in rows]
    ours = data.measured(data.results(rows)).measured().oks
    assert ours == pytest.approx(judged(data.truth, rows), abs=1e-9, nan_ok=True)


SPEC = """\
dataset:
  train_data_sources: [{{json_file: {root}/truth.json, image_dir: {root}/images}}]
  val_data_sources: [{{json_file: {root}/truth.json, image_dir: {root}/images}}]
  classes: [{classes}]
"""


def evaluated(data: Judged, capsys: pytest.CaptureFixture[str], *options: str, classes: str = "skirt, vest") -> Any:
    """Exit code and evaluation.json, or what was said on standard error."""
    spec = data.root / "spec.yaml"
    spec.write_text(SPEC.format(root=data.root, classes=classes))
    capsys.readouterr()
    code = evaluate.main(["hrnet", "-e", str(spec), "--json", *options])
    printed = capsys.readouterr()
    return (code, json.loads(printed.out)) if code == 0 else (code, printed.err)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """Two images, a skirt and a vest on the first, a vest without landmarks on the second."""
    vest = np.column_stack([np.arange(15) * 10 + 300, np.arange(15) * 5 + 100, np.full(15, 2)])
    annotations = [
        item(1, 7, SKIRT, BOX, OWN), item(2, 7, VEST, (300, 90, 150, 90), vest),
        item(3, 9, VEST, (300, 90, 150, 90), vest * 0),
    ]  # fmt: skip
    return Judged(tmp_path_factory.mktemp("two"), annotations, (7, 9)).write()


def test_files_of_several_models_are_measured_together(two: Judged, capsys: pytest.CaptureFixture[str]) -> None:
    """As one a category is left by finetuning: each says of which boxes its rows were made."""
    vest = np.add(np.array(two.annotations[1]["keypoints"]).reshape(-1, 3)[128:143], (3, 4, 0))
    skirts = two.results([row(7, SKIRT, shifted(6, 8), 0.9, box=[*BOX])], "skirt.json")
    vests = two.results([row(7, VEST, vest, 0.8, box=[300, 90, 150, 90])], "vest.json")
    code, values = evaluated(two, capsys, "--results", str(skirts), str(vests))
    assert code == 0
    assert (values["boxes"], values["visibility"], values["objects"], values["detections"]) == ("true", "all", 2, 2)
    assert values["objects_without_landmarks"] == 1
    rows = [record for path in (skirts, vests) for record in json.loads(path.read_text())]
    assert values["coco_keypoints"]["AP"] == pytest.approx(judged(two.truth, rows)["AP"])
    assert values["OKS_AP"] == values["coco_keypoints"]["AP"]
    assert values["per_class"]["AP"] == pytest.approx({"skirt": 0.4, "vest": 0.5})
    assert [row["EPE"] for row in values["classes"]] == pytest.approx([10, 5])
    assert values["classes"][0]["AUC"] == pytest.approx(13 / 20), "10 pixels: within 10.5, 12 ... 28.5"
    assert values["classes"][0]["points"] == 7
    assert (values["PCK"], values["EPE"]) == (1.0, pytest.approx(7.5))
    assert [each["class"] for each in values["worst"]] == ["skirt", "vest"]
    assert [each["class"] for each in values["best"]] == ["vest", "skirt"]
    assert (two.root / "evaluation/evaluation.json").is_file()
    assert {"pck.png", "worst.png", "best.png"} <= {*values["pictures_drawn"]}


def test_a_landmark_weighs_as_much_as_any_and_a_fifth_of_the_longer_side_is_too_far() -> None:
    shares = np.array([0.1, 0.2, 0.19, 0.39])
    measured = Distances(np.array([0, 0, 0, 2]), 100 * shares, shares, 4)
    assert measured.figures["PCK"] == pytest.approx((2 / 3 + 0) / 2), "of the two that are labelled"


def test_distances_are_shares_of_the_longer_side(one: Judged) -> None:
    """35 pixels are a sixth of 210 and a quarter of 140."""
    measured = one.measured(one.results([row(7, SKIRT, shifted(21, 28), 0.9, box=[*BOX])])).measured()
    (figures,) = [each.figures for each in measured.distances if len(each)]
    assert (figures["PCK"], figures["EPE"]) == (1, pytest.approx(35))


def test_of_boxes_that_are_not_annotated_no_distance_is_told(two: Judged, capsys: pytest.CaptureFixture[str]) -> None:
    rows = two.results([row(7, SKIRT, shifted(6, 8), 0.9, bbox=[70, 90, 100, 100])])
    code, values = evaluated(two, capsys, "--results", str(rows), "--no-plots")
    assert (code, values["boxes"]) == (0, "file")
    assert not {"PCK", "AUC", "EPE"} & values.keys()
    assert values["OKS_AP"] == pytest.approx(0.2), "a vest that nothing was predicted for"


@pytest.mark.parametrize(
    ("spoiled", "told"),
    [
        ({"image_id": 8}, "image with the id 8"),
        ({"category_id": 14}, "category with the id 14"),
        ({"keypoints": [1, 2, 1]}, "882"),
        ({"keypoints": ["1"] * 882}, "keypoints"),
        ({"score": None}, "score"),
        ({"box": [1, 2, 3]}, "box"),
    ],
)
def test_a_row_that_fits_nowhere_is_named_with_its_line(
    two: Judged, capsys: pytest.CaptureFixture[str], spoiled: dict[str, Any], told: str
) -> None:
    good = row(7, SKIRT, OWN, 0.9)
    path = two.root / "odd.json"
    path.write_text("[\n" + ",\n".join(json.dumps(each) for each in (good, good | spoiled)) + "\n]")
    code, error = evaluated(two, capsys, "--results", str(path))
    assert (code, error.count("error:")) == (3, 1)
    assert f"{path}:3:1" in error
    assert told in error


def test_results_of_classes_that_are_not_trained_are_told(two: Judged, capsys: pytest.CaptureFixture[str]) -> None:
    path = two.results([row(7, SKIRT, OWN, 0.9), row(7, VEST, np.ones((15, 3)), 0.9)])
    spec = two.root / "one.yaml"
    spec.write_text(SPEC.format(root=two.root, classes="skirt"))
    assert evaluate.main(["hrnet", "-e", str(spec), "--results", str(path), "--no-plots"]) == 0
    assert f"warning: {path}: 1 rows are of classes" in capsys.readouterr().err
    path = two.results([row(7, SKIRT, OWN, 0.9)])
    spec.write_text(SPEC.format(root=two.root, classes="skirt, vest, trousers"))
    assert evaluate.main(["hrnet", "-e", str(spec), "--results", str(path), "--no-plots"]) == 0
    assert "warning: no results for: vest\n" in capsys.readouterr().err


def test_what_does_not_go_with_results(two: Judged, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = str(two.results([row(7, SKIRT, OWN, 0.9)]))
    for options in (
        [], ["-m", "model.ckpt", "--results", path], ["--results", path, "--boxes", path], ["--results", path, path],
    ):  # fmt: skip
        assert evaluated(two, capsys, *options)[0] == 2
    (tmp_path / "empty.json").write_text("[]")
    assert evaluated(two, capsys, "--results", str(tmp_path / "empty.json"))[0] == 3


CLASSES = tuple(each.name for each in garments.CATEGORIES)


def predicted(own: Any, *, of: int = SKIRT, box: Any = (80, 100, 220, 310), score: float = 0.9) -> Prediction:
    """What is complete, on an image that was neither scaled nor cut."""
    points = np.zeros((1, 294, 3), np.float32)
    points[0, list(layout_of(of).slots)] = np.column_stack([own[:, :2], np.full(len(own), 0.7)])
    return {
        "boxes": np.array([box], np.float32), "labels": np.array([of]), "scores": np.array([score], np.float32),
        "keypoints": points,
    }  # fmt: skip


def collected(data: Judged, predictions: list[tuple[int, Prediction]], **target: Any) -> KeypointMetrics:
    """Of images by their place in the split."""
    recipe = data.recipe()
    split = frames.validation(recipe, CLASSES, keypoints.FIELDS)
    assert split is not None
    metrics = KeypointMetrics(CLASSES, recipe)
    metrics.judge(split)
    for image, prediction in predictions:
        metrics.update([prediction], [target], [ImageInfo("", SIZE, SIZE[::-1], None, image)])
    return metrics


def test_a_model_says_where_points_are_and_the_sample_whose() -> None:
    """A score is that of the detector times the mean of the maxima above .2 of the own channels alone."""
    said = {"keypoints": np.dstack([np.full((1, 294), 5), np.full((1, 294), 6), np.full((1, 294), 0.9)])}
    confidence = [0.5, 0.25, 0.2, 0.1, -0.1, 0.75, 0.0, 0.15]
    said["keypoints"][0, 182:190, 2] = confidence
    given = {"boxes": np.array([[1.0, 2, 3, 4]], np.float32), "labels": np.array([SKIRT])}
    whole = keypoints.complete(said, given, CLASSES)
    assert whole["scores"] == pytest.approx([0.5])
    assert (whole["labels"].tolist(), whole["boxes"].tolist()) == ([SKIRT], [[1, 2, 3, 4]])
    assert np.flatnonzero(whole["keypoints"][0, :, 2]).tolist() == [*range(182, 190)]
    assert not whole["keypoints"][0, :182].any()
    assert whole["keypoints"][0, 182].tolist() == [5, 6, 0.5]
    found = keypoints.complete(said, {**given, "scores": np.array([0.4], np.float32)}, CLASSES)
    assert found["scores"] == pytest.approx([0.2])
    said["keypoints"][0, 182:190, 2] = 0.2
    assert keypoints.complete(said, given, CLASSES)["scores"].tolist() == [0]
    placement = Placement(np.array([[2.0, 0, -20], [0, 2, -30], [0, 0, 1]]), (48, 64), (100, 100))
    back = keypoints.restore(whole, ImageInfo("", (100, 100), (64, 48), placement))
    assert back["keypoints"][0, 182, :2].tolist() == [12.5, 18]
    assert back["boxes"].tolist() == [[10.5, 16, 11.5, 17]]
    assert not back["keypoints"][0, :182].any(), "points of other classes stay at the corner of the stored image"


def test_coco_files_of_an_evaluation_are_judged_alike_by_others(tmp_path: Path) -> None:
    data, rows = scattered(tmp_path, 5)
    own = [each for each in rows if each["category_id"] == SKIRT]
    predictions = []
    for each in own:
        points = np.array(each["keypoints"]).reshape(-1, 3)[182:190]
        predictions.append((data.images.index(each["image_id"]), predicted(points, score=each["score"])))
    metrics = collected(data, predictions, scores=np.array([1.0]))
    report = metrics.report(metrics.split, ReportOptions("model", boxes="boxes.json"))
    (results, truth), ids = report.write_coco(tmp_path)
    expected = judged(truth, json.loads(results.read_text()))
    assert metrics.measured().oks == pytest.approx(expected, abs=1e-6, nan_ok=True)
    assert expected["AP50"] > 0.01, "of six garments with objects one is predicted"
    assert ids == "ids are those of the annotations"
    assert (report.values()["boxes"], report.values()["curves"]) == ("file", {})
    assert any("boxes.json" in line for line in report.lines())
    again = data.measured(results).measured()
    assert again.oks == pytest.approx(metrics.measured().oks, abs=1e-6, nan_ok=True)


def test_result_files_have_the_own_points_and_the_official_vector(one: Judged, tmp_path: Path) -> None:
    restored = keypoints.restore(predicted(shifted(1, 1)), ImageInfo("", SIZE, SIZE[::-1]))
    image = one.root / "images/7.png"
    writers, options = keypoints.writers(), ResultsOptions(CLASSES, [image], coco_ids=one.truth)
    with writers["labels"].open(tmp_path, options) as results:
        results.add(image, "7.json", restored)
    (thing,) = json.loads((tmp_path / "7.json").read_text())["objects"]
    assert (thing["class"], thing["box"], len(thing["keypoints"])) == ("skirt", [80, 100, 220, 310], 8)
    assert thing["keypoints"][0] == pytest.approx([101, 101, 0.7], abs=1e-3)
    writers["labels"].require_no_annotations(tmp_path / "7.json")
    (tmp_path / "8.json").write_text('{"item1": {}}')
    with pytest.raises(UsageError):
        writers["labels"].require_no_annotations(tmp_path / "8.json")
    with writers["coco"].open(tmp_path / "coco.json", options) as results:
        results.add(image, "7.png", restored)
    (record,) = json.loads((tmp_path / "coco.json").read_text())
    assert "bbox" not in record, "COCO's programs would take the area from it"
    assert (record["image_id"], record["category_id"], record["box"]) == (7, SKIRT, [80, 100, 140, 210])
    assert len(record["keypoints"]) == 882
    assert record["keypoints"][546:549] == [101, 101, 1]
    assert record["score"] == pytest.approx(0.9)


def test_skeletons_show_what_is_visible_and_what_is_not() -> None:
    """Lines in the colour of the class, full dots, a white one where the hem is occluded, none where nothing is."""
    target = {"boxes": np.zeros((1, 4)), "labels": np.array([SKIRT]), "keypoints": np.zeros((1, 294, 3))}
    target["keypoints"][0, 182:190] = OWN
    image = keypoints.draw(Image.new("RGB", (320, 320), "grey"), target, CLASSES)
    colour = colour_of(SKIRT)
    assert image.getpixel((100, 100)) == colour
    assert image.getpixel((125, 100)) == colour, "1 and 2 of the waist are joined"
    assert image.getpixel((220, 300)) == (255, 255, 255)
    assert image.getpixel((185, 305)) == colour, "6 and 7 of the hem are joined"
    assert image.getpixel((210, 200)) == (128, 128, 128)
    both = keypoints.draw(image, predicted(shifted(0, 0)), CLASSES, target=target)
    assert both.getpixel((125, 100)) == PREDICTION
    sure = predicted(shifted(0, 0))
    sure["keypoints"][0, 182, 2] = 0.1
    assert keypoints.draw(image, sure, CLASSES).getpixel((100, 100)) == (255, 255, 255)
