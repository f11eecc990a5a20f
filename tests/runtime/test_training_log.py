"""What a training leaves to read, without a training: CSV, status.json, TensorBoard."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from converters.pictures.drawing import colour_of
from runtime.data.batches import Batch
from runtime.evaluation import samples
from runtime.tasks import Example, Scores, Target, detection
from runtime.training import curves
from runtime.training.log import TrainingLog
from runtime.training.loop import Step

pytestmark = pytest.mark.torch

CSV = "ssd_training_log_resnet10.csv"
NOTHING: Target = {"boxes": np.zeros((0, 4), np.float32), "labels": np.zeros(0, np.int64)}
RECALL = np.linspace(1, 0, 101)
SCORES = Scores(
    primary="mAP",
    figures={"mAP": 0.375, "mAP50": 0.5, "F1": 0.75, "coco/AP": 0.125, "coco/APl": 0.0},
    per_class={"AP": {"circle": 0.25, "square": 0.5}},
    titles={"mAP": "mean average precision"},
    curves={"circle": (np.where(RECALL < 0.5, 1.0, 0.0), RECALL)},
    examples=[Example(np.full((40, 60, 3), 200, np.uint8), NOTHING, {**NOTHING, "scores": np.zeros(0, np.float32)})],
    loss=1.2345678912,
)
BLANK = replace(SCORES, figures={"mAP": 0.0, "mAP50": 0.0, "F1": 0.0}, per_class={"AP": {"circle": 0.0, "square": 0.0}})


def log_of(results: Path, network: str = "ssd_resnet10", **named: Any) -> TrainingLog:
    named = {"first_epoch": 1, "epochs": 1, "validated": False, "blank": BLANK, **named}
    return TrainingLog(results, network, ("circle", "square"), detection, **named)


def train(results: Path, epochs: range, *, strict: bool = False, last: int = 3, step: int = 0) -> None:
    log = log_of(results, first_epoch=epochs.start, epochs=last, validated=True, strict=strict, spec="random_seed: 7\n")
    with log.running(step=step):
        images = np.full((2, 64, 64, 3), 255, np.uint8)
        targets = [
            {"boxes": np.array([[8, 8, 40, 40]], np.float32), "labels": np.array([1])},
            NOTHING,
        ]
        for number in range(5):
            log.batch(Batch(images, targets), step=step + number)
        for epoch in epochs:
            for number in (2 * epoch - 2, 2 * epoch - 1):
                log.step(Step(number, 0.01, {"classification": 2.0, "localization": 1.0}, 3.5), epoch=epoch)
            log.epoch(
                epoch, step=2 * epoch, loss=3.0, losses={"classification": 2.0, "localization": 1.0}, rate=0.02,
                seconds=1.5, scores=SCORES if epoch == last else None, best=True, images_per_second=40.0,
                data_wait=0.25,
            )  # fmt: skip


def events(results: Path) -> Any:
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    return accumulators.EventAccumulator(str(results / "events"), size_guidance={"images": 0, "tensors": 0}).Reload()


def test_a_training_goes_on_without_its_curves(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tensorboard")
    log = log_of(tmp_path)
    with log.running(step=0):
        shutil.rmtree(tmp_path / "events")
        for number in range(5):
            log.step(Step(number, 0.01, {"classification": 2.0}), epoch=1)
            log.events.flush()
            time.sleep(0.05)  # TensorBoard writes in a thread of its own
        log.epoch(1, step=5, loss=2.0, losses={}, rate=0.01, seconds=1.0, scores=None)
    assert (tmp_path / CSV).read_text().splitlines()[1].startswith("1,")
    told = capfd.readouterr().err
    assert told.count(f"warning: {tmp_path / 'events'}: no more TensorBoard events can be written") == 1
    assert "Traceback" not in told


def test_the_csv_begins_as_nvidias_and_has_more_beside_it(tmp_path: Path) -> None:
    nvidia = [
        "epoch,AP_circle,AP_square,loss,lr,mAP,validation_loss",
        "1,nan,nan,3,0.02,nan,nan",
        "2,nan,nan,3,0.02,nan,nan",
        "3,0.25000,0.50000,3,0.02,0.37500,1.23457",
    ]
    more = [
        "mAP50,F1,loss_classification,loss_localization,images_per_second,data_wait",
        "nan,nan,2,1,40,0.25",
        "nan,nan,2,1,40,0.25",
        "0.50000,0.75000,2,1,40,0.25",
    ]
    train(tmp_path, range(1, 4))
    lines = [f"{one},{other}" for one, other in zip(nvidia, more, strict=True)]
    assert (tmp_path / CSV).read_text().splitlines() == lines
    train(tmp_path, range(1, 4), strict=True)
    assert (tmp_path / CSV).read_text().splitlines() == nvidia


def test_a_term_of_the_loss_that_comes_late_gets_a_column_and_a_resume_keeps_it(tmp_path: Path) -> None:
    for begin, losses in ((1, [{"box": 1.0}, {"box": 1.0, "l1": 0.5}]), (3, [{"box": 1.0}])):
        log = log_of(tmp_path, first_epoch=begin, epochs=3)
        with log.running(step=0):
            for epoch, each in enumerate(losses, start=begin):
                log.epoch(epoch, step=0, loss=1.0, losses=each, rate=0.02, seconds=1.0, scores=None, data_wait=0.5)
    assert (tmp_path / CSV).read_text().splitlines() == [
        "epoch,loss,lr,loss_box,data_wait,loss_l1", "1,1,0.02,1,0.5,nan", "2,1,0.02,1,0.5,0.5", "3,1,0.02,1,0.5,nan",
    ]  # fmt: skip


def test_the_log_of_a_network_has_the_name_of_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tltpipe.registry.names", lambda _: ["mask", "mask_rcnn", "ssd"])
    assert log_of(tmp_path, "mask_rcnn_resnet50").path.name == "mask_rcnn_training_log_resnet50.csv"
    assert log_of(tmp_path, "mask_rcnn").path.name == "mask_rcnn_training_log.csv"


def test_a_resume_appends_to_the_csv_and_strict_begins_it_anew(tmp_path: Path) -> None:
    train(tmp_path, range(1, 4))
    train(tmp_path, range(3, 6), last=5)
    epochs = [line.split(",")[0] for line in (tmp_path / CSV).read_text().splitlines()]
    assert epochs == ["epoch", "1", "2", "3", "4", "5"]
    train(tmp_path, range(4, 6), last=5, strict=True)
    epochs = [line.split(",")[0] for line in (tmp_path / CSV).read_text().splitlines()]
    assert epochs == ["epoch", "4", "5"]


def test_status_lines_are_nvidias(tmp_path: Path) -> None:
    train(tmp_path, range(2, 4))
    lines = [json.loads(line) for line in (tmp_path / "status.json").read_text().splitlines()]
    assert [(line["status"], line["message"]) for line in lines] == [
        ("STARTED", "Starting Training Loop."),
        ("RUNNING", "Training loop in progress"),
        ("RUNNING", "Evaluation metrics generated."),
        ("RUNNING", "Training loop in progress"),
        ("RUNNING", "Training loop complete."),
        ("SUCCESS", "Training finished successfully."),
    ]
    first, measured, second = lines[1:4]
    assert first["graphical"] == {
        "loss": "3", "learning_rate": "0.02", "validation_loss": "nan",
        "mean average precision": "nan", "mAP50": "nan", "F1": "nan",
    }  # fmt: skip
    assert first["kpi"] == {"mean average precision": "nan", "mAP50": "nan", "F1": "nan"}
    expected = {"validation loss": 1.23456789, "mean average precision": 0.375, "mAP50": 0.5, "F1": 0.75}
    assert measured["graphical"] == expected
    assert (second["epoch"], second["max_epoch"], second["time_per_epoch"]) == (3, 3, "0:00:01.500000")
    assert second["eta"] == "0:00:00"
    assert second["kpi"] == {"mean average precision": "0.37500", "mAP50": "0.50000", "F1": "0.75000"}
    assert lines[-1]["kpi"] == second["kpi"], "what was measured stays"


def test_a_failure_is_the_last_line(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    with pytest.raises(ValueError, match="went wrong"), log.running(step=0):
        raise ValueError("it went wrong")
    last = json.loads((tmp_path / "status.json").read_text().splitlines()[-1])
    assert (last["status"], last["message"]) == ("FAILURE", "it went wrong")
    assert (tmp_path / CSV).read_text() == "epoch,loss,lr\n"


def test_tensorboard_has_curves_pictures_and_the_spec(tmp_path: Path) -> None:
    train(tmp_path, range(1, 4))
    read = events(tmp_path)
    tags = read.Tags()
    wanted = {
        "loss", "lr", "loss/classification", "loss/localization", "gradient_norm", "images_per_second", "data_wait",
        "epoch_loss", "AP_circle", "AP_square", "mAP", "mAP50", "F1", "validation_loss",
        "coco/AP",
    }  # fmt: skip
    assert wanted <= set(tags["scalars"])
    assert [(event.step, event.value) for event in read.Scalars("loss")] == [(step, 3.0) for step in range(6)]
    assert [event.step for event in read.Scalars("data_wait")] == [2, 4, 6]
    assert read.Scalars("validation_loss")[0].value == pytest.approx(SCORES.loss)
    assert {"batch_imgs/0", "batch_imgs/1", "validation/0"} <= set(tags["images"])
    assert (read.Images("validation/0")[0].width, read.Images("batch_imgs/0")[0].width) == (384, 384)
    assert {"spec/text_summary", "precision_recall/circle"} <= set(tags["tensors"])
    assert b"random_seed: 7" in read.Tensors("spec/text_summary")[0].tensor_proto.string_val[0]


def test_the_curve_that_tensorboard_draws(tmp_path: Path) -> None:
    train(tmp_path, range(3, 4))
    from tensorboard.util import tensor_util

    values = tensor_util.make_ndarray(events(tmp_path).Tensors("precision_recall/circle")[0].tensor_proto)
    precision, recall = values[4], values[5]
    np.testing.assert_allclose(recall, RECALL)
    np.testing.assert_allclose(precision, np.where(RECALL < 0.5, 1.0, 0.0))


def test_a_resume_forgets_what_a_run_cut_short_wrote_later(tmp_path: Path) -> None:
    train(tmp_path, range(1, 4))
    time.sleep(1.1)  # TensorBoard reads the files in the order of the seconds in their names
    train(tmp_path, range(2, 4), step=2)
    assert [event.step for event in events(tmp_path).Scalars("loss")] == list(range(6))


def test_a_new_beginning_forgets_the_curves_of_the_run_before(tmp_path: Path) -> None:
    """As it does its rows: two losses for one step would be drawn as a zigzag."""
    train(tmp_path, range(1, 4))
    time.sleep(1.1)
    train(tmp_path, range(1, 2))
    assert [event.step for event in events(tmp_path).Scalars("loss")] == [0, 1]
    assert len((tmp_path / CSV).read_text().splitlines()) == 2


def test_the_first_batches_and_the_validation_of_the_best_epoch_are_on_sheets(tmp_path: Path) -> None:
    train(tmp_path, range(1, 4))
    assert sorted(path.name for path in tmp_path.glob("*.jpg")) == [
        "train_batch1.jpg", "train_batch2.jpg", "train_batch3.jpg", "val_batch.jpg",
    ]  # fmt: skip
    red, green, blue = colour_of(1)
    for name, tiles in (("train_batch1.jpg", 2), ("val_batch.jpg", 2)):
        sheet = np.asarray(Image.open(tmp_path / name).convert("RGB")).astype(int)
        assert sheet.shape[1] == tiles * (samples.CELL + 8) + 8
        framed = (abs(sheet - (red, green, blue)) < 40).all(axis=2).any()
        assert framed == (name == "train_batch1.jpg"), "the one box there is, on the first image of the batch"
    begun = (tmp_path / "val_batch.jpg").stat().st_mtime_ns
    log = log_of(tmp_path, validated=True)
    with log.running(step=0):
        log.epoch(1, step=2, loss=3.0, losses={}, rate=0.02, seconds=1.5, scores=SCORES, best=False)
    assert (tmp_path / "val_batch.jpg").stat().st_mtime_ns == begun, "no better than the one that has a sheet"


def test_a_training_goes_on_without_its_pictures(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "train_batch1.jpg").mkdir()
    train(tmp_path, range(1, 4))
    assert len((tmp_path / CSV).read_text().splitlines()) == 4
    assert capfd.readouterr().err.count("train_batch1.jpg") == 1


def test_the_curves_are_a_picture_beside_the_log(tmp_path: Path) -> None:
    train(tmp_path, range(1, 4))
    assert curves.read(tmp_path / CSV) == {
        "loss": ([1, 2, 3], [3.0, 3.0, 3.0]),
        "lr": ([1, 2, 3], [0.02, 0.02, 0.02]),
        "AP_circle": ([3], [0.25]),
        "AP_square": ([3], [0.5]),
        "mAP": ([3], [0.375]),
        "mAP50": ([3], [0.5]),
        "F1": ([3], [0.75]),
        "loss_classification": ([1, 2, 3], [2.0, 2.0, 2.0]),
        "loss_localization": ([1, 2, 3], [1.0, 1.0, 1.0]),
        "images_per_second": ([1, 2, 3], [40.0, 40.0, 40.0]),
        "data_wait": ([1, 2, 3], [0.25, 0.25, 0.25]),
        "validation_loss": ([3], [1.23457]),
    }
    with Image.open(tmp_path / "curves.png") as panels:
        assert panels.size == (1232, 858), "loss and mAP, below them the terms of the loss and other figures"
        dark = np.asarray(panels.convert("L")) < 60
    assert dark[:429, 616:].sum() > 50, "the mean, on the right"


def test_without_validation_there_is_one_panel_and_it_is_drawn_while_training(tmp_path: Path) -> None:
    log = log_of(tmp_path, epochs=2)
    with log.running(step=0):
        log.epoch(1, step=2, loss=3.0, losses={}, rate=0.02, seconds=1.5, scores=None)
        with Image.open(tmp_path / "curves.png") as panel:
            assert panel.size == (616, 429)
        first = (tmp_path / "curves.png").stat().st_mtime_ns
        log.epoch(2, step=4, loss=2.0, losses={}, rate=0.02, seconds=1.5, scores=None)
        assert (tmp_path / "curves.png").stat().st_mtime_ns == first, "not for every epoch of a second"
    assert (tmp_path / "curves.png").stat().st_mtime_ns > first


def test_no_epoch_no_picture(tmp_path: Path) -> None:
    log = log_of(tmp_path, epochs=2)
    with log.running(step=0):
        pass
    assert not (tmp_path / "curves.png").exists()
