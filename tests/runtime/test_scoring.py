"""A look at a split: one pass for detections and loss, difficult objects, the scale of the loss."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import specs
from runtime import networks, tasks
from runtime.data import frames
from runtime.data.columns import Fixed
from runtime.evaluation import samples, validation
from runtime.tasks import ReportOptions, Scores, detection
from runtime.tasks.detection.detections import detections
from runtime.weights import checkpoint
from tltpipe.progress import Silent

pytestmark = pytest.mark.torch
CLASSES = ("circle", "square")


@pytest.fixture(scope="module")
def parts(learned: Any) -> Any:
    plan = networks.recipe(specs.parse(learned.spec, "ssd"))
    split = frames.validation(plan, CLASSES)
    assert split is not None
    detector = checkpoint.open_model(learned.model, key=None, recipe=plan).model
    return detector, plan, split


def seen(parts: Any, *, strict: bool = False, split: Any = None) -> Scores:
    import torch

    detector, plan, own = parts
    plan = replace(plan, spec=replace(plan.spec, strict=strict))
    return validation.validate(
        detector, detection, plan, own if split is None else split, CLASSES,
        device=torch.device("cpu"), progress=Silent(),
    )  # fmt: skip


def test_one_pass_tells_what_two_would(parts: Any) -> None:
    import torch

    detector = parts[0].eval()
    images = torch.rand(2, 3, 64, 64) * 255
    truths = [{"boxes": torch.tensor([[5.0, 5, 30, 30]]), "labels": torch.tensor([1])}] * 2
    found, losses = detector.predict_with_loss(images, truths)
    for ours, alone in zip(found, detector.predict(images), strict=True):
        assert all(torch.equal(ours[name], alone[name]) for name in ("boxes", "labels", "scores"))
    assert {name: value.item() for name, value in losses.items()} == {
        name: value.item() for name, value in detector(images, truths).items()
    }


def test_a_score_has_all_that_the_log_shows(parts: Any) -> None:
    score = seen(parts)
    assert score.value > 0.15, "two epochs teach it something; by chance it would be near 0"
    assert 0 < score.figures["coco/AP"] < score.figures["coco/AP50"] <= 1
    assert list(score.curves) == list(CLASSES)
    assert len(score.examples) == 8
    assert all(each.pixels.shape == (64, 64, 3) and each.prediction is not None for each in score.examples)
    assert samples.drawn(score.examples[0], detection, CLASSES).shape == (384, 384, 3)
    assert score.loss is not None
    assert 0 < score.loss < 20


def test_plain_figures_are_those_of_coco_and_of_the_best_f1_and_the_recipe_names_the_primary_one(parts: Any) -> None:
    detector, plan, split = parts
    plan = replace(plan, evaluation=replace(plan.evaluation, primary="mAP50_95"))
    score = seen((detector, plan, split))
    assert list(score.plain) == ["mAP", "mAP50", "mAP50_95", "precision", "recall", "F1"]
    assert (score.plain["mAP50"], score.value) == (score.figures["coco/AP50"], score.figures["coco/AP"])
    assert 0 < score.plain["F1"] <= 1
    assert (seen(parts).primary, list(seen(parts, strict=True).plain)) == ("mAP", ["mAP"])
    blank = detection.metrics(CLASSES, plan).scores()
    assert set(blank.plain.values()) == {0.0}, "no NaN, which no epoch could be better than"


def test_difficult_objects_are_like_all_others_unless_strict(parts: Any) -> None:
    split = parts[2]
    marks = Fixed(np.bool_)
    marks.extend(split["labels"] == 1)
    hard = replace(split, columns={**split.columns, "difficult": marks})
    assert seen(parts, split=hard).per_class == seen(parts).per_class
    strict = seen(parts, split=hard, strict=True)
    assert strict.per_class["AP"]["circle"] == 0
    assert strict.per_class["AP"]["square"] == seen(parts).per_class["AP"]["square"]
    assert strict.value == pytest.approx(strict.per_class["AP"]["square"] / 2)


def test_nvidias_validation_loss_grows_with_the_batch(parts: Any) -> None:
    """Eight pictures in batches of four: each loss counts four times over."""
    sane, strict = seen(parts).loss, seen(parts, strict=True).loss
    assert sane is not None
    assert strict == pytest.approx(4 * sane, rel=1e-5)


def test_a_model_without_a_shared_pass_is_validated_in_two(parts: Any) -> None:
    detector, plan, split = parts

    class TwoPasses:
        def __init__(self) -> None:
            self.eval, self.predict = detector.eval, detector.predict

        def __call__(self, images: Any, targets: Any) -> Any:
            return detector(images, targets)

    scores, one_pass = seen((TwoPasses(), plan, split)), seen(parts)
    assert scores.loss == one_pass.loss
    assert scores.figures == pytest.approx(one_pass.figures, rel=0, nan_ok=True)


def test_what_predicts_exactly_the_objects_is_right_about_all_of_them(parts: Any) -> None:
    def predict(batch: Any) -> Any:
        return [
            detections(each["boxes"], each["labels"], np.full(len(each["labels"]), 0.9)) for each in batch.targets
        ], 0.0

    _, plan, split = parts
    metrics = detection.metrics(CLASSES, plan)
    validation.run_validation(predict, detection, plan, split, metrics, CLASSES, progress=Silent())
    scores = metrics.scores()
    assert scores.value == pytest.approx(1)
    assert scores.figures["coco/AP"] == pytest.approx(1)
    values = metrics.report(split, ReportOptions("perfect")).values()
    assert (values["pictures"], values["all"]["missed"]) == (8, 0)


def test_a_model_of_given_objects_is_measured_on_what_the_samples_add(parts: Any) -> None:
    """A task beside detection's that differs by ``complete`` alone; truth is that of the split, known beforehand."""
    _, plan, split = parts
    truths: list[Any] = []

    class Judging:
        def __init__(self) -> None:
            self.own = detection.metrics(CLASSES, plan)
            self.update, self.scores, self.report = self.own.update, self.own.scores, self.own.report

        def judge(self, split: Any) -> None:
            truths.append(split)

    task: Any = SimpleNamespace(
        **{name: getattr(detection, name) for name in ("FIELDS", "metrics", "restore", "draw", "writers")},
        complete=lambda prediction, given, _classes: {**given, **prediction},
    )

    def predict(batch: Any) -> Any:
        return [{"scores": np.full(len(each["labels"]), 0.9, np.float32)} for each in batch.targets], 0.0

    metrics: Any = Judging()
    whole = replace(split)
    validation.run_validation(predict, task, plan, split, metrics, CLASSES, progress=Silent(), truth=whole)
    assert metrics.scores().value == pytest.approx(1)
    assert len(truths) == 1
    assert truths[0] is whole
    assert tasks.given_objects(detection) is None
