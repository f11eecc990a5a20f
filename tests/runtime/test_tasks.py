"""Every task keeps its protocol: what it measures, draws and writes of a drawn data set, whatever its fields are."""

from __future__ import annotations

import math
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageChops

import converters.sample
import specs
from runtime import networks, tasks
from runtime.data import batches, frames
from runtime.data.batches import Batch
from runtime.data.recipe import Data, Evaluation, Recipe, Source
from runtime.imaging.views.framing import KeepAspect
from runtime.tasks import ImageInfo, JudgesSplit, Metrics, Prediction, ReportOptions, ResultsOptions, Scores, Task
from tltpipe import registry
from tltpipe.progress import Silent

TASKS = registry.names("runtime.tasks")
CLASSES = ("short_sleeved_shirt", "skirt", "trousers", "vest")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    root = tmp_path_factory.mktemp("tasks")
    converters.sample.draw(root, train=12, validation=1, seed=2, size=120, progress=Silent())
    return Source(None, root / "train", "deepfashion2")


@pytest.fixture(scope="module", params=TASKS)
def drawn(request: pytest.FixtureRequest, source: Source) -> tuple[Task, Recipe, Any, Batch]:
    """A task, and a batch of targets with its fields, of images of any size."""
    task, view = tasks.load(request.param), KeepAspect(min_sizes=(160,))  # enlarged: no pixel is lost
    recipe: Recipe[Any] = Recipe(
        spec=specs.Spec(None, "task.yaml"), network="any", name="any", classes=CLASSES, model=None, seed=1, epochs=1,
        batch_size=12, checkpoint_interval=1, size=None, data=Data((), (source,), {name: name for name in CLASSES}),
        training_view=view, plain_view=view, inference_view=view, evaluation=Evaluation(1, 12, whole_pixels=False),
        schedule=lambda _steps, _processes: lambda _: 0.1,
    )  # fmt: skip
    split = frames.validation(recipe, CLASSES, task.FIELDS)
    assert split is not None
    order, pictures = batches.for_validation(recipe, split)
    with closing(batches.batches(pictures, order, workers=1)) as made:
        batch = next(made)
    return task, recipe, split, batch


def perfect(task: Task, batch: Batch) -> list[Prediction]:
    """What a model would say that makes no mistake."""
    objects = any(field.per == "object" for field in task.FIELDS.values())
    predictions = []
    for target in batch.targets:
        said = {name: target[name] for name, field in task.FIELDS.items() if field.to_model}
        count = len(next(iter(said.values()))) if objects else 0
        predictions.append(said | ({"scores": np.linspace(0.9, 0.8, count, dtype=np.float32)} if objects else {}))
    return predictions


def worse(prediction: Prediction) -> Prediction:
    """Nothing where there is something; of an image as a whole another class."""
    if "scores" in prediction:
        return {name: values[:0] for name, values in prediction.items()}
    classes = {name: values for name, values in prediction.items() if np.issubdtype(values.dtype, np.integer)}
    others = {name: np.zeros_like(values) for name, values in prediction.items() if name not in classes}
    return {**others, **{name: values % len(CLASSES) + 1 for name, values in classes.items()}}


def infos(split: Any, batch: Batch) -> list[ImageInfo]:
    return [
        ImageInfo(split.name(index), placement.stored, (pixels.shape[0], pixels.shape[1]), placement, index)
        for index, placement, pixels in zip(batch.indices, batch.placements, batch.images, strict=True)
    ]


def measured(drawn: tuple[Task, Recipe, Any, Batch], predictions: list[Prediction]) -> Scores:
    return added(drawn, predictions).scores()


def added(drawn: tuple[Task, Recipe, Any, Batch], predictions: list[Prediction]) -> Metrics:
    task, recipe, split, batch = drawn
    metrics = task.metrics(CLASSES, recipe)
    if isinstance(metrics, JudgesSplit):
        metrics.judge(split)
    metrics.update(predictions, batch.targets, infos(split, batch))
    return metrics


def test_it_has_the_names_of_the_protocol_and_no_module_of_its_hides_one(drawn: Any) -> None:
    task = drawn[0]
    task.metrics(CLASSES, drawn[1])
    assert task.FIELDS
    for name in ("metrics", "restore", "draw", "writers"):
        assert callable(getattr(task, name)), name


def test_a_perfect_prediction_scores_one_and_a_worse_one_less(drawn: Any) -> None:
    scores = measured(drawn, perfect(drawn[0], drawn[3]))
    assert scores.value == pytest.approx(1)
    half = [*perfect(drawn[0], drawn[3])[:6], *map(worse, perfect(drawn[0], drawn[3])[6:])]
    assert measured(drawn, half).value < 0.9
    for values in ({scores.primary: scores.value}, *scores.per_class.values()):
        assert all(math.isnan(value) or 0 <= value <= 1 for value in values.values())


@pytest.mark.parametrize("network", registry.names("runtime.networks"))
def test_specs_of_a_network_say_what_its_results_come_in(network: str) -> None:
    writers = tasks.load(networks.load(network).TASK).writers()
    assert specs.results(network) == {name: writer.suffix for name, writer in writers.items()}


def test_the_names_of_what_is_measured_are_known_without_any_image(drawn: Any) -> None:
    blank, scores = drawn[0].metrics(CLASSES, drawn[1]).scores(), measured(drawn, perfect(drawn[0], drawn[3]))
    assert list(blank.columns) == list(scores.columns)
    assert set(blank.titles) <= set(blank.figures)
    assert blank.primary in blank.plain


def test_a_report_has_lines_and_values_and_draws(drawn: Any, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    task, _, split, batch = drawn
    report = added(drawn, perfect(task, batch)).report(split, ReportOptions("model.safetensors"))
    assert report.scores.value == pytest.approx(1)
    assert list(report.lines())
    assert report.values()
    assert all(path.is_file() for path in report.draw(tmp_path))


def test_a_prediction_comes_back_to_the_stored_image_and_is_drawn_there(drawn: Any) -> None:
    task, _, split, batch = drawn
    predictions = perfect(task, batch)
    at = next(number for number, each in enumerate(predictions) if all(values.any() for values in each.values()))
    info, restored = infos(split, batch)[at], task.restore(predictions[at], infos(split, batch)[at])
    blank = Image.new("RGB", info.size, (128, 128, 128))
    shown = task.draw(blank, restored, CLASSES)
    assert shown.size == info.size
    assert ImageChops.difference(shown, blank).getbbox() is not None
    assert blank.getcolors() == [(info.size[0] * info.size[1], (128, 128, 128))]
    if "boxes" in restored:
        place = split.places(batch.indices[at])
        assert restored["boxes"] == pytest.approx(split.boxes[place], abs=1e-3)


def test_its_writers_write(drawn: Any, tmp_path: Path) -> None:
    task, _, split, batch = drawn
    paths = [tmp_path / f"{number}.jpg" for number in range(len(batch.targets))]
    for name, writer in task.writers().items():
        target = tmp_path / name
        if writer.suffix:
            target.mkdir()
        with writer.open(target, ResultsOptions(CLASSES, paths)) as results:
            for path, prediction, info in zip(paths, perfect(task, batch), infos(split, batch), strict=True):
                results.add(path, path.stem + writer.suffix, task.restore(prediction, info))
        assert target.is_file() or len(list(target.glob(f"*{writer.suffix}"))) == len(paths)
