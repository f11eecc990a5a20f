"""COCO files of landmarks, as the official conversion of DeepFashion2 writes them, and judges of results for them."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import faster_coco_eval
import numpy as np
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import specs
from converters.model import garments, landmarks
from converters.model.landmarks import Layout
from runtime.data import frames
from runtime.data.recipe import Data, Evaluation, Recipe, Source, Visibility
from runtime.imaging.views.framing import ObjectCrop
from runtime.tasks import keypoints
from runtime.tasks.keypoints.measuring import KeypointMetrics
from runtime.tasks.keypoints.similarity import NAMES

SIZE = (640, 480)
POINTS = [str(number) for number in range(1, garments.LANDMARKS + 1)]
SIGMAS = np.concatenate([np.array(landmarks.layout(each.name).sigmas) for each in garments.CATEGORIES])  # type: ignore[union-attr]
Record = dict[str, Any]


def layout_of(category: int) -> Layout:
    found = landmarks.layout(garments.BY_ID[category].name)
    assert found is not None
    return found


def vector(category: int, own: Any) -> list[float]:
    """``own`` [n, 3] in the vector of all garments."""
    whole = np.zeros((garments.LANDMARKS, 3))
    whole[list(layout_of(category).slots)] = own
    return whole.ravel().tolist()


def item(id: int, image: int, category: int, box: Any, own: Any, **fields: Any) -> Record:
    return {
        "id": id, "image_id": image, "category_id": category, "bbox": [float(value) for value in box],
        "area": float(box[2] * box[3]), "iscrowd": 0, "keypoints": vector(category, own),
        "num_keypoints": int(np.count_nonzero(np.asarray(own)[:, 2])), **fields,
    }  # fmt: skip


def row(image: int, category: int, own: Any, score: float, **fields: Any) -> Record:
    points = np.column_stack([np.asarray(own, float)[:, :2], np.ones(len(own))])
    return {
        "image_id": image, "category_id": category, "keypoints": vector(category, points), "score": score, **fields
    }  # fmt: skip


@dataclass(frozen=True)
class Judged:
    """A data set of ``annotations`` on images with these ids below ``root``, of all thirteen garments."""

    root: Path
    annotations: list[Record]
    images: tuple[int, ...]

    @property
    def truth(self) -> Path:
        return self.root / "truth.json"

    def write(self) -> Judged:
        (self.root / "images").mkdir(parents=True, exist_ok=True)
        Image.new("RGB", SIZE, "grey").save(self.root / "one.png")
        for number in self.images:
            (self.root / "images" / f"{number}.png").hardlink_to(self.root / "one.png")
        images = [{"id": n, "file_name": f"{n}.png", "width": SIZE[0], "height": SIZE[1]} for n in self.images]
        categories = [{"id": each.id, "name": each.name, "keypoints": POINTS} for each in garments.CATEGORIES]
        page = {"images": images, "annotations": self.annotations, "categories": categories}
        self.truth.write_text(json.dumps(page))
        return self

    def results(self, rows: list[Record], name: str = "results.json") -> Path:
        path = self.root / name
        path.write_text(json.dumps(rows))
        return path

    def recipe(self, *, visibility: Visibility = "all", classes: tuple[str, ...] | None = None) -> Recipe[Any]:
        names = classes or tuple(each.name for each in garments.CATEGORIES)
        source = Source(self.root / "images", self.truth, "coco")
        view = ObjectCrop(width=48, height=64)
        return Recipe(
            spec=specs.Spec(None, "task.yaml"), network="any", name="any", classes=names, model=None, seed=1, epochs=1,
            batch_size=4, checkpoint_interval=1, size=(64, 48), data=Data((), (source,), {}, per_object=True),
            training_view=view, plain_view=view, inference_view=view,
            evaluation=replace(Evaluation(1, 4, whole_pixels=False), visibility=visibility),
            schedule=lambda _steps, _processes: lambda _: 0.1,
        )  # fmt: skip

    def measured(self, *files: Path, **settings: Any) -> KeypointMetrics:
        """Ours of results ``files``."""
        recipe = self.recipe(**settings)
        split = frames.validation(recipe, recipe.classes, keypoints.FIELDS)
        assert split is not None
        metrics = KeypointMetrics(recipe.classes, recipe)
        metrics.judge(split)
        metrics.take(files)
        return metrics


def judged(truth: Path, rows: list[Record], *, faster: bool = False) -> dict[str, float]:
    """The ten figures of pycocotools, or of faster-coco-eval; NaN for their -1."""
    with contextlib.redirect_stdout(io.StringIO()):
        objects = (faster_coco_eval.COCO if faster else COCO)(str(truth))
        found = objects.loadRes(json.loads(json.dumps(rows)))
        if faster:
            evaluation = faster_coco_eval.COCOeval_faster(objects, found, "keypoints", kpt_oks_sigmas=[*SIGMAS])
        else:
            evaluation = COCOeval(objects, found, "keypoints")
            evaluation.params.kpt_oks_sigmas = SIGMAS
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    values = [float(value) for value in evaluation.stats[: len(NAMES)]]
    return {name: value if value >= 0 else float("nan") for name, value in zip(NAMES, values, strict=True)}
