"""Predicted and annotated landmarks as two COCO files that belong to each other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from runtime.tasks import Prediction
from runtime.tasks.detection import coco_results
from runtime.tasks.detection.coco_results import Ids
from runtime.tasks.detection.evaluation.report import ANNOTATIONS, RESULTS
from runtime.tasks.keypoints.results import KeypointResults, vector
from tltpipe.files import atomic

if TYPE_CHECKING:
    from runtime.tasks.keypoints.measuring import MeasuredKeypoints
    from runtime.tasks.keypoints.poses import Poses


def write(folder: Path, measured: MeasuredKeypoints, paths: Sequence[Path], ids: Ids) -> list[Path]:
    """Write both below ``folder``, for images at ``paths``; returns them. COCO's programs make the same figures of
    them."""
    with coco_results.writing(folder / RESULTS, ids, measured.classes, kind=KeypointResults) as results:
        for number, part in _by_image(measured.found):
            results.add(paths[number], paths[number].name, _prediction(measured, part))
    with atomic(folder / ANNOTATIONS) as stream:
        json.dump(_annotations(measured, paths, ids), stream)
    return [folder / RESULTS, folder / ANNOTATIONS]


def _by_image(poses: Poses) -> Iterator[tuple[int, range]]:
    """Images that have any, and places of what they have."""
    starts = np.flatnonzero(np.diff(poses.image, prepend=-1)).tolist()
    for start, end in zip(starts, [*starts[1:], len(poses)], strict=True):
        yield int(poses.image[start]), range(start, end)


def _prediction(measured: MeasuredKeypoints, part: range) -> Prediction:
    """The predictions ``part``, of an image, as they were made."""
    found, total = measured.found, measured.layouts[0].total
    keypoints = np.zeros((len(part), total, 3))
    for row, at in enumerate(part):
        layout = measured.layouts[int(found.label[at]) - 1]
        keypoints[row, layout.offset : layout.offset + layout.count] = _own(found, at, layout.count)
    which = slice(part.start, part.stop)
    return {
        "boxes": found.box[which], "labels": found.label[which], "scores": found.score[which], "keypoints": keypoints
    }  # fmt: skip


def _annotations(measured: MeasuredKeypoints, paths: Sequence[Path], ids: Ids) -> dict[str, Any]:
    """The objects as a COCO file holds them, with areas and points as they were judged."""
    truth, names = measured.truth, [str(number) for number in range(1, measured.layouts[0].total + 1)]
    images = [
        {"id": ids.pictures[path], "file_name": path.name, "width": width, "height": height}
        for path, (width, height) in zip(paths, measured.sizes.tolist(), strict=True)
    ]
    categories = [{"id": ids.classes[name], "name": name, "keypoints": names} for name in measured.classes]
    records = []
    for at in range(len(truth)):
        label = int(truth.label[at])
        points = _own(truth, at, measured.layouts[label - 1].count)
        points[points[:, 2] == 0] = 0
        left, top, right, bottom = truth.box[at].tolist()
        record = {"id": at + 1, "image_id": ids.pictures[paths[int(truth.image[at])]]}
        record |= {"category_id": ids.classes[measured.classes[label - 1]], "area": float(truth.area[at])}
        record |= {"bbox": [left, top, right - left, bottom - top], "iscrowd": int(truth.crowd[at])}
        record |= {"num_keypoints": int(np.count_nonzero(points[:, 2]))}
        records.append(record | {"keypoints": vector(points, measured.layouts[label - 1])})
    return {"images": images, "annotations": records, "categories": categories}


def _own(poses: Poses, at: int, count: int) -> NDArray[np.float64]:
    """The own points [count, 3] of pose ``at``."""
    own = slice(int(poses.first[at]), int(poses.first[at]) + count)
    return np.column_stack([poses.points[own], poses.marks[own]])
