"""What a model says of an object that it was given: which points are its own, how sure it is, where they lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from converters.model import landmarks
from converters.model.landmarks import Layout
from runtime.tasks import ImageInfo, Prediction, Target, detection
from tltpipe.errors import UsageError

CONFIDENT = 0.2
"""Points with a confidence above this make up the score of an object, as in HRNet's evaluation."""
LEAST = 1e-6
"""Confidence of an own point of which the model is not sure at all: 0 means that it is another class's."""


def layouts(classes: Sequence[str]) -> tuple[Layout, ...]:
    """The landmarks of each class. Raises UsageError for one that has none."""
    found = {name: landmarks.layout(name) for name in classes}
    if missing := [name for name, each in found.items() if each is None]:
        hint = f"classes with known landmarks: {', '.join(landmarks.names())}"
        raise UsageError(f"the landmarks of the class {missing[0]} are not known", hint=hint)
    return tuple(each for each in found.values() if each is not None)


def complete(prediction: Prediction, given: Target, classes: Sequence[str]) -> Prediction:
    """The points of the own class of each object that was ``given``, with its box and label; its score is that of the
    detector (1 without one) times the mean confidence of its sure points (``CONFIDENT``), 0 without any."""
    own = landmarks_of(given["labels"], classes, prediction["keypoints"].shape[1])
    keypoints = np.where(own[..., None], prediction["keypoints"], 0).astype(np.float32)
    confidence = keypoints[..., 2]
    sure = confidence > CONFIDENT
    mean = (confidence * sure).sum(axis=1) / np.maximum(sure.sum(axis=1), 1)
    keypoints[..., 2] = np.where(own, np.maximum(confidence, LEAST), 0)
    scores = given["scores"] * mean if "scores" in given else mean
    return {
        "boxes": given["boxes"], "labels": given["labels"], "scores": scores.astype(np.float32), "keypoints": keypoints
    }  # fmt: skip


def landmarks_of(labels: np.ndarray, classes: Sequence[str], total: int) -> np.ndarray:
    """Which of ``total`` points are those of an object's class, bool [n, total]."""
    own = np.zeros((len(classes) + 1, total), np.bool_)
    for label, layout in enumerate(layouts(classes), start=1):
        own[label, layout.offset : layout.offset + layout.count] = True
    chosen: np.ndarray = own[labels]
    return chosen


def restore(prediction: Prediction, image: ImageInfo) -> Prediction:
    """Boxes and points float64 in pixels of the stored image, not clipped; of a target, too, which has no points where
    its box is a detector's."""
    if "keypoints" not in prediction:
        return detection.restore(prediction, image)
    across, down, right, lower = image.to_stored
    keypoints = prediction["keypoints"].astype(np.float64)
    moved = keypoints[..., :2] * (across, down) + (right, lower)
    keypoints[..., :2] = np.where(keypoints[..., 2:] > 0, moved, 0)
    return {**detection.restore(prediction, image), "keypoints": keypoints}
