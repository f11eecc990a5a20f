"""What is said of bad numbers, small disks and missing compilers."""

from __future__ import annotations

import math
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from refusals import error_of

from runtime.training import guards
from tltpipe.errors import HostError, RunFailed

FINE = {"classification": 1.0, "localization": 0.5}


def frames(epoch: int, step: int) -> list[str]:
    return [f"picture {epoch}-{step}-{number}" for number in range(100)]


def test_numbers_pass() -> None:
    guards.Numbers(frames).judge(FINE, 3.0, epoch=1, step=1)


def test_a_loss_that_is_no_number_is_named_with_its_pictures() -> None:
    with pytest.raises(RunFailed) as caught:
        guards.Numbers(frames).judge({**FINE, "localization": math.inf}, 3.0, epoch=4, step=7)
    assert "epoch 4, step 7 (classification 1, localization inf)" in caught.value.what
    assert caught.value.what.endswith("picture 4-7-63 and 36 more")
    assert "max_learning_rate" not in str(caught.value.hint)  # the watch is kept over every network, not SSD alone


def test_a_scaler_may_skip_gradients_but_not_for_ever() -> None:
    watched = guards.Numbers(frames, skipping=True)
    for step in range(guards.SKIPS):
        watched.judge(FINE, math.inf, epoch=1, step=step)
    watched.judge(FINE, 1.0, epoch=1, step=50)
    for step in range(guards.SKIPS):
        watched.judge(FINE, math.inf, epoch=2, step=step)
    with pytest.raises(RunFailed, match="gradient became NaN or infinite at epoch 2, step 99"):
        watched.judge(FINE, math.nan, epoch=2, step=99)
    with pytest.raises(RunFailed, match="loss became NaN or infinite"):
        guards.Numbers(frames, skipping=True).judge({"loss": math.nan}, 1.0, epoch=1, step=1)


def room(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    class Usage:
        def __init__(self) -> None:
            self.free = free

    monkeypatch.setattr(guards.shutil, "disk_usage", lambda _: Usage())


def test_room_for_what_will_be_kept_and_for_what_is_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four of twenty epochs, the newest, the best; one being written, one of an epoch under way."""
    folder = tmp_path / "not/there/yet"
    room(monkeypatch, 8 * 1000)
    guards.require_room(folder, size=1000, epochs=20, interval=5)
    room(monkeypatch, 8 * 1000 - 1)
    error = error_of(HostError, guards.require_room, folder, match="6 checkpoints", size=1000, epochs=20, interval=5)
    assert error.exit_code == 6
    assert not folder.exists()


def test_a_compiler_is_looked_for_before_the_first_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(HostError, match="--compile needs no-such-compiler"):
        guards.require_compiler()


def test_a_second_request_to_stop_does_not_wait() -> None:
    interruption = guards.Interruption()
    arguments: Any = (2, None)
    with pytest.raises(KeyboardInterrupt), interruption.held():
        interruption(*arguments)
        done = True
    assert done
    assert not interruption.torn
    another = guards.Interruption()
    with pytest.raises(KeyboardInterrupt), another.held():
        another(*arguments)
        another(*arguments)
    assert another.torn


def test_a_request_whose_exception_python_drops_is_not_forgotten() -> None:
    interruption = guards.Interruption()
    with pytest.raises(KeyboardInterrupt):
        interruption(2, None)
    with pytest.raises(KeyboardInterrupt), interruption.held():
        done = True
    assert done
    assert not interruption.torn


def test_in_the_background_where_a_shell_lets_ctrl_c_be_ignored_sigterm_waits_for_the_step() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(KeyboardInterrupt), guards.interruptible() as interruption, interruption.held():
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
            done = True
        assert done
        assert not interruption.torn
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_another_node_was_asked_is_no_second_request() -> None:
    """Where a scheduler asks all nodes, the first learns of it by them, too, while it saves."""
    interruption = guards.Interruption()
    with pytest.raises(KeyboardInterrupt), interruption.held():
        interruption(signal.SIGTERM, None)
        interruption(guards.STOP, None)
        done = True
    interruption(guards.STOP, None)
    assert done
    assert not interruption.torn
    alone = guards.Interruption()
    with pytest.raises(KeyboardInterrupt):
        alone(guards.STOP, None)


@pytest.mark.torch
def test_weights_and_statistics_must_be_numbers() -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    guards.require_finite(module, epoch=3)
    module[1].running_var[1] = math.inf
    error = error_of(RunFailed, guards.require_finite, module, match=r"in epoch 3 \(1.running_var\)", epoch=3)
    assert "--fresh" in str(error.hint)
    assert "max_learning_rate" not in str(error.hint)
