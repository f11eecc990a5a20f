"""The tables of an evaluation: a row a category, a row an attribute, a row a group of attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from runtime.tasks.classification.counts import ATTRIBUTE_TOP, CATEGORY_TOP, Choice, Recalls, mean, share
from runtime.tasks.detection.evaluation.analysis import total
from runtime.tasks.detection.evaluation.report import cell, known

VALUES = {
    "class": "category", "objects": "images", "true_positives": "right", "false_positives": "wrong",
    "missed": "missed", "precision": "precision", "f1": "F1", **{f"top{k}": f"top-{k}" for k in CATEGORY_TOP},
    "taken_for": "most often taken for",
}  # fmt: skip
"""Columns of the table of categories, and their titles."""
GROUPS = {
    "group": "attributes", "attributes": "number", "measured": "measured",
    **{f"recall{k}": f"recall@{k}" for k in ATTRIBUTE_TOP},
}  # fmt: skip
LISTED = 10
"""Names in a line."""


def values(names: Sequence[str], counted: Choice) -> list[dict[str, Any]]:
    """A row for each of ``names``; then "all", with sums, and "mean", with means over those that occur.

    Columns are called as those of a detector's table are: an image is an object, the model's answer a detection.
    """
    rows = []
    right, answers, images = counted.confusion.diagonal(), counted.confusion.sum(axis=0), counted.images
    tops = {f"top{k}": counted.shares(k) for k in CATEGORY_TOP}
    shares = {"precision": share(right, answers), "recall": tops["top1"], "f1": share(2 * right, answers + images)}
    shares["f1"][images == 0] = np.nan
    for at, name in enumerate(names):
        rows.append(
            {
                "class": name,
                "objects": int(images[at]),
                "detections": int(answers[at]),
                "true_positives": int(right[at]),
                "false_positives": int(answers[at] - right[at]),
                "missed": int(images[at] - right[at]),
                **{column: known(float(each[at])) for column, each in {**shares, **tops}.items()},
                "taken_for": _taken_for(names, counted, at),
            }
        )
    everything = {**total(rows), **{f"top{k}": known(counted.accuracy(k)) for k in CATEGORY_TOP}}
    means = {column: known(mean(each[images > 0])) for column, each in {**shares, **tops}.items()}
    return [*rows, everything, {"class": "mean", **means}]


def attributes(names: Sequence[str], groups: Sequence[str], recalls: Recalls) -> list[dict[str, Any]]:
    """A row for each of ``names``: how many images have it, and how often it is found among the likeliest."""
    columns: dict[str, Any] = {f"recall{k}": recalls.recalls(k) for k in ATTRIBUTE_TOP}
    if recalls.members:
        columns |= {f"group_recall{k}": recalls.group_recalls(k) for k in ATTRIBUTE_TOP}
    return [
        {
            "attribute": name, "group": group, "images": int(recalls.has[at]),
            **{column: known(float(each[at])) for column, each in columns.items()},
        }
        for at, (name, group) in enumerate(zip(names, groups, strict=True))
    ]  # fmt: skip


def groups(members: Mapping[str, Any], recalls: Recalls) -> list[dict[str, Any]]:
    """A row a group, and one of all attributes: how many there are, how many an image has, the mean recalls."""
    rows = [
        {
            "group": name, "attributes": len(places), "measured": int((recalls.has[places] > 0).sum()),
            **{f"recall{k}": known(recalls.group_recall(k, name)) for k in ATTRIBUTE_TOP},
        }
        for name, places in members.items()
    ]  # fmt: skip
    together = {f"recall{k}": known(recalls.mean_recall(k)) for k in ATTRIBUTE_TOP}
    measured = int((recalls.has > 0).sum())
    return [*rows, {"group": "all", "attributes": len(recalls.has), "measured": measured, **together}]


def lines(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> Iterator[str]:
    """``rows`` under the titles of ``columns``; the first column and text to the left, numbers to the right."""
    first, *others = columns
    width = max(len(columns[first]), *(len(row[first]) for row in rows))
    yield "".join([f"{columns[first]:<{width}}", *(_title(columns[each]) for each in others)]).rstrip()
    for row in rows:
        yield "".join([f"{row[first]:<{width}}", *(_cell(row.get(each), columns[each]) for each in others)]).rstrip()


def _title(text: str) -> str:
    return f"  {text}" if " " in text else f"{text:>{_width(text)}}"


def _cell(value: Any, title: str) -> str:
    if " " in title:
        return f"  {value or ''}"
    return f"{cell(value):>{_width(title)}}"


def _width(title: str) -> int:
    return max(8, len(title) + 2)


def _taken_for(names: Sequence[str], counted: Choice, at: int) -> str:
    """``Blouse (5)``, or nothing where no image of value ``at`` was taken for another."""
    others = counted.confusion[at].copy()
    others[at] = 0
    most = int(others.argmax())
    return f"{names[most]} ({others[most]})" if others[most] else ""
