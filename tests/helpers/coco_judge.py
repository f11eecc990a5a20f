"""COCO's figures by pycocotools."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import pytest


def judged(truth: Path, results: Path) -> Any:
    """The twelve figures of detections, boxes against boxes."""
    coco, judge = pytest.importorskip("pycocotools.coco"), pytest.importorskip("pycocotools.cocoeval")
    with contextlib.redirect_stdout(io.StringIO()):
        there = coco.COCO(str(truth))
        evaluation = judge.COCOeval(there, there.loadRes(str(results)), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats
