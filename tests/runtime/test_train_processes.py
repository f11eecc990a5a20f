"""Several processes: one batch spread over them is that batch; what goes wrong in one is told once."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from runtime.programs import train
from runtime.weights import checkpoint
from tltpipe.progress import read

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")

ROOT = Path(__file__).parents[2]
PROGRAM = [
    sys.executable,
    "-c",
    "import sys; from runtime.programs.train import main; sys.exit(main(sys.argv[1:]))",
    "ssd",
]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "TLTPIPE_PROGRESS_SECONDS": "0", "OMP_NUM_THREADS": "1"}


def losses(results: Path) -> tuple[list[float], list[float]]:
    """The loss of every step, and the length of its gradient."""
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulators.EventAccumulator(str(results / "events")).Reload()
    found = [[event.value for event in events.Scalars(name)] for name in ("loss", "gradient_norm")]
    return found[0], found[1]


BATCH_SCRIPT = {
    "SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "train", "SLURM_JOB_NODELIST": "n[1-2]", "SLURM_NNODES": "2",
    "SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "1", "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0",
    "NODE_RANK": "1", "NNODES": "2", "WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1", "MASTER_ADDR": "nowhere",
}  # fmt: skip
"""What a batch script of Slurm has in its environment, and what its author exports for another program."""


def test_two_processes_share_the_batch_of_one(
    shapes: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The curves part slowly, since sums are taken in another order: step for step within float noise. A training on
    one machine heeds none of the variables by which others start processes."""
    for name, value in BATCH_SCRIPT.items():
        monkeypatch.setenv(name, value)
    one, two = tmp_path / "one", tmp_path / "two"
    whole = shapes.spec(epochs=2, period=2, batch=4, rate=1e-4)
    assert train.main(["ssd", "-e", str(whole), "-r", str(one)]) == 0
    halves = shapes.spec(epochs=2, period=2, batch=2, rate=1e-4, name="halves.conf")
    assert train.main(["ssd", "-e", str(halves), "-r", str(two), "--processes", "2"]) == 0
    said = capfd.readouterr().out
    assert "CPU, 2 processes of " in said
    assert said.count("trained 2 epochs") == 2
    (loss, norm), (other_loss, other_norm) = losses(one), losses(two)
    assert len(loss) == len(other_loss) == 6
    assert other_loss[0] == pytest.approx(loss[0], rel=1e-5)
    assert other_norm[0] == pytest.approx(norm[0], rel=1e-4)
    assert other_loss == pytest.approx(loss, rel=1e-3)
    # Statistics of batch norms are those of the whole batch, too.
    models = [checkpoint.load(path / "weights/ssd_resnet10_epoch_002.safetensors").model for path in (one, two)]
    means = [model["features.backbone.bn_conv1.running_mean"] for model in models]
    assert (means[0] - means[1]).abs().max() < 5e-3 * means[0].abs().max()


def test_an_error_in_another_process_is_told_once(
    shapes: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Of six pictures a step each process decodes its three; whichever meets the damaged one, the program tells."""
    picture = shapes.root / "pictures/train/images/10003.jpg"
    picture.write_bytes(picture.read_bytes()[:200])
    words = ["ssd", "-e", str(shapes.spec(batch=1)), "-r", str(tmp_path / "out"), "--processes", "2"]
    assert train.main(words) == 3
    told = capfd.readouterr().err
    assert told.count(f"error: {picture}: ") == 1
    assert told.count("error:") == 1
    assert "Traceback" not in told


def test_sigterm_to_all_processes_at_once_finishes_the_step_and_saves(shapes: Any, tmp_path: Path) -> None:
    """As schedulers, systemd and timeout send it; what a shell has started in the background ignores Ctrl-C."""
    spec, results = shapes.spec(epochs=500), tmp_path / "out"
    command = [*PROGRAM, "-e", str(spec), "-r", str(results), "--processes", "2"]
    process = subprocess.Popen(
        ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *command],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        tick = read(line)
        if tick is not None and tick.what == "epoch 2/500":
            break
    os.killpg(process.pid, signal.SIGTERM)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 130
    [saved] = re.findall(r"error: training was interrupted; .* is in (\S+)$", told, re.MULTILINE)
    assert checkpoint.load(Path(saved)).resume is not None
    assert "Traceback" not in told


@pytest.mark.parametrize("victim", ["first", "other"])
def test_no_process_outlives_the_others(shapes: Any, tmp_path: Path, victim: str) -> None:
    spec, results = shapes.spec(epochs=500), tmp_path / "out"
    command = [*PROGRAM, "-e", str(spec), "-r", str(results), "--processes", "2"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, start_new_session=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        tick = read(line)
        if tick is not None and tick.what == "epoch 2/500":
            break
    if victim == "first":
        process.kill()
    else:
        others = ["pgrep", "-f", "-P", str(process.pid), "runtime.programs.train ssd"]
        os.kill(int(subprocess.run(others, capture_output=True, text=True, check=True).stdout), signal.SIGKILL)
    _, told = process.communicate(timeout=120)
    if victim == "other":
        assert process.returncode == 1
        assert re.search(r"error: a process of this training was killed by signal 9", told)
        assert "Traceback" not in told
    deadline = time.monotonic() + 15
    while subprocess.run(["pgrep", "-g", str(process.pid)], capture_output=True).returncode == 0:
        assert time.monotonic() < deadline, "a process is left"
        time.sleep(0.2)
