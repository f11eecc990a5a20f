"""From the outputs of an exported program to the prediction for each image: the ways that a card can name.

Where outputs are fields of a prediction already, of whatever task, they are taken by their names. NumPy only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from runtime.imaging import boxes
from runtime.imaging.heatmaps import peaks
from runtime.inference.backends._cards import input_size, require_classes, thresholds
from runtime.tasks import Prediction
from runtime.tasks.detection.detections import suppress
from runtime.weights.card import PREDICTIONS, Card

Outputs: TypeAlias = Mapping[str, NDArray[Any]]
"""Of a batch, by name."""
Decoder: TypeAlias = Callable[[Outputs, int], Prediction]
"""The prediction for the image at a place of the batch, in pixels of the input."""


def predictions(card: Card) -> Decoder:  # noqa: ARG001 - a decoder's signature
    """Fields by their names; those of objects, which have "scores", have "count" rows that mean something."""

    def decode(outputs: Outputs, place: int) -> Prediction:
        named = {name: np.asarray(values[place]) for name, values in outputs.items()}
        count = named.pop("count", None) if "scores" in named else None
        return named if count is None else {name: values[:count] for name, values in named.items()}

    return decode


def anchors(card: Card) -> Decoder:
    """Heads as they are: "logits", "offsets", and the "anchors" of all images."""
    limits, variances = thresholds(card), np.array(card.variances, np.float32)
    scale = np.array(input_size(card)[::-1] * 2)

    def decode(outputs: Outputs, place: int) -> Prediction:
        scores = probabilities(outputs["logits"][place], background=card.background)
        corners = boxes.decode(outputs["offsets"][place], outputs["anchors"], variances) * scale
        return suppress(require_classes(scores, card.classes), corners.astype(np.float32), limits)

    return decode


def cells(card: Card) -> Decoder:
    """Maps [5 + C, h, w] of logits, the finest first: box, object, classes."""
    limits, height = thresholds(card), input_size(card)[0]

    def decode(outputs: Outputs, place: int) -> Prediction:
        maps = [values[place] for values in outputs.values()]
        said = np.concatenate([each.reshape(len(each), -1).T[:, 4:] for each in maps])
        likelihood = probabilities(said, background=False)
        corners = boxes.from_cells([each[:4] for each in maps], height)
        scores = likelihood[:, :1] * _likeliest(likelihood[:, 1:])
        return suppress(require_classes(scores, card.classes), corners, limits)

    return decode


def likeliest(card: Card) -> Decoder:
    """All "boxes" and "scores" [A, C], of which the largest of a box counts."""
    limits = thresholds(card)

    def decode(outputs: Outputs, place: int) -> Prediction:
        scores = _likeliest(require_classes(outputs["scores"][place], card.classes))
        return suppress(scores, outputs["boxes"][place], limits)

    return decode


def rows(card: Card) -> Decoder:
    """Of every box one row of "detections": corners, score, class from 0 on."""
    limits = thresholds(card)

    def decode(outputs: Outputs, place: int) -> Prediction:
        found = outputs["detections"][place]
        scores = np.zeros((len(found), len(card.classes)), np.float32)
        scores[np.arange(len(found)), found[:, 5].astype(np.int64)] = found[:, 4]
        return suppress(scores, found[:, :4], limits)

    return decode


def heatmaps(card: Card) -> Decoder:
    """A heat map [h, w] for each channel, of which each keypoint has one."""
    height, channels = input_size(card)[0], list(card.channels)

    def decode(outputs: Outputs, place: int) -> Prediction:
        (maps,) = outputs.values()
        points = peaks(maps[place])
        points[:, :2] *= height / maps.shape[2]
        return {"keypoints": points[None, channels]}

    return decode


DECODERS: Mapping[str, Callable[[Card], Decoder]] = {
    PREDICTIONS: predictions, "anchors": anchors, "cells": cells, "likeliest": likeliest, "rows": rows,
    "heatmaps": heatmaps,
}  # fmt: skip


def of_card(card: Card) -> Decoder:
    return DECODERS[card.decoding](card)


def probabilities(logits: NDArray[np.float32], *, background: bool) -> NDArray[np.float32]:
    """Of the classes 1 to N, from logits [A, channels]."""
    if background:
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        scores: NDArray[np.float32] = (powers / powers.sum(axis=1, keepdims=True))[:, 1:]
        return scores
    halves: NDArray[np.float32] = (np.tanh(logits * np.float32(0.5)) + 1) * np.float32(0.5)
    return halves


def _likeliest(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """``scores`` [A, C] with 0 for all but the largest of a row."""
    only = np.zeros_like(scores)
    places = np.arange(len(scores)), scores.argmax(axis=1)
    only[places] = scores[places]
    return only
