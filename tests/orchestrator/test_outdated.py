"""No stage works on data that status calls stale, and reasons are in the words of tltpipe.yaml."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from raw_data import coco
from refusals import error_of

from converters.model import garments
from orchestrator import pipeline
from orchestrator.jobs import attempts
from orchestrator.run import Run
from orchestrator.stages import prepare
from tltpipe import locks
from tltpipe.errors import DataError, HostError, Interrupted

Start = Callable[..., Run]
Programs = Callable[..., Path]
ALL = ["prepare", "augment", "tfrecords", "train", "evaluate"]


@pytest.fixture
def go(start: Start, fake_programs: Programs) -> Callable[..., dict[str, str]]:
    """Run ``stages`` by programs that train two epochs; what became of each."""

    def execute(
        *stages: str, with_needed: bool = False, stop: int = 0, ctrl_c: int = 0, **settings: object
    ) -> dict[str, str]:
        run = start(programs=fake_programs(epochs=2, stop=stop, ctrl_c=ctrl_c), **{"ssd.num_epochs": 2, **settings})
        return {result.stage: result.state for result in pipeline.execute(run, stages or ALL, with_needed=with_needed)}

    return execute


Go = Callable[..., dict[str, str]]


@pytest.mark.parametrize("stage", ["augment", "tfrecords", "train", "evaluate"])
def test_a_stage_refuses_data_of_other_settings(go: Go, workspace: Path, stage: str) -> None:
    go()
    before = {path: path.stat().st_mtime_ns for path in (workspace / "output").rglob("*")}
    error = error_of(DataError, lambda: go(stage, **{"data.classes": ["vest", "skirt", "shorts"]}))
    assert "prepare" in error.what
    assert "classes changed: all -> vest, skirt, shorts" in error.what
    assert error.hint
    assert f"tltpipe run {stage}" in error.hint
    assert {path: path.stat().st_mtime_ns for path in (workspace / "output").rglob("*")} == before


def test_run_brings_up_to_date_what_a_stage_needs(go: Go) -> None:
    go()
    done = go("train", with_needed=True, image_size=96)
    assert done == {"augment": "ran", "tfrecords": "ran", "train": "ran"}
    assert go("train", with_needed=True, image_size=96) == {"train": "skipped"}


def test_changed_pictures_are_no_data_to_train_on(go: Go, workspace: Path) -> None:
    go()
    os.utime(workspace / "Original-Data/train/annos/000001.json", (1, 1))
    with pytest.raises(DataError, match="files changed: Original-Data/train/annos"):
        go("augment", **{"augment.rotation_angle": 5})


def test_what_has_no_receipt_or_no_source_any_more_is_taken_as_it_is(go: Go, workspace: Path) -> None:
    go("prepare", "augment", "tfrecords")
    (workspace / "Original-Data/train/annos").rename(workspace / "away")
    assert go("train") == {"train": "ran"}
    (workspace / "away").rename(workspace / "Original-Data/train/annos")
    (workspace / ".tltpipe/receipts/prepare.json").unlink()
    assert go("augment", **{"data.min_size": 3}) == {"augment": "skipped"}


def test_an_unfinished_training_of_these_settings_can_be_evaluated(go: Go, workspace: Path) -> None:
    go()
    other = {"ssd.arch": "vgg", "ssd.nlayers": 16}
    with pytest.raises(DataError, match=r"ssd\.arch resnet -> vgg"):
        go("evaluate", **other)
    with pytest.raises(DataError, match="this went wrong"):
        go("train", stop=1, **other)
    assert go("evaluate", **other) == {"evaluate": "ran"}
    assert json.loads((workspace / "output/evaluation.json").read_text())["model"].endswith("_epoch_001.tlt")


def test_a_checkpoint_is_evaluated_as_it_was_trained(start: Start, fake_programs: Programs, workspace: Path) -> None:
    """``tltpipe train --epochs 2``, then ``tltpipe evaluate``, which has no --epochs."""
    pipeline.execute(start(programs=fake_programs(epochs=2), **{"ssd.num_epochs": 2}), ALL[:-1])
    run = start(programs=fake_programs())
    (result,) = pipeline.execute(run, ["evaluate"])
    assert result.state == "ran"
    assert any("ssd.num_epochs 2 -> 80" in line for line in run.report.told)  # type: ignore[attr-defined]
    assert json.loads((workspace / "output/evaluation.json").read_text())["epoch"] == 2
    assert pipeline.survey(start())["train"].state == "stale"


def test_raw_data_that_are_gone_leave_the_classes_that_were_prepared(
    start: Start, fake_programs: Programs, tmp_path: Path
) -> None:
    """No garments: those are what the settings mean as long as nothing was ever prepared."""
    root = tmp_path / "own"
    coco(root / "raw", name="one.jpg")
    settings = {"root": root, "data.root": "raw", "ssd.num_epochs": 2}
    programs = fake_programs(epochs=2)
    pipeline.execute(start(programs=programs, **settings), ALL)
    (root / "raw").rename(root / "away")
    run = start(programs=programs, **settings)
    assert prepare.categories(run) == ("mug",)
    assert {name: verdict.why for name, verdict in pipeline.survey(run).items() if "classes" in verdict.why} == {}
    results = pipeline.execute(start(programs=programs, **settings), ["train", "evaluate"])
    assert {result.stage: result.state for result in results} == {"train": "skipped", "evaluate": "skipped"}


@pytest.mark.parametrize(
    "settings", [{"ssd.matching_iou_threshold": 0.6}, {"ssd.top_k": 50}, {"ssd.eval_batch_size": 4}, {"threshold": 0.5}]
)
def test_what_only_evaluation_reads_leaves_the_training(go: Go, start: Start, settings: dict[str, object]) -> None:
    go()
    states = {n: v.state for n, v in pipeline.survey(start(**{"ssd.num_epochs": 2, **settings})).items()}
    assert states["train"] == "done"
    assert states["evaluate"] == ("done" if "threshold" in settings else "stale")
    assert go(**settings)["train"] == "skipped"


def test_reasons_name_settings(go: Go, start: Start, workspace: Path) -> None:
    one, two, three = (garment.name for garment in garments.CATEGORIES[1:4])  # of which there are pictures
    (workspace / "tltpipe.yaml").write_text(f"data:\n  classes: [{one}, {two}]\n")
    go("prepare", "augment", "tfrecords")
    receipt = json.loads((workspace / ".tltpipe/receipts/prepare.json").read_text())
    assert json.loads(receipt["facts"]["specs"]["data"])["classes"] == [one, two]

    def why(stage: str, **settings: object) -> str:
        return pipeline.survey(start(**settings))[stage].why

    assert why("prepare", **{"data.classes": [one, three]}) == f"classes changed: {one}, {two} -> {one}, {three}"
    assert why("augment", image_size=320) == "settings changed: image_size 288x288 -> 320x320"
    assert why("tfrecords", **{"tfrecords.num_shards": 3}) == "settings changed: tfrecords.num_shards 10 -> 3"


def test_a_training_says_which_setting_and_which_option(go: Go, start: Start) -> None:
    go()
    train = pipeline.survey(start(**{"ssd.num_epochs": 5}))["train"]
    assert (train.state, train.why) == ("stale", "settings changed: ssd.num_epochs 2 -> 5")
    train = pipeline.survey(start(**{"ssd.num_epochs": 2, "ssd.regularizer": "L2", "ssd.min_learning_rate": 1e-4}))[
        "train"
    ]
    assert train.why == "settings changed: ssd.min_learning_rate 5e-05 -> 0.0001, ssd.regularizer L1 -> L2"
    edited = start(**{"ssd.num_epochs": 2}).workspace.specs / "train.conf"
    edited.write_text(edited.read_text().replace("top_k: 200", "top_k: 9").replace("random_seed: 42", "random_seed: 4"))
    assert pipeline.survey(start())["train"].why == "specs/train.conf edited: random_seed 42 -> 4"
    edited.unlink()
    assert "--gpus 1 -> 2" in pipeline.survey(start(gpus=2, **{"ssd.num_epochs": 2}))["train"].why


def test_interrupted_and_failed_stages_show_as_such(go: Go, start: Start) -> None:
    with pytest.raises(Interrupted):
        go(ctrl_c=1)
    verdict = pipeline.survey(start())["train"]
    assert verdict.state == "interrupted"
    with pytest.raises(DataError):
        go("train", stop=2)
    verdict = pipeline.survey(start())["train"]
    assert (verdict.state, "this went wrong" in verdict.why) == ("failed", True)
    go("train")
    assert pipeline.survey(start(**{"ssd.num_epochs": 2}))["train"].state == "done"


def test_a_killed_stage_is_interrupted_and_one_under_way_runs(start: Start, workspace: Path) -> None:
    folder = workspace / ".tltpipe/receipts"
    child = os.fork()
    if child == 0:
        with attempts.noted(folder, "augment"):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert pipeline.survey(start())["augment"].state == "interrupted"
    with locks.held(workspace / ".tltpipe/lock", HostError("taken")):
        assert pipeline.survey(start())["augment"].state == "running"
    assert pipeline.survey(start())["augment"].state == "interrupted"


def test_a_dry_run_says_what_is_up_to_date_and_what_would_run(go: Go, start: Start, workspace: Path) -> None:
    go()
    before = set(workspace.rglob("*"))

    def shown(**settings: object) -> dict[str, str]:
        run = start(dry=True, **{"ssd.num_epochs": 2, **settings})
        return {result.stage: result.state for result in pipeline.execute(run)}

    assert set(shown().values()) == {"skipped"}
    assert list(shown(image_size=96).values()) == ["skipped", "shown", "shown", "shown", "shown"]
    assert list(shown(**{"ssd.num_epochs": 3}).values()) == ["skipped", "skipped", "skipped", "shown", "shown"]
    assert set(workspace.rglob("*")) == before


def test_a_dry_run_shows_images_and_mounts_only_of_a_runner_that_has_them(start: Start, workspace: Path) -> None:
    def told(**settings: object) -> str:
        run = start(dry=True, **settings)
        pipeline.execute(run)
        return "\n".join(run.report.told)  # type: ignore[attr-defined]

    local, docker = told(), told(runner="docker")
    assert f"-d {workspace}/Original-Data/train" in local
    assert "/workspace" not in local
    assert "mount " not in local
    assert "image " not in local
    assert "mount " in docker
    assert "image   tltpipe:" in docker
    assert f"-d {workspace}" not in docker
    nvidia = told(toolkit="tlt2", key="secret")
    assert "image   nvcr.io/" in nvidia
    assert "secret" not in nvidia


def test_an_interruption_that_says_more_is_not_hidden(go: Go, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else cancelled the job, or the terminal was closed and it goes on."""
    go()
    run = start(gpus=2)
    said = Interrupted("job 7 (train) was cancelled on n1", hint="the same command goes on from what it left")

    def cancelled(*_: object) -> None:
        raise said

    monkeypatch.setattr(type(run.runner), "run", cancelled)
    with pytest.raises(Interrupted) as stopped:
        pipeline.execute(run, ["train"])
    assert stopped.value is said
