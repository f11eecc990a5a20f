"""tlt-train as a program: what it writes, resumes, refuses, and how it stops."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from runtime import train
from tltpipe.progress import read

pytestmark = pytest.mark.torch

ROOT = Path(__file__).parents[2]
PROGRAM = "import sys; from runtime.train import main; sys.exit(main(sys.argv[1:]))"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "TLTPIPE_PROGRESS_SECONDS": "0"}


def launch(*words: str | Path, code: str = PROGRAM) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False)


def rows(results: Path) -> list[dict[str, str]]:
    with (results / "ssd_training_log_resnet10.csv").open() as stream:
        return list(csv.DictReader(stream))


def status(results: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (results / "status.json").read_text().splitlines()]


# -------------------------------------------------------------------------------------------------- what a run leaves


def test_outputs_are_named_as_nvidia_names_them(trained: Any) -> None:
    names = sorted(path.name for path in (trained.results / "weights").iterdir())
    assert names == ["ssd_resnet10_epoch_002.json", "ssd_resnet10_epoch_002.safetensors"]
    assert any((trained.results / "events").glob("events.out.tfevents.*"))
    header = (trained.results / "ssd_training_log_resnet10.csv").read_text().splitlines()[0]
    assert header == "epoch,AP_circle,AP_square,loss,lr,mAP,validation_loss"


def test_the_csv_has_a_line_an_epoch(trained: Any) -> None:
    first, second = rows(trained.results)
    assert (first["epoch"], first["mAP"], first["validation_loss"]) == ("1", "nan", "nan")
    assert 0 <= float(second["mAP"]) <= 1
    assert float(second["validation_loss"]) > 0
    assert float(second["lr"]) == pytest.approx(5e-5, rel=1e-3)
    assert float(first["loss"]) > 0


def test_status_lines_tell_the_run(trained: Any) -> None:
    lines = status(trained.results)
    assert [(line["status"], line["message"]) for line in lines] == [
        ("STARTED", "Starting Training Loop."),
        ("RUNNING", "Training loop in progress"),
        ("RUNNING", "Evaluation metrics generated."),
        ("RUNNING", "Training loop in progress"),
        ("RUNNING", "Training loop complete."),
        ("SUCCESS", "Training finished successfully."),
    ]
    assert (lines[3]["epoch"], lines[3]["max_epoch"]) == (2, 2)
    assert set(lines[3]["graphical"]) == {"loss", "learning_rate", "validation_loss", "mean average precision"}


def test_what_is_printed(trained: Any) -> None:
    said = trained.said
    for expected in (
        "training    12 images, 24 boxes",
        "validation  6 images, 12 boxes",
        "classes     2: circle, square",
        "network     ssd_resnet10, ",
        "epoch 1/2: loss ",
        "circle        AP    0.",
        "              mAP   0.",
        "Validation loss: ",
    ):
        assert expected in said


def test_events_can_be_read(trained: Any) -> None:
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulators.EventAccumulator(str(trained.results / "events")).Reload()
    assert [event.step for event in events.Scalars("loss")] == list(range(6))
    assert {"lr", "mAP", "validation_loss", "AP_circle"} <= set(events.Tags()["scalars"])


# ------------------------------------------------------------------------------------------------------------- resume


def test_a_resumed_run_is_the_run_in_one(shapes: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec, whole, parts = shapes.spec(epochs=3, interval=1), tmp_path / "whole", tmp_path / "parts"
    assert train.main(["ssd", "-e", str(spec), "-r", str(whole)]) == 0
    (parts / "weights").mkdir(parents=True)
    shutil.copy(whole / "weights/ssd_resnet10_epoch_001.safetensors", parts / "weights")
    shutil.copy(whole / "ssd_training_log_resnet10.csv", parts)
    model = parts / "weights/ssd_resnet10_epoch_001.safetensors"
    assert train.main(["ssd", "-e", str(spec), "-r", str(parts), "-m", str(model), "--initial_epoch", "2"]) == 0
    assert "resumed from" in capsys.readouterr().out
    assert [row["epoch"] for row in rows(parts)] == ["1", "2", "3"]
    for one, other in zip(rows(whole), rows(parts), strict=True):
        assert float(one["loss"]) == pytest.approx(float(other["loss"]), rel=1e-4)
    assert sorted(path.stem[-3:] for path in (parts / "weights").glob("*.safetensors")) == ["001", "002", "003"]


def test_pretrained_weights(trained: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    three = {"circle": "circle", "square": "square", "star": "star"}
    spec = trained.shapes.spec(epochs=1, classes=three, name="three.conf", validation="")
    assert train.main(["ssd", "-e", str(spec), "-r", str(tmp_path / "out"), "-m", str(trained.model)]) == 0
    printed = capsys.readouterr()
    assert "pretrained weights: " in printed.out
    assert "other shape, not taken: " in printed.out
    assert "no average precision will be measured" in printed.out
    assert "no box in the training records for: star" in printed.err
    assert (tmp_path / "out/ssd_training_log_resnet10.csv").read_text().startswith("epoch,loss,lr\n1,")


def test_a_new_run_sets_old_checkpoints_aside(shapes: Any, tmp_path: Path) -> None:
    old = tmp_path / "out/weights/ssd_resnet10_epoch_100.safetensors"
    old.parent.mkdir(parents=True)
    old.write_text("an earlier run")
    assert train.main(["ssd", "-e", str(shapes.spec(epochs=1)), "-r", str(tmp_path / "out")]) == 0
    assert [path.name for path in old.parent.glob("*.s*")] == ["ssd_resnet10_epoch_001.safetensors"]
    assert (old.parent / "earlier" / old.name).read_text() == "an earlier run"


# ---------------------------------------------------------------------------------------------------------- bad input


def failing(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str]:
    code = train.main(["ssd", *map(str, words)])
    printed = capsys.readouterr().err
    assert "Traceback" not in printed
    assert "internal error" not in printed
    return code, printed


def test_a_typo_in_the_spec_costs_no_torch(shapes: Any, tmp_path: Path) -> None:
    spec = shapes.spec(replace=("num_epochs", "num_epoch"))
    code = PROGRAM.replace("sys.exit(main(sys.argv[1:]))", "c = main(sys.argv[1:]); print('torch' in sys.modules, c)")
    result = launch("ssd", "-e", spec, "-r", tmp_path / "out", code=code)
    assert result.stdout.strip() == "False 2"
    assert f"error: {spec}:16:3: " in result.stderr
    assert '"num_epochs"' in result.stderr


def test_help_imports_no_torch() -> None:
    code = "import sys, runtime.train, runtime.evaluate, runtime.infer; print('torch' in sys.modules)"
    assert launch(code=code).stdout.strip() == "False"


def test_without_torch(shapes: Any, tmp_path: Path) -> None:
    code = (
        "import importlib.util as u; f = u.find_spec; u.find_spec = lambda n, *a: None if n == 'torch' else f(n, *a)\n"
    )
    result = launch("ssd", "-e", shapes.spec(), "-r", tmp_path / "out", code=code + PROGRAM)
    assert result.returncode == 6
    assert 'pip install "tltpipe[runtime]"' in result.stderr


def test_a_damaged_picture_is_named(shapes: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = shapes.root / "pictures/train/images/10003.jpg"
    picture.write_bytes(picture.read_bytes()[:200])
    code, told = failing(capsys, "-e", shapes.spec(), "-r", tmp_path / "out")
    assert code == 3
    assert f"error: {picture}: " in told
    assert status(tmp_path / "out")[-1]["status"] == "FAILURE"


def test_the_wrong_network_or_classes_to_resume(
    trained: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    resume = ("-r", tmp_path / "out", "-m", trained.model, "--initial_epoch", "3")
    other = trained.shapes.spec(epochs=4, name="other.conf", replace=("nlayers: 10", "nlayers: 18"))
    code, told = failing(capsys, "-e", other, *resume)
    assert code == 4
    assert "holds ssd_resnet10, the spec describes ssd_resnet18" in told
    frozen = trained.shapes.spec(epochs=4, name="frozen.conf", replace=("nlayers: 10", "nlayers: 10 freeze_blocks: 1"))
    code, told = failing(capsys, "-e", frozen, *resume)
    assert code == 4
    assert "freeze_blocks" in told
    fewer = trained.shapes.spec(epochs=4, name="fewer.conf", classes={"circle": "circle"})
    code, told = failing(capsys, "-e", fewer, *resume)
    assert code == 4
    assert "only in the checkpoint: square" in told


def test_a_file_that_is_no_checkpoint(shapes: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "nvidia.tlt").write_bytes(bytes(range(100, 200)) * 50)
    code, told = failing(capsys, "-e", shapes.spec(), "-r", tmp_path / "out", "-m", tmp_path / "nvidia.tlt")
    assert code == 4
    assert "encrypted" in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--initial_epoch", "2"], "name its checkpoint with -m"),
        (["--initial_epoch", "0"], "counts from 1"),
        (["--gpus", "-1"], "0 or more"),
        (["-m", "x.tlt", "--initial_epoch", "3"], "nothing is left to train"),
    ],
)
def test_usage(shapes: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str) -> None:
    code, printed = failing(capsys, "-e", shapes.spec(), "-r", tmp_path / "out", *words)
    assert code == 2
    assert told in printed


def test_more_gpus_than_there_are(shapes: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = failing(capsys, "-e", shapes.spec(), "-r", tmp_path / "out", "--gpus", "64")
    assert code == 6
    assert "64 GPUs asked for" in told


def test_a_file_where_the_results_should_be(shapes: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").write_text("in the way")
    code, told = failing(capsys, "-e", shapes.spec(), "-r", tmp_path / "out")
    assert code == 6
    assert "a file is where a folder is needed" in told


def test_a_loss_that_explodes_keeps_the_last_checkpoint(
    shapes: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = failing(capsys, "-e", shapes.spec(rate=1e8, epochs=4), "-r", tmp_path / "out")
    assert code == 1
    assert "the loss is no number any more" in told
    assert status(tmp_path / "out")[-1]["status"] == "FAILURE"


# -------------------------------------------------------------------------------------------------------- interrupted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_training_keeps_its_checkpoint_and_tells_how_to_go_on(
    shapes: Any, tmp_path: Path, number: signal.Signals
) -> None:
    spec, results = shapes.spec(epochs=500), tmp_path / "out"
    command = [sys.executable, "-c", PROGRAM, "ssd", "-e", str(spec), "-r", str(results), "-k", "secret"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, start_new_session=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        tick = read(line)
        if tick is not None and tick.what == "epoch 3/500":
            break
    # Ctrl-C in a terminal reaches the workers as well, `kill` and `docker stop` the program alone.
    (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in told
    assert "secret" not in told
    newest = sorted((results / "weights").iterdir())
    assert len(newest) == 1
    epoch = int(newest[0].stem[-3:])
    assert epoch >= 2
    assert f"epoch {epoch}, the last whole one, is in {newest[0]}" in told
    assert f"-m {newest[0]} --initial_epoch {epoch + 1}" in told
    assert status(results)[-1]["message"] == "Training was interrupted"
    assert not leftover(process.pid)


def test_an_interrupted_validation_keeps_the_epoch(
    shapes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from runtime import scoring

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(scoring, "score", interrupted)
    assert train.main(["ssd", "-e", str(shapes.spec(epochs=3, period=1)), "-r", str(tmp_path / "out")]) == 130
    assert "ssd_resnet10_epoch_001.safetensors --initial_epoch 2" in capsys.readouterr().err
    assert [(row["epoch"], row["mAP"]) for row in rows(tmp_path / "out")] == [("1", "nan")]


def leftover(group: int) -> list[str]:
    """Processes of ``group`` that still run a second later."""
    for _ in range(10):
        alive = subprocess.run(["pgrep", "-g", str(group)], capture_output=True, text=True, check=False).stdout.split()
        if not alive:
            break
        time.sleep(0.1)
    return alive
