"""tlt-train as a program: what it writes, resumes, refuses, and how it stops."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import warm

from runtime.data import recipe
from runtime.networks import ssd
from runtime.programs import train
from runtime.training import guards
from runtime.weights import checkpoint
from tltpipe import locks
from tltpipe.errors import HostError
from tltpipe.progress import read

Capture = pytest.CaptureFixture[str]

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")

ROOT = Path(__file__).parents[2]
PROGRAM = "import sys; from runtime.programs.train import main; sys.exit(main(sys.argv[1:]))"
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
    stems = ["ssd_resnet10_best", "ssd_resnet10_epoch_002"]
    assert names == [f"{stem}{suffix}" for stem in stems for suffix in (".json", ".safetensors")]
    assert any((trained.results / "events").glob("events.out.tfevents.*"))
    header = (trained.results / "ssd_training_log_resnet10.csv").read_text().splitlines()[0]
    assert header == (
        "epoch,AP_circle,AP_square,loss,lr,mAP,validation_loss,mAP50,mAP50_95,precision,recall,F1,"
        "loss_classification,loss_localization,loss_regularization,images_per_second,data_wait"
    )


def test_the_csv_has_a_line_an_epoch(trained: Any) -> None:
    first, second = rows(trained.results)
    assert (first["epoch"], first["mAP"], first["validation_loss"]) == ("1", "nan", "nan")
    assert 0 <= float(second["mAP"]) <= 1
    assert float(second["validation_loss"]) > 0
    assert float(second["lr"]) == pytest.approx(5e-5, rel=1e-3)
    terms = sum(float(first[name]) for name in first if name.startswith("loss_"))
    assert float(first["loss"]) == pytest.approx(terms, rel=1e-5)
    assert float(first["images_per_second"]) > 0
    assert 0 <= float(first["data_wait"]) <= 1
    assert first["mAP50"] == "nan"
    assert all(0 <= float(second[name]) <= 1 for name in ("mAP50", "mAP50_95", "precision", "recall", "F1"))


def test_status_lines_tell_the_run(trained: Any) -> None:
    lines = status(trained.results)
    assert [line["status"] for line in lines] == ["STARTED", *["RUNNING"] * 4, "SUCCESS"]
    assert (lines[3]["epoch"], lines[3]["max_epoch"]) == (2, 2)
    whole = {"images": 12, "items": 24}
    assert lines[-1]["kpi"]["losses"] == {"in": whole, "out": whole, "lost": []}
    assert "mean average precision" in lines[-1]["kpi"]
    figures = {"mean average precision", "mAP50", "mAP50_95", "precision", "recall", "F1"}
    assert set(lines[3]["graphical"]) == {"loss", "learning_rate", "validation_loss", *figures}


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
        "in: 12 images, 24 items; out: 12 images, 24 items",
    ):
        assert expected in said


# --------------------------------------------------------------------------------------------------------- what is kept


def test_pretrained_weights(trained: Any, tmp_path: Path, capsys: Capture) -> None:
    three = {"circle": "circle", "square": "square", "star": "star"}
    spec = trained.shapes.spec(epochs=1, classes=three, name="three.conf", validation="")
    assert train.main(["ssd", "-e", str(spec), "-r", str(tmp_path / "out"), "-m", str(trained.model)]) == 0
    printed = capsys.readouterr()
    assert "pretrained weights: " in printed.out
    assert "no score will be measured" in printed.out
    assert "star" in printed.err
    assert (tmp_path / "out/ssd_training_log_resnet10.csv").read_text().startswith("epoch,loss,lr,loss_")
    # The backbone starts where the other training ended, not at random.
    first = checkpoint.load(tmp_path / "out/weights/ssd_resnet10_epoch_001.safetensors").model
    other = checkpoint.load(trained.model).model
    distance = (first["features.backbone.conv1.weight"] - other["features.backbone.conv1.weight"]).abs().max()
    assert 0 < distance < 0.05


def test_the_best_is_kept_beside_the_last(shapes: Any, tmp_path: Path) -> None:
    """Without validation the best epoch is that of the least loss; this rate makes the first one the worst."""
    assert train.main(["ssd", "-e", str(shapes.spec(epochs=4, validation="")), "-r", str(tmp_path / "out")]) == 0
    losses = [float(row["loss"]) for row in rows(tmp_path / "out")]
    weights = tmp_path / "out/weights"
    about = json.loads((weights / "ssd_resnet10_best.json").read_text())
    assert about["epoch"] == losses.index(min(losses)) + 1
    assert about["metrics"]["loss"] == pytest.approx(min(losses), rel=1e-5)
    assert {path.name for path in weights.glob("*.safetensors")} == {
        "ssd_resnet10_best.safetensors",
        "ssd_resnet10_epoch_004.safetensors",
    }


def test_the_metrics_of_an_epoch_are_in_its_checkpoint(trained: Any) -> None:
    kept = checkpoint.facts(trained.model)["metrics"]
    assert f"{kept['mAP']:.5f}" == rows(trained.results)[1]["mAP"]
    assert set(kept["AP"]) == {"circle", "square"}


def test_the_average_of_the_weights_is_judged_and_saved(shapes: Any, tmp_path: Path) -> None:
    spec = shapes.spec(epochs=2, period=2)
    assert train.main(["ssd", "-e", str(spec), "-r", str(tmp_path / "out"), "--ema", "0.9"]) == 0
    kept = checkpoint.load(tmp_path / "out/weights/ssd_resnet10_epoch_002.safetensors")
    assert kept.model.keys() == kept.resume.weights.keys()
    assert not torch.equal(kept.model["conf.0.weight"], kept.resume.weights["conf.0.weight"])
    ordinary = tmp_path / "ordinary"
    assert train.main(["ssd", "-e", str(spec), "-r", str(ordinary)]) == 0
    without = checkpoint.load(ordinary / "weights/ssd_resnet10_epoch_002.safetensors")
    assert torch.equal(without.model["conf.0.weight"], kept.resume.weights["conf.0.weight"])


def test_half_precision_learns_much_the_same(shapes: Any, tmp_path: Path) -> None:
    spec, told = shapes.spec(epochs=1, validation=""), []
    for precision in ("32", "bf16"):
        words = ["ssd", "-e", str(spec), "-r", str(tmp_path / precision), "--precision", precision]
        assert train.main(words) == 0
        told.append(float(rows(tmp_path / precision)[0]["loss"]))
    assert told[0] != told[1]
    assert told[1] == pytest.approx(told[0], rel=0.2)


def test_training_stops_early_when_nothing_gets_better(
    shapes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """The rates are so small that no epoch falls by as much as is asked for."""
    read = ssd.recipe
    rule = recipe.EarlyStopping("loss", patience=2, min_delta=100.0)
    monkeypatch.setattr(ssd, "recipe", lambda spec: dataclasses.replace(read(spec), early_stopping=rule))
    words = ["ssd", "-e", str(shapes.spec(epochs=9, period=9)), "-r", str(tmp_path / "out")]
    assert train.main(words) == 0
    assert "stopped early: loss has not fallen for 2 epochs" in capsys.readouterr().out
    assert [row["epoch"] for row in rows(tmp_path / "out")] == ["1", "2", "3"]
    # It is over: the same command starts anew.
    assert train.main(words) == 0
    assert "were moved to" in capsys.readouterr().out


# ---------------------------------------------------------------------------------------------------------- bad input


def failing(capsys: Capture, *words: str | Path) -> tuple[int, str]:
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
    programs = "runtime.programs.train, runtime.programs.evaluate, runtime.programs.infer"
    code = f"import sys, {programs}; print('torch' in sys.modules)"
    assert launch(code=code).stdout.strip() == "False"


def test_without_torch(shapes: Any, tmp_path: Path) -> None:
    code = (
        "import importlib.util as u; f = u.find_spec; u.find_spec = lambda n, *a: None if n == 'torch' else f(n, *a)\n"
    )
    result = launch("ssd", "-e", shapes.spec(), "-r", tmp_path / "out", code=code + PROGRAM)
    assert result.returncode == 6
    assert 'pip install "tltpipe[runtime]"' in result.stderr


def test_a_damaged_picture_is_named(shapes: Any, tmp_path: Path, capsys: Capture) -> None:
    picture = shapes.root / "pictures/train/images/10003.jpg"
    picture.write_bytes(picture.read_bytes()[:200])
    code, told = failing(capsys, "-e", shapes.spec(), "-r", tmp_path / "out")
    assert code == 3
    assert f"error: {picture}: " in told
    assert status(tmp_path / "out")[-1]["status"] == "FAILURE"


def test_the_wrong_network_or_classes_to_resume(trained: Any, tmp_path: Path, capsys: Capture) -> None:
    resume = ("-r", tmp_path / "out", "-m", trained.model, "--initial_epoch", "3")
    cases: dict[str, dict[str, Any]] = {
        "the spec describes ssd_resnet18": {"replace": ("nlayers: 10", "nlayers: 18")},
        "freeze_blocks": {"replace": ("nlayers: 10", "nlayers: 10 freeze_blocks: 1")},
        "only in the checkpoint: square": {"classes": {"circle": "circle"}},
    }
    for word, change in cases.items():
        code, told = failing(capsys, "-e", trained.shapes.spec(epochs=4, name="other.conf", **change), *resume)
        assert code == 4
        assert word in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--initial_epoch", "2"], "name its checkpoint with -m"),
        (["--initial_epoch", "0"], "counts from 1"),
        (["--gpus", "-1"], "0 or more"),
        (["--precision", "fp16"], "fp16 needs a GPU"),
        (["--gpus", "0", "--device", "cuda"], "contradict"),
        (["-m", "x.tlt", "--initial_epoch", "3"], "nothing is left to train"),
    ],
)
def test_usage(shapes: Any, tmp_path: Path, capsys: Capture, words: list[str], told: str) -> None:
    code, printed = failing(capsys, "-e", shapes.spec(), "-r", tmp_path / "out", *words)
    assert code == 2
    assert told in printed


def test_more_gpus_than_there_are(shapes: Any, tmp_path: Path, capsys: Capture) -> None:
    code, told = failing(capsys, "-e", shapes.spec(), "-r", tmp_path / "out", "--gpus", "64")
    assert code == 6
    assert "64 GPUs asked for" in told


def test_a_file_where_the_results_should_be(shapes: Any, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "out").write_text("in the way")
    code, told = failing(capsys, "-e", shapes.spec(), "-r", tmp_path / "out")
    assert code == 6
    assert "a file is where a folder is needed" in told


def test_two_trainings_into_one_folder(shapes: Any, tmp_path: Path, capsys: Capture) -> None:
    command = ["ssd", "-e", str(shapes.spec()), "-r", str(tmp_path / "out")]
    with locks.held(tmp_path / "out/.training.lock", HostError("the first one")):
        assert train.main(command) == 6
    assert f"{tmp_path / 'out'}: another training writes here" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_loss_that_explodes_keeps_the_last_checkpoint(shapes: Any, tmp_path: Path, capsys: Capture) -> None:
    code, told = failing(capsys, "-e", shapes.spec(rate=1e8, epochs=4), "-r", tmp_path / "out", "--clip-norm", "0")
    assert code == 1
    assert re.search(r"(loss|gradient) became NaN or infinite at epoch \d, step \d", told)
    assert len(re.findall(r"train/images/1\d{4}", told)) == 4
    assert status(tmp_path / "out")[-1]["status"] == "FAILURE"
    kept = [checkpoint.load(path) for path in (tmp_path / "out/weights").glob("*.safetensors")]
    assert all(tensor.isfinite().all() for each in kept for tensor in each.model.values())


def test_a_disk_too_small_is_told_before_the_first_epoch(
    shapes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(guards.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 9 * 10**8, 10**8))
    code, told = failing(capsys, "-e", shapes.spec(epochs=20, interval=5), "-r", tmp_path / "out")
    assert code == 6
    # Epochs 5, 10, 15, 20, the best and the newest; 44 MB each.
    assert "6 checkpoints of 44.1 MB will be kept here, which takes 353.0 MB; 100.0 MB are free" in told
    assert "raise checkpoint_interval (now 5)" in told
    assert not (tmp_path / "out/weights").exists()


# -------------------------------------------------------------------------------------------------------- interrupted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_training_keeps_its_checkpoint_and_tells_how_to_go_on(
    shapes: Any, tmp_path: Path, number: signal.Signals
) -> None:
    spec, results = shapes.spec(epochs=500), tmp_path / "out"
    command = [*warm.command("tlt-train"), "ssd", "-e", str(spec), "-r", str(results), "-k", "secret"]
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
    [saved] = re.findall(r"is in (\S+)$", told, re.MULTILINE)
    kept = checkpoint.load(Path(saved), "secret")
    assert kept.epoch >= 2
    assert (kept.resume.step or 0) // 3 == kept.epoch
    assert f"to go on: tlt-train ssd -e {spec} -r {results} -k KEY" in told
    assert status(results)[-1]["message"] == "Training was interrupted"
    assert not leftover(process.pid)


def test_an_interrupted_validation_keeps_the_epoch(
    shapes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    from runtime.evaluation import validation

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    words = ["ssd", "-e", str(shapes.spec(epochs=2, period=1)), "-r", str(tmp_path / "out")]
    with monkeypatch.context() as patch:
        patch.setattr(validation, "validate", interrupted)
        assert train.main(words) == 130
    assert "step 3 of 3 in epoch 1 is in" in capsys.readouterr().err
    assert rows(tmp_path / "out") == []
    # It goes on with the validation.
    assert train.main(words) == 0
    said = capsys.readouterr().out
    assert said.index("mAP") < said.index("epoch 2/2")
    assert [row["mAP"] != "nan" for row in rows(tmp_path / "out")] == [True, True]


@pytest.mark.parametrize("moved", [False, True])
def test_a_results_folder_that_goes_away_while_training_runs(
    shapes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, moved: bool
) -> None:
    from runtime.training import messages

    results, aside = tmp_path / "out", tmp_path / "aside"
    words = ["ssd", "-e", str(shapes.spec(epochs=3, period=1)), "-r", str(results)]
    tell = messages.epoch

    def go_away(done: Any, *, epochs: int) -> str:
        if done.number == 2:
            results.rename(aside) if moved else shutil.rmtree(results)
        return tell(done, epochs=epochs)

    with monkeypatch.context() as patch:
        patch.setattr(messages, "epoch", go_away)
        assert train.main(words) == 6
    told = capsys.readouterr().err
    assert f"error: {results}: the results folder is gone: it was deleted or moved away while" in told
    assert "Traceback" not in told
    assert not results.exists()
    if moved:
        aside.rename(results)
        assert train.main(words) == 0
        assert "going on after epoch 1 of 3" in capsys.readouterr().out
        assert [row["epoch"] for row in rows(results)] == ["1", "2", "3"]


def leftover(group: int) -> list[str]:
    """Processes of ``group`` that still run a second later."""
    for _ in range(10):
        alive = subprocess.run(["pgrep", "-g", str(group)], capture_output=True, text=True, check=False).stdout.split()
        if not alive:
            break
        time.sleep(0.1)
    return alive


def test_weights_that_are_no_numbers_are_not_saved(
    shapes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """The losses of an epoch may all be numbers, and what batch norms remember of it not."""
    from runtime.nn.layers import BatchNorm

    def forget(self: Any, mean: Any, variance: Any) -> None:
        self.running_var.fill_(float("nan"))

    monkeypatch.setattr(BatchNorm, "_remember", forget)
    code, told = failing(capsys, "-e", shapes.spec(epochs=1), "-r", tmp_path / "out")
    assert code == 1
    assert "statistics became NaN or infinite in epoch 1" in told
    assert list((tmp_path / "out").glob("weights/*")) == []
