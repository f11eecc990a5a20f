"""Masks of objects: pasted as torchvision pastes them, measured as pycocotools measures them, written, drawn."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import specs
from converters.model import Mask, run_lengths
from converters.pictures.drawing import colour_of
from runtime.data import batches, frames
from runtime.data.recipe import Area, Data, Evaluation, Recipe, Source
from runtime.evaluation.validation import image_infos
from runtime.imaging.views.framing import KeepAspect, Letterbox
from runtime.inference.front_door import ImagePrediction
from runtime.tasks import ImageInfo, Prediction, ReportOptions, ResultsOptions, instance_segmentation
from runtime.tasks.instance_segmentation import pasting

CLASSES = ("shirt", "skirt", "dress")
SIZES = ((120, 90), (75, 140), (200, 160))


def disc(side: int, sharp: float = 8.0) -> Any:
    """A grid [side, side] that is above .5 on the disc that fills the box."""
    ramp = (np.arange(side) + 0.5) / side * 2 - 1
    return (1 / (1 + np.exp(sharp * (np.hypot(ramp[:, None], ramp) - 0.9)))).astype(np.float32)


def blob(random: np.random.Generator, side: int = 28) -> Any:
    """A grid with a ragged edge, holes and islands."""
    coarse = random.random((6, 6)).astype(np.float32)
    rough = np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC))
    return np.clip(0.7 * rough + 0.5 * disc(side), 0, 1).astype(np.float32)


# ---------------------------------------------------------------- pasting


@pytest.mark.torch
def test_masks_are_pasted_as_torchvision_does_and_encoded_as_pycocotools_does() -> None:
    import torch
    from pycocotools import mask as coco_mask
    from torchvision.models.detection.roi_heads import paste_masks_in_image

    random, size = np.random.default_rng(3), (97, 61)
    grids = np.stack([blob(random) for _ in range(60)])
    corners = random.uniform(-5, 55, (60, 2))
    boxes = np.hstack([corners, corners + random.uniform(0.2, 70, (60, 2))]).astype(np.float32).clip(0, [97, 61] * 2)
    boxes[0], boxes[1], boxes[2] = (0, 0, 97, 61), (90, 50, 97, 61), (3, 0, 9, 61)
    soft = paste_masks_in_image(torch.from_numpy(grids)[:, None], torch.from_numpy(boxes), (61, 97))
    masks = [*pasting.pasted(grids, boxes, size)]
    for edges, counts, values in zip(masks, pasting.encoded(masks, size), soft[:, 0].numpy(), strict=True):
        expected = values > 0.5
        assert counts == coco_mask.encode(np.asfortranarray(expected, np.uint8))["counts"]
        assert pasting.area(edges) == expected.sum()
        assert np.array_equal(pasting.edges_of(expected), edges)
        window = pasting.window(edges, 61)
        assert not expected[:, : window.left].any()
        assert np.array_equal(window.inside, expected[:, window.left : window.left + window.inside.shape[1]])


def test_a_box_beside_the_image_has_no_pixel() -> None:
    boxes = np.array([[200, 5, 260, 30], [-70, -80, -9, -9], [5, 100, 9, 140]], float)
    masks = [*pasting.pasted(np.stack([disc(28)] * 3), boxes, (97, 61))]
    assert [pasting.area(edges) for edges in masks] == [0, 0, 0]
    assert {run_lengths.area(Mask(97, 61, counts)) for counts in pasting.encoded(masks, (97, 61))} == {0}


# ---------------------------------------------------------------- figures


class Drawn:
    """A COCO file of random objects, some of several overlapping rings, some of run lengths, some crowds; and
    detections near them, in pixels of the input."""

    def __init__(self, root: Path, *, images: int = 24, seed: int = 1) -> None:
        self.random = np.random.default_rng(seed)
        self.page: dict[str, Any] = {
            "images": [], "annotations": [],
            "categories": [{"id": number, "name": name} for number, name in enumerate(CLASSES, 1)],
        }  # fmt: skip
        (root / "images").mkdir(parents=True)
        for number in range(1, images + 1):
            width, height = SIZES[number % len(SIZES)]
            Image.new("RGB", (width, height), (number, 90, 160)).save(root / "images" / f"{number}.png")
            self.page["images"].append({"id": number, "file_name": f"{number}.png", "width": width, "height": height})
            for _ in range(int(self.random.integers(0, 5))):
                self.page["annotations"].append(self.object(number, width, height))
        self.path = root / "annotations.json"
        self.path.write_text(json.dumps(self.page))
        self.source = Source(root / "images", self.path, "coco")

    def object(self, image: int, width: int, height: int) -> dict[str, Any]:
        from pycocotools import mask

        corner = self.random.uniform(0, (0.6 * width, 0.6 * height))
        side = self.random.uniform((6, 6), (width, height) - corner)
        turns = np.sort(self.random.uniform(0, 2 * np.pi, 11))
        ring = corner + side / 2 + side / 2 * np.column_stack([np.cos(turns), np.sin(turns)])
        second = ring.mean(axis=0) + 0.6 * (ring - ring.mean(axis=0)) + self.random.uniform(-6, 6, 2)
        rings = [np.round(each, 1).ravel().tolist() for each in (ring, second)[: int(self.random.integers(1, 3))]]
        united = mask.merge(mask.frPyObjects(rings, height, width))
        kind = self.random.choice(["polygons", "polygons", "compressed", "uncompressed"])
        shape: Any = rings if kind == "polygons" else {**united, "counts": united["counts"].decode()}
        if kind == "uncompressed":
            line = mask.decode(united).ravel(order="F")
            edges = np.flatnonzero(np.diff(line)) + 1
            shape["counts"] = np.diff([0, *([0] if line[0] else []), *edges, line.size]).tolist()
        return {
            "id": len(self.page["annotations"]) + 1, "image_id": image, "category_id": int(self.random.integers(1, 4)),
            "bbox": [*corner.round(1).tolist(), *side.round(1).tolist()], "segmentation": shape,
            "area": round(float(mask.area(united)) * self.random.uniform(0.5, 1.5), 2),
            "iscrowd": int(kind == "uncompressed"),
        }  # fmt: skip

    def predictions(self, batch: Any) -> list[Prediction]:
        return [
            self.prediction(target, *pixels.shape[1::-1])
            for target, pixels in zip(batch.targets, batch.images, strict=True)
        ]

    def prediction(self, target: Any, width: int, height: int) -> Prediction:
        near = np.repeat(np.arange(len(target["labels"])), 3)
        spread = np.tile(target["boxes"][near, 2:] - target["boxes"][near, :2], 2)
        boxes = target["boxes"][near] + self.random.normal(0, 0.05, (len(near), 4)) * spread
        anywhere = np.sort(self.random.uniform(0, 1, (4, 2, 2)), axis=1).reshape(4, 4) * np.array([width, height] * 2)
        boxes = np.concatenate([boxes, anywhere]).clip(0, [width, height] * 2)
        boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
        labels = np.concatenate([target["labels"][near], self.random.integers(1, 4, 4)])
        order = np.argsort(-(scores := self.random.random(len(boxes)).round(2)), kind="stable")
        grids = np.stack([blob(self.random) if self.random.random() < 0.3 else disc(28) for _ in boxes])
        return {
            "boxes": boxes.astype(np.float32)[order], "labels": labels[order],
            "scores": scores.astype(np.float32)[order], "mask_grids": grids[order],
        }  # fmt: skip


def recipe(source: Source, *, area: Area = "annotated") -> Recipe:
    view = KeepAspect(min_sizes=(133,))
    return Recipe(
        spec=specs.Spec(None, "task.yaml"), network="any", name="any", classes=CLASSES, model=None, seed=1, epochs=1,
        batch_size=4, checkpoint_interval=1, size=None, data=Data((source,), (source,), {}),
        training_view=view, plain_view=view, inference_view=view,
        evaluation=Evaluation(1, 5, whole_pixels=False, area=area),
        schedule=lambda _steps, _processes: lambda _: 0.1,
    )  # fmt: skip


def measured(drawn: Drawn, *, area: Area = "annotated") -> tuple[Any, frames.Split, list[tuple[ImageInfo, Prediction]]]:
    """The metrics of random detections on all images, and these."""
    plan = recipe(drawn.source, area=area)
    split = frames.validation(plan, CLASSES, instance_segmentation.FIELDS)
    assert split is not None
    order, pictures = batches.for_validation(plan, split)
    metrics, seen = instance_segmentation.metrics(CLASSES, plan), []
    with closing(batches.batches(pictures, order, workers=1)) as made:
        for batch in made:
            predictions, infos = drawn.predictions(batch), image_infos(batch, split)
            metrics.update(predictions, batch.targets, infos)
            seen += [*zip(infos, predictions, strict=True)]
    return metrics, split, seen


def judged(annotations: Path, results: Sequence[dict[str, Any]] | Path, kind: str) -> list[float]:
    """pycocotools' twelve figures."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(annotations))
        evaluation = COCOeval(truth, truth.loadRes(results if isinstance(results, list) else str(results)), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(value) for value in evaluation.stats]


def figures(metrics: Any, kind: str) -> list[float]:
    """Ours, with pycocotools' -1 for what cannot be measured."""
    named = {name: value for name, value in metrics.scores().figures.items() if name.startswith(f"{kind}/")}
    return [-1.0 if np.isnan(value) else value for value in named.values()]


@pytest.mark.parametrize("area", ["annotated", "mask", "box"])
def test_figures_are_those_of_pycocotools_on_what_is_annotated(tmp_path: Path, area: Area) -> None:
    """Of rings that overlap, compressed and uncompressed run lengths, crowds, at another size than the input's."""
    pytest.importorskip("pycocotools")
    from pycocotools import mask
    from pycocotools.coco import COCO

    drawn = Drawn(tmp_path, seed=5)
    metrics, split, seen = measured(drawn, area=area)
    masks, boxes = [], []
    for info, prediction in seen:
        restored = instance_segmentation.restore(prediction, info)
        for number, counts in enumerate(pasting.segmentations(restored)):
            common = {
                "image_id": int(Path(info.name).stem), "category_id": int(prediction["labels"][number]),
                "score": float(prediction["scores"][number]),
            }  # fmt: skip
            left, top, right, bottom = restored["boxes"][number].tolist()
            boxes.append({**common, "bbox": [left, top, right - left, bottom - top]})
            size = [info.size[1], info.size[0]]
            masks.append({**common, "segmentation": {"size": size, "counts": counts.decode()}})
    if area != "annotated":
        with contextlib.redirect_stdout(io.StringIO()):
            known = COCO(str(drawn.path))
        for record in drawn.page["annotations"]:
            own = float(mask.area(known.annToRLE(record))) if area == "mask" else float(np.prod(record["bbox"][2:]))
            record["area"] = own
        drawn.path.write_text(json.dumps(drawn.page))
    assert figures(metrics, "mask") == pytest.approx(judged(drawn.path, masks, "segm"), abs=1e-6)
    assert figures(metrics, "box") == pytest.approx(judged(drawn.path, boxes, "bbox"), abs=1e-6)
    assert 0.1 < metrics.scores().value < 0.9, "there is something to measure"
    assert len(split) == 24


@pytest.mark.parametrize("order", [(), (3, 1, 2)], ids=["own ids", "those of a class map"])
def test_coco_files_of_an_evaluation_give_pycocotools_the_same_figures(tmp_path: Path, order: tuple[int, ...]) -> None:
    pytest.importorskip("pycocotools")
    metrics, split, _ = measured(Drawn(tmp_path / "data", seed=6))
    categories = [{"id": 10 * number, "name": CLASSES[number - 1]} for number in order]
    (tmp_path / "map.json").write_text(json.dumps({"images": [], "annotations": [], "categories": categories}))
    maps = (tmp_path / "map.json",) if order else ()
    report = metrics.report(split, ReportOptions("model.safetensors", class_maps=maps))
    (tmp_path / "out").mkdir()
    (boxes, masks, annotations), _ = report.write_coco(tmp_path / "out")
    assert figures(metrics, "mask") == pytest.approx(judged(annotations, masks, "segm"), abs=1e-6)
    assert figures(metrics, "box") == pytest.approx(judged(annotations, boxes, "bbox"), abs=0.01), (
        "boxes are rounded to 0.01"
    )
    expected = {name: number * (10 if order else 1) for number, name in enumerate(CLASSES, 1)}
    assert {each["name"]: each["id"] for each in json.loads(annotations.read_text())["categories"]} == expected
    values = report.values()
    assert values["area"] == "annotated"
    assert [values["coco_masks"]["AP"], values["coco"]["AP"]] == [
        figures(metrics, "mask")[0],
        figures(metrics, "box")[0],
    ]
    assert any("annotated area" in line for line in report.lines())


def test_without_objects_or_detections_there_are_the_same_names_and_nothing_fails(tmp_path: Path) -> None:
    drawn = Drawn(tmp_path, images=3)
    metrics, split, seen = measured(drawn)
    blank = instance_segmentation.metrics(CLASSES, recipe(drawn.source))
    assert [*blank.scores().columns] == [*metrics.scores().columns]
    assert blank.scores().value == 0
    nothing = {name: values[:0] for name, values in seen[0][1].items()}
    target = shown_target(split)
    blank.update([nothing], [target], [seen[0][0]])
    blank.update([seen[0][1]], [{name: values[:0] for name, values in target.items()}], [seen[0][0]])
    assert blank.scores().value == 0
    assert {"mask_AP", "mask_AP50", "box_AP", "box_AP50"} == blank.scores().plain.keys()


def shown_target(split: frames.Split) -> Any:
    """The target of the first image that has objects."""
    plan = recipe(Source(None, "any"))
    order, pictures = batches.for_validation(plan, split)
    return next(target for draw in order for target in pictures[draw].targets if len(target["labels"]))


# ---------------------------------------------------------------- on the stored image

DISCS: Prediction = {
    "boxes": np.array([[20, 10, 60, 50], [40, 30, 80, 50]], np.float32), "labels": np.array([1, 3]),
    "scores": np.array([0.9, 0.5], np.float32), "mask_grids": np.stack([disc(28), disc(28)]),
}  # fmt: skip
LETTERBOX = Letterbox(width=100, height=100)


def restored() -> tuple[Prediction, tuple[int, int]]:
    """The discs on an image of 200 x 120, of which the model saw a half, 20 pixels from above."""
    placement = LETTERBOX.placement((200, 120))
    info = ImageInfo("a.png", (200, 120), (100, 100), placement)
    return instance_segmentation.restore(DISCS, info), info.size


def ellipse(box: Sequence[float], size: tuple[int, int], *, share: float = 0.9) -> Any:
    rows, columns = np.arange(size[1])[:, None] + 0.5, np.arange(size[0]) + 0.5
    across = (columns - (box[0] + box[2]) / 2) / (box[2] - box[0]) * 2
    down = (rows - (box[1] + box[3]) / 2) / (box[3] - box[1]) * 2
    return np.hypot(across, down) < share


def test_a_prediction_comes_back_to_the_stored_image(tmp_path: Path) -> None:
    prediction, size = restored()
    assert prediction["boxes"].tolist() == [[40, -20, 120, 60], [80, 20, 160, 60]]
    assert prediction["image_size"].tolist() == [[200, 120]] * 2
    for edges, box in zip(pasting.masks(prediction), prediction["boxes"].tolist(), strict=True):
        expected, window = ellipse(box, size), pasting.window(edges, 120)
        found = np.zeros((120, 200), bool)
        found[:, window.left : window.left + window.inside.shape[1]] = window.inside
        assert (found & expected).sum() / (found | expected).sum() > 0.97
    assert np.array_equal(pasting.pixels(prediction)[1], found)
    assert ImagePrediction(prediction, CLASSES).masks.shape == (2, 120, 200)
    small = instance_segmentation.restore(prediction, ImageInfo("", (50, 30), (120, 200)))
    assert small["boxes"].tolist() == [[10, -5, 30, 15], [20, 5, 40, 15]], "as for a thumbnail"
    assert pasting.area(pasting.masks(small)[1]) == pytest.approx(np.pi * 10 * 5 * 0.81, rel=0.2), (
        "sides are cut to whole pixels"
    )


def test_results_are_a_png_for_each_line_and_run_lengths_that_pycocotools_reads(tmp_path: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco")
    prediction, _ = restored()
    image, writers = tmp_path / "7.jpg", instance_segmentation.writers()
    options = ResultsOptions(CLASSES, [image])
    masks = [pasting.window(edges, 120) for edges in pasting.masks(prediction)]
    with writers["labels"].open(tmp_path / "labels", options) as results:
        results.add(image, "a/7.txt", prediction)
        lines = (tmp_path / "labels/a/7.txt").read_text().splitlines()
        assert [line.split()[0] for line in lines] == ["shirt", "dress"]
        for number, window in enumerate(masks, start=1):
            with Image.open(tmp_path / f"labels/a/7/{number}.png") as file:
                pixels = np.asarray(file)
            assert pixels.shape == (120, 200)
            assert np.array_equal(pixels[:, window.left : window.left + window.inside.shape[1]], window.inside)
            assert pixels.sum() == window.inside.sum()
        results.add(image, "a/7.txt", {name: values[:1] for name, values in prediction.items()})
        assert [path.name for path in (tmp_path / "labels/a/7").iterdir()] == ["1.png"], "the second was of before"
    with writers["coco"].open(tmp_path / "results.json", options) as results:
        results.add(image, "7.jpg", prediction)
    truth = coco.COCO()
    truth.dataset = {
        "images": [{"id": 7, "width": 200, "height": 120}], "annotations": [],
        "categories": [{"id": number, "name": name} for number, name in enumerate(CLASSES, 1)],
    }  # fmt: skip
    truth.createIndex()
    records = [*truth.loadRes(str(tmp_path / "results.json")).anns.values()]
    assert [(record["category_id"], record["bbox"]) for record in records] == [
        (1, [40, -20, 80, 80]),
        (3, [80, 20, 80, 40]),
    ]
    assert [int(truth.annToMask(record).sum()) for record in records] == [int(each.inside.sum()) for each in masks]


def test_masks_are_drawn_in_the_colour_of_their_class_or_of_their_kind() -> None:
    prediction, size = restored()
    grey = Image.new("RGB", size, (128, 128, 128))
    alone = np.asarray(instance_segmentation.draw(grey, prediction, CLASSES)).astype(int)
    red, _, blue = colour_of(1)
    assert alone[30, 100].tolist() != [128] * 3
    inside = alone[50, 60]
    assert (inside[0] - 128) * (red - 128) > 0
    assert (inside[2] - 128) * (blue - 128) > 0
    assert alone[110, 100].tolist() == alone[5, 170].tolist() == [128] * 3, "outside of all masks"
    masks = np.zeros((1, 120, 200), np.uint8)
    masks[0, 80:110, 150:185] = 1
    target = {"boxes": np.array([[140.0, 70, 190, 115]]), "labels": np.array([2]), "masks": masks}
    both = np.asarray(instance_segmentation.draw(grey, prediction, CLASSES, target=target)).astype(int)
    assert both[95, 165, 1] > 128 > both[95, 165, 0], "the target is green"
    assert both[50, 60, 2] > 128 > both[50, 60, 0], "the prediction is blue"
