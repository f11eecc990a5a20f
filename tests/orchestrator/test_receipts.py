"""A stage whose work still holds is skipped, with the reason; each thing it depends on makes it run again."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator import pipeline
from orchestrator.jobs import receipts, verify
from orchestrator.run import Run
from tltpipe import locks
from tltpipe.errors import HostError
from tltpipe.executors import processes

Start = Callable[..., Run]
DATA = ["prepare", "augment", "tfrecords"]


@pytest.fixture
def go(start: Start, fake_programs: Callable[..., Path]) -> Callable[..., dict[str, str]]:
    """Run ``stages``; what became of each: "ran", or why it was skipped."""
    programs = fake_programs()

    def execute(*stages: str, force: bool = False, **settings: object) -> dict[str, str]:
        run = start(programs=programs, force=force, **settings)
        found = pipeline.execute(run, stages or DATA)
        return {result.stage: "ran" if result.state == "ran" else result.why for result in found}

    return execute


Go = Callable[..., dict[str, str]]


def test_a_second_run_does_nothing_and_says_why(go: Go, workspace: Path) -> None:
    assert set(go().values()) == {"ran"}
    before = {path: path.stat().st_mtime_ns for path in workspace.rglob("*")}
    again = go()
    assert list(again) == DATA
    assert all(why.startswith("nothing changed since 20") for why in again.values())
    assert {path: path.stat().st_mtime_ns for path in workspace.rglob("*")} == before


def test_no_fingerprint_is_begun_of_what_another_stage_is_to_make(go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    def begin(function: Callable[[list[Path]], str], item: list[Path]) -> Callable[[], str]:
        begun.append(item)
        found = function(item)
        return lambda: found

    begun: list[list[Path]] = []
    monkeypatch.setattr(processes, "started", lambda: True)
    monkeypatch.setattr(processes, "begin", begin)
    go()
    assert {path.name for (path,) in begun} == {"annos", "image"}
    go("augment", "prepare", "tfrecords", force=True)
    assert all(why.startswith("nothing changed since 20") for why in go().values())


def test_the_data_stages_with_the_real_programs(start: Start, real_programs: Path, workspace: Path) -> None:
    pipeline.execute(start(programs=real_programs), DATA)
    assert (workspace / "COCO/train.json").is_file()
    assert len(list((workspace / "Original-Data/train/label").glob("*.txt"))) == 5
    assert len(list((workspace / "KITTI-dataset-augmented/validation/images").glob("*.jpg"))) == 3
    shards = sorted((workspace / "TFRecords/train").glob("train-*"))
    assert shards[0].name == "train-fold-000-of-002-shard-00000-of-00010"
    assert [verify.records(shard) for shard in shards] == [0] * 9 + [5]
    assert not list(workspace.rglob("*.partial"))
    again = pipeline.execute(start(programs=real_programs), DATA)
    assert {result.state for result in again} == {"skipped"}


def test_why_a_stage_runs_again(go: Go, start: Start, workspace: Path) -> None:
    go()

    def why(stage: str, **settings: object) -> str:
        return pipeline.survey(start(**settings))[stage].why

    assert "augment.rotation_angle 0 -> 3" in why("augment", **{"augment.rotation_angle": 3})
    assert "image_size 288x288 -> 64x96" in why("augment", image_size="64x96")
    assert why("augment", toolkit="tlt2") == "toolkit changed: embedded -> tlt2"
    assert "data.skip_bad false -> true" in why("prepare", **{"data.skip_bad": True})
    assert "classes changed: all -> vest, skirt" in why("prepare", **{"data.classes": ["vest", "skirt"]})

    shutil.rmtree(workspace / "KITTI-dataset-augmented" / "validation")
    assert why("augment") == "KITTI-dataset-augmented/validation is missing"
    os.utime(workspace / "Original-Data/train/annos/000001.json", (1, 1))
    assert why("prepare") == "files changed: Original-Data/train/annos"
    assert why("train") == "never finished here"


def test_a_changed_output_is_made_again(go: Go, workspace: Path) -> None:
    go()
    (workspace / "TFRecords/train/train-fold-000-of-002-shard-00000-of-00010").write_text("touched")
    assert go()["tfrecords"] == "ran"
    assert go()["tfrecords"] != "ran"


def test_what_follows_a_stage_that_must_run_is_stale(go: Go, start: Start, workspace: Path) -> None:
    go()
    os.utime(workspace / "Original-Data/train/annos/000001.json", (1, 1))
    states = {name: told.state for name, told in pipeline.survey(start()).items()}
    assert states == {
        "prepare": "stale",
        "augment": "stale",
        "tfrecords": "stale",
        "train": "missing",
        "evaluate": "missing",
    }


def test_force_runs_it_all_the_same(go: Go) -> None:
    go()
    assert go("augment", force=True) == {"augment": "ran"}


def test_a_moved_workspace_is_still_done(go: Go, start: Start, workspace: Path) -> None:
    go()
    elsewhere = workspace.rename(workspace.with_name("moved"))
    told = pipeline.survey(start(root=elsewhere))
    assert [told[name].state for name in DATA] == ["done"] * 3


def test_a_broken_receipt_counts_as_none(go: Go, workspace: Path) -> None:
    go()
    (workspace / ".tltpipe/receipts/augment.json").write_text('{"facts": ')
    assert go()["augment"] == "ran"


def test_an_image_counts_only_where_both_ran_in_one() -> None:
    def facts(image_id: str | None) -> receipts.Facts:
        return receipts.Facts("embedded", (), {}, {}, image_id)

    assert receipts.difference(facts(None), facts("sha256:" + "a" * 64)) is None
    told = receipts.difference(facts("sha256:" + "a" * 64), facts("sha256:" + "b" * 64))
    assert told == "image changed: aaaaaaaaaaaa -> bbbbbbbbbbbb"


def test_the_image_of_now_is_part_of_what_a_stage_depends_on(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    run = start(runner="dry")
    pipeline.settle(run)
    monkeypatch.setattr(run.runner, "image_id", lambda image: f"sha256:of {image}")
    assert pipeline.facts(run, pipeline.load("augment")).image_id == f"sha256:of {run.toolkit.IMAGES[0]}"
    assert pipeline.facts(run, pipeline.load("prepare")).image_id is None, "no box is involved"


def test_two_at_once_are_refused(go: Go, workspace: Path) -> None:
    other = HostError("the other's own")
    with locks.held(workspace / ".tltpipe/lock", other), pytest.raises(HostError, match="another tltpipe"):
        go("prepare")
    assert go("prepare") == {"prepare": "ran"}
