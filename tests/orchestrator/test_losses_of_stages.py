"""The balance of each stage: in its lines, and in what it tells."""

from __future__ import annotations

from typing import Any

from orchestrator import pipeline


def test_every_stage_that_reads_and_writes_has_one(start: Any) -> None:
    run = start()
    (run.workspace.raw / "train/annos/000004.json").write_text("{")
    run = start(**{"data.skip_bad": "true", "data.allow_loss": "true"})
    results = pipeline.execute(run, ["prepare", "augment", "tfrecords"])
    told = {result.stage: result.told["losses"] for result in results}
    lost = [{"reason": "left out: annotations that cannot be read", "images": 1, "items": 0}]
    assert told["prepare"] == {"in": {"images": 8, "items": 7}, "out": {"images": 7, "items": 7}, "lost": lost}
    assert told["augment"]["out"] == {"images": 7, "items": 7}
    assert told["augment"]["lost"] == [{"reason": "images without a label file", "images": 1, "items": 0}]
    assert told["tfrecords"] == {"in": {"images": 7, "items": 7}, "out": {"images": 7, "items": 7}, "lost": []}
