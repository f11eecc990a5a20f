"""What a machine without a GPU answers."""

from __future__ import annotations

import os

import pytest

from runtime import device
from tltpipe.errors import HostError, UsageError

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def without_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_one_gpu_wanted_means_the_cpu() -> None:
    fabric = device.open_fabric(1)
    assert fabric.device.type == "cpu"
    assert fabric.world_size == 1
    assert device.one(1).type == "cpu"
    threads = torch.get_num_threads()
    assert device.describe(fabric.device, wanted=1) == f"CPU, {threads} threads (there is no GPU here)"
    assert device.describe(fabric.device, wanted=0) == f"CPU, {threads} threads"


def test_two_gpus_wanted_is_an_error() -> None:
    with pytest.raises(HostError, match="2 GPUs asked for, none found"):
        device.open_fabric(2)


def test_as_many_indices_as_gpus() -> None:
    with pytest.raises(UsageError, match="--gpu_index names 3 GPUs"):
        device.open_fabric(2, [0, 1, 2])


def test_threads_wait_without_spinning() -> None:
    device.require_torch()
    assert os.environ["GOMP_SPINCOUNT"]
