"""Training: it goes on where it stopped, never writes over an earlier one, and its outputs decide."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from refusals import error_of

from orchestrator import pipeline
from orchestrator.run import Run
from tltpipe.errors import ConfigError, DataError, Interrupted, RunFailed, SpecError, UsageError

Start = Callable[..., Run]
Programs = Callable[..., Path]
EPOCHS = {"ssd.num_epochs": 3}


@pytest.fixture
def go(start: Start, fake_programs: Programs) -> Callable[..., Run]:
    """Everything up to and with ``train``, by a trainer that makes ``epochs`` and may fail after epoch ``stop``."""

    def execute(
        *stages: str, epochs: int = 3, stop: int = 0, ctrl_c: int = 0, force: bool = False, **settings: object
    ) -> Run:
        programs = fake_programs(epochs=epochs, stop=stop, ctrl_c=ctrl_c)
        run = start(programs=programs, force=force, **(EPOCHS | settings))
        pipeline.execute(run, stages or ["prepare", "augment", "tfrecords", "train"])
        return run

    return execute


Go = Callable[..., Run]


def weights(workspace: Path) -> dict[str, str]:
    return {path.name[-7:-4]: path.read_text() for path in sorted((workspace / "output/weights").glob("*.tlt"))}


def test_an_interrupted_training_goes_on(go: Go, workspace: Path) -> None:
    with pytest.raises(DataError):
        go(stop=2)
    assert not (workspace / ".tltpipe/receipts/train.json").exists()
    run = go("train")
    assert "going on after epoch 2 of 3" in "\n".join(run.report.told)  # type: ignore[attr-defined]
    fresh, resumed = "from random weights", str(workspace / "output/weights/ssd_resnet10_epoch_002.tlt")
    assert weights(workspace) == {"001": fresh, "002": fresh, "003": resumed}
    (told,) = go("train").report.told  # type: ignore[attr-defined]
    assert "nothing changed" in told


def test_ctrl_c_keeps_the_checkpoints_and_says_how_to_go_on(go: Go, workspace: Path) -> None:
    error = error_of(Interrupted, go, ctrl_c=2)
    assert error.exit_code == 130
    assert "the same command goes on" in str(error.hint)
    assert list(weights(workspace)) == ["001", "002"]
    assert "going on after epoch 2 of 3" in "\n".join(go("train").report.told)  # type: ignore[attr-defined]


def test_a_data_program_that_says_fail_and_exits_0(
    start: Start, fake_programs: Programs, write_program: Callable[[Path, str], Path], workspace: Path
) -> None:
    programs = fake_programs()
    write_program(programs / "tlt-augment", "print('Execution status: FAIL')")
    with pytest.raises(RunFailed, match="5 of 5 images") as caught:
        pipeline.execute(start(programs=programs), ["prepare", "augment"])
    assert "Execution status: FAIL" in caught.value.what
    assert caught.value.exit_code == 1
    left = workspace / "KITTI-dataset-augmented"
    assert not left.exists() or list(left.iterdir()) == []


@pytest.mark.parametrize(
    ("program", "stage", "lacking"),
    [
        ("tlt-dataset-convert", "tfrecords", "it wrote no shard train-*"),
        ("tlt-evaluate", "evaluate", "reported no scores"),
        ("tlt-infer", "infer", "3 of 3 pictures have no result"),
    ],
)
def test_a_program_that_does_nothing_and_exits_0(
    start: Start,
    fake_programs: Programs,
    write_program: Callable[[Path, str], Path],
    workspace: Path,
    program: str,
    stage: str,
    lacking: str,
) -> None:
    programs = fake_programs()
    write_program(programs / program, "print('all is well')")
    run = start(programs=programs, subject=workspace / "Original-Data/validation/image", **EPOCHS)
    assert lacking in error_of(RunFailed, lambda: pipeline.execute(run, [*pipeline.every(run), "infer"])).what
    assert run.stage == stage
    assert not (workspace / f".tltpipe/receipts/{stage}.json").exists()


def test_another_spec_starts_over_and_keeps_the_earlier_training(go: Go, workspace: Path) -> None:
    go()
    go("train", epochs=4, **{"ssd.num_epochs": 4, "ssd.max_learning_rate": 0.01})
    assert set(weights(workspace).values()) == {"from random weights"}
    (aside,) = workspace.glob("output-*")
    assert len(list((aside / "weights").iterdir())) == 3
    go("train", epochs=2, **{"ssd.num_epochs": 2, "ssd.max_learning_rate": 0.01})  # fewer
    assert list(weights(workspace)) == ["001", "002"]


def test_more_epochs_go_on_from_those_that_were_trained(go: Go, workspace: Path) -> None:
    go()
    run = go("train", epochs=5, **{"ssd.num_epochs": 5})
    fresh, third = "from random weights", str(workspace / "output/weights/ssd_resnet10_epoch_003.tlt")
    assert weights(workspace) == {"001": fresh, "002": fresh, "003": fresh, "004": third, "005": third}
    assert not list(workspace.glob("output-*"))
    assert "going on after epoch 3 of 5" in "\n".join(run.report.told)  # type: ignore[attr-defined]
    with pytest.raises(DataError):  # interrupted, and then asked for more
        go("train", epochs=7, stop=6, **{"ssd.num_epochs": 7})
    go("train", epochs=8, **{"ssd.num_epochs": 8})
    assert list(weights(workspace)) == [f"{epoch:03d}" for epoch in range(1, 9)]
    go("train", epochs=9, force=True, **{"ssd.num_epochs": 9})
    assert set(weights(workspace).values()) == {fresh}
    assert len(list(workspace.glob("output-*"))) == 1


def test_more_epochs_on_other_data_are_another_training(go: Go, start: Start, workspace: Path) -> None:
    go()
    go("augment", "tfrecords", **{"augment.rotation_angle": 5})
    go("train", epochs=4, **{"ssd.num_epochs": 4, "augment.rotation_angle": 5})
    assert set(weights(workspace).values()) == {"from random weights"}
    assert len(list(workspace.glob("output-*"))) == 1


def test_fresh_starts_over(go: Go, workspace: Path) -> None:
    with pytest.raises(DataError):
        go(stop=2)
    go("train", force=True)
    assert set(weights(workspace).values()) == {"from random weights"}
    assert list(workspace.glob("output-*"))


def test_an_exit_status_of_0_without_the_last_checkpoint_is_a_failure(go: Go, workspace: Path) -> None:
    error = error_of(RunFailed, go, match="there is no checkpoint of epoch 3", epochs=2)
    assert "epoch 2" in str(error), "its last lines are shown"
    assert ".tltpipe/logs/" in str(error.hint)
    assert not (workspace / ".tltpipe/receipts/train.json").exists()


def test_a_program_of_ours_is_quoted_and_its_class_kept(go: Go) -> None:
    error = error_of(DataError, go, stop=1)
    assert str(error) == "tlt-train: train.conf:3:1: this went wrong"
    assert str(error.hint).startswith("put it right\n")


@pytest.mark.parametrize(
    ("program", "stage", "field", "setting"),
    [
        ("tlt-train", "train", "num_epochs", "ssd.num_epochs"),
        ("tlt-train", "train", "output_image_width", "image_size"),
        ("tlt-dataset-convert", "tfrecords", "num_shards", "tfrecords.num_shards"),
        ("tlt-augment", "augment", "image_extension", "tfrecords.image_extension"),
        ("tlt-train", "train", "target_class_mapping", "data.classes"),
        ("tlt-augment", "augment", "blur_size", None),  # no field of its spec
    ],
)
def test_a_hint_about_a_field_names_the_setting_behind_it(
    start: Start,
    fake_programs: Programs,
    write_program: Callable[[Path, str], Path],
    program: str,
    stage: str,
    field: str,
    setting: str | None,
) -> None:
    programs = fake_programs()
    body = f"print('error: it does not fit\\n  hint: see {field} in the spec', file=sys.stderr)\nsys.exit(3)"
    write_program(programs / program, body)
    with pytest.raises(DataError) as caught:
        pipeline.execute(start(programs=programs, **EPOCHS), ["prepare", "augment", "tfrecords", "train"])
    assert f"see {field} in the spec" in str(caught.value.hint)
    assert (f"{field} is {setting}" in str(caught.value.hint)) == (setting is not None)


def test_settings_that_a_program_suggests_are_named(
    start: Start, fake_programs: Programs, write_program: Callable[[Path, str], Path]
) -> None:
    programs = fake_programs()
    trainer = (programs / "tlt-train").read_text().split("\n", 4)[4]
    write_program(programs / "tlt-train", "print('these would fit:\\n    scales: \"[1]\"')\n" + trainer)
    run = start(programs=programs, **EPOCHS)
    pipeline.execute(run, ["prepare", "augment", "tfrecords", "train"])
    assert [line for line in run.report.told if "ssd.scales" in line]  # type: ignore[attr-defined]


def test_a_training_that_would_leave_no_checkpoint_is_refused(start: Start, workspace: Path) -> None:
    run = start(runner="dry", toolkit="tlt2", key="k", **{"ssd.num_epochs": 3, "ssd.checkpoint_interval": 10})
    assert "ssd.checkpoint_interval" in str(error_of(ConfigError, pipeline.execute, run, ["train"], match="none").hint)


def test_evaluation_is_read_and_kept(go: Go, workspace: Path) -> None:
    go("prepare", "augment", "tfrecords", "train", "evaluate")
    told = json.loads((workspace / "output/evaluation.json").read_text())
    assert told["mAP"] == 0.375
    assert told["average_precision"] == {"vest": 0.5, "skirt": 0.25}
    assert told["model"] == "output/weights/ssd_resnet10_epoch_003.tlt"


def test_results_of_earlier_pictures_go_and_what_others_put_there_stays(
    go: Go, start: Start, fake_programs: Programs, workspace: Path
) -> None:
    go()
    (workspace / "inference").mkdir()
    (workspace / "inference/notes.txt").write_text("mine")
    raw = workspace / "Original-Data"
    outside = workspace.parent / "mine.jpg"
    (raw / "train/image/000001.jpg").rename(outside)
    for subject in (raw / "validation/image", outside):
        run = start(programs=fake_programs(), subject=subject, threshold=0.4, **EPOCHS)
        (result,) = pipeline.execute(run, ["infer"])
    assert result.told == {
        "model": "output/weights/ssd_resnet10_epoch_003.tlt",
        "epoch": 3,
        "images": 1,
        "objects": {"vest": 1},
        "drawn": "inference/images_annotated",
        "labels": "inference/labels",
    }
    found = {str(path.relative_to(workspace / "inference")) for path in (workspace / "inference").rglob("*.*")}
    assert found == {"notes.txt", "images_annotated/mine.jpg", "labels/mine.txt"}
    assert " 0.4\n" in (workspace / "inference/labels/mine.txt").read_text()
    assert not list(workspace.glob("inference-*"))


@pytest.mark.parametrize("theirs", ["labels/mine.txt", "labels/added.txt", "coco.json"])
def test_results_that_somebody_changed_are_moved_and_never_deleted(
    go: Go, start: Start, fake_programs: Programs, workspace: Path, theirs: str
) -> None:
    go()
    outside = workspace.parent / "mine.jpg"
    (workspace / "Original-Data/train/image/000001.jpg").rename(outside)
    pipeline.execute(start(programs=fake_programs(), subject=outside, **EPOCHS), ["infer"])
    (workspace / "inference" / theirs).write_text("corrected by hand")
    other = workspace / "Original-Data/validation/image/000001.jpg"
    pipeline.execute(start(programs=fake_programs(), subject=other, **EPOCHS), ["infer"])
    (aside,) = workspace.glob("inference-*")
    assert (aside / theirs).read_text() == "corrected by hand"
    assert [path.name for path in (workspace / "inference/labels").iterdir()] == ["000001.txt"]


def test_a_link_among_the_results_is_not_written_through(
    go: Go, start: Start, fake_programs: Programs, workspace: Path
) -> None:
    go()
    elsewhere = workspace.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "000001.txt").write_text("theirs")
    (workspace / "inference").mkdir()
    (workspace / "inference/labels").symlink_to(elsewhere)
    subject = workspace / "Original-Data/validation/image/000001.jpg"
    pipeline.execute(start(programs=fake_programs(), subject=subject, **EPOCHS), ["infer"])
    assert (elsewhere / "000001.txt").read_text() == "theirs"
    assert "vest" in (workspace / "inference/labels/000001.txt").read_text()


def test_inference_needs_a_model_and_pictures(start: Start, fake_programs: Programs, workspace: Path) -> None:
    error = error_of(DataError, lambda: pipeline.execute(start(programs=fake_programs(), subject=workspace), ["infer"]))
    assert error.hint == "run `tltpipe train` first"
    with pytest.raises(DataError, match="no checkpoint found"):
        pipeline.execute(start(programs=fake_programs(), subject=workspace / "none.jpg"), ["infer"])


def test_stages_say_what_has_to_run_before(start: Start, fake_programs: Programs) -> None:
    run = start(programs=fake_programs())
    for stage, maker in [
        ("augment", "prepare"),
        ("tfrecords", "augment"),
        ("train", "tfrecords"),
        ("evaluate", "train"),
    ]:
        assert error_of(DataError, pipeline.execute, run, [stage]).hint == f"run `tltpipe {maker}` first"


def test_a_bad_setting_is_told_before_the_first_stage(go: Go, workspace: Path) -> None:
    with pytest.raises((SpecError, UsageError)):
        go(**{"ssd.soft_start": 0.9, "ssd.annealing": 0.1})
    assert not (workspace / "COCO").exists()


def test_unknown_names_offer_the_nearest(start: Start) -> None:
    error = error_of(UsageError, lambda: pipeline.execute(start(), ["trian"]), match='no stage called "trian"')
    assert error.hint == 'did you mean "train"?'


def test_order_follows_needs(start: Start) -> None:
    run = start()
    assert pipeline.every(run) == ["prepare", "augment", "tfrecords", "train", "evaluate"]
    assert pipeline.order(run, ["train", "prepare"]) == ["prepare", "train"]
