"""A look at a split: one pass for detections and loss, difficult objects, the scale of the loss."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import specs
from runtime.data import frames, recipe
from runtime.data.columns import Fixed
from runtime.evaluation import validation
from runtime.networks import ssd
from runtime.weights import checkpoint
from tltpipe.progress import Silent

pytestmark = pytest.mark.torch
CLASSES = ("circle", "square")


@pytest.fixture(scope="module")
def parts(learned: Any) -> Any:
    spec = specs.parse(learned.spec, "ssd")
    plan = recipe.of(spec)
    split = frames.validation(plan, CLASSES)
    assert split is not None
    detector = checkpoint.open_detector(ssd, spec, learned.model, key=None)[0]
    return detector, plan, split


def seen(parts: Any, *, strict: bool = False, split: Any = None) -> validation.Score:
    import torch

    detector, plan, own = parts
    plan = replace(plan, spec=replace(plan.spec, strict=strict))
    return validation.score(
        detector, plan, own if split is None else split, CLASSES,
        device=torch.device("cpu"), progress=Silent(), with_loss=True,
    )  # fmt: skip


def test_one_pass_tells_what_two_would(parts: Any) -> None:
    import torch

    detector = parts[0].eval()
    images = torch.rand(2, 3, 64, 64) * 255
    truths = [{"boxes": torch.tensor([[5.0, 5, 30, 30]]), "labels": torch.tensor([1])}] * 2
    found, losses = detector.evaluate(images, truths)
    for ours, alone in zip(found, detector(images), strict=True):
        assert all(torch.equal(ours[name], alone[name]) for name in ("boxes", "labels", "scores"))
    assert {name: value.item() for name, value in losses.items()} == {
        name: value.item() for name, value in detector(images, truths).items()
    }


def test_a_score_has_all_that_the_log_shows(parts: Any) -> None:
    score = seen(parts)
    assert score.precision.mean > 0.15, "two epochs teach it something; by chance it would be near 0"
    assert 0 < score.coco["AP"] < score.coco["AP50"] <= 1
    assert list(score.curves) == list(CLASSES)
    assert len(score.pictures) == 8
    assert all(picture.dtype == np.uint8 and picture.shape == (384, 384, 3) for picture in score.pictures)
    assert score.loss is not None
    assert 0 < score.loss < 20


def test_difficult_objects_are_like_all_others_unless_strict(parts: Any) -> None:
    split = parts[2]
    marks = Fixed(np.bool_)
    marks.extend(split.labels == 1)
    hard = replace(split, columns={**split.columns, "difficult": marks})
    assert seen(parts, split=hard).precision.per_class == seen(parts).precision.per_class
    strict = seen(parts, split=hard, strict=True).precision
    assert strict.per_class["circle"] == 0
    assert strict.per_class["square"] == seen(parts).precision.per_class["square"]
    assert strict.mean == pytest.approx(strict.per_class["square"] / 2)


def test_nvidias_validation_loss_grows_with_the_batch(parts: Any) -> None:
    """Eight pictures in batches of four: each loss counts four times over."""
    sane, strict = seen(parts).loss, seen(parts, strict=True).loss
    assert sane is not None
    assert strict == pytest.approx(4 * sane, rel=1e-5)


def test_any_model_can_be_looked_through(parts: Any) -> None:
    """What finds exactly the objects is right about all of them."""

    class Perfect:
        def __call__(self, batch: Any) -> Any:
            found = [
                {"boxes": boxes, "labels": labels, "scores": np.full(len(labels), 0.9)}
                for boxes, labels in ((target["boxes"], target["labels"]) for target in batch.targets)
            ]
            return found, 0.0

    _, plan, split = parts
    looked = validation.look(Perfect(), plan, split, CLASSES, size=(64, 64), progress=Silent())
    assert validation.precision(
        validation.average_precision.in_whole_pixels(looked.findings), plan
    ).mean == pytest.approx(1)
    assert validation.coco.measure(looked.findings).figures["AP"] == pytest.approx(1)
    assert looked.findings.sizes.tolist() == [[96, 96]] * 8
