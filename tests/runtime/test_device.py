"""What a machine without a GPU answers, and one with two."""

from __future__ import annotations

import os
from typing import Any

import pytest

from runtime.machine import device
from runtime.machine.device import Place, Wanted
from tltpipe.errors import HostError, UsageError

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")


@pytest.fixture(params=[0])
def there(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """A machine with so many GPUs."""
    count: int = request.param
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    return count


def test_one_gpu_wanted_means_the_cpu(there: int) -> None:
    assert device.choose(Wanted(1)) == Place("cpu")
    fabric = device.open_fabric(Place("cpu"))
    assert fabric.device.type == "cpu"
    assert fabric.world_size == 1
    assert device.one(1).type == "cpu"
    threads = torch.get_num_threads()
    told = f"CPU, {threads} thread{'s' if threads > 1 else ''}"
    assert device.describe(fabric.device, wanted=1).startswith(told)
    assert device.describe(fabric.device, wanted=1).endswith("(there is no GPU here)")
    assert "GPU" not in device.describe(fabric.device, wanted=0)


@pytest.mark.parametrize("there", [2], indirect=True)
def test_gpus_are_taken_where_they_are(there: int) -> None:
    assert device.choose(Wanted(1)) == Place("cuda", 1, (0,))
    assert device.choose(Wanted(2, precision="fp16")) == Place("cuda", 2, (0, 1), "fp16")
    assert device.choose(Wanted(1, (1,))) == Place("cuda", 1, (1,))
    assert device.choose(Wanted(0, processes=3)) == Place("cpu", 3)
    assert device.choose(Wanted(1, kind="cpu", precision="bf16")) == Place("cpu", precision="bf16")


@pytest.mark.parametrize(
    ("there", "wanted", "kind", "told"),
    [
        (0, Wanted(2), HostError, "2 GPUs asked for, none found"),
        (2, Wanted(8), HostError, "8 GPUs asked for, 2 found"),
        (2, Wanted(1, (5,)), HostError, "there is no GPU 5, the last is 1"),
        (0, Wanted(1, kind="cuda"), HostError, "no GPU here"),
        (0, Wanted(0, kind="cuda"), UsageError, "contradict"),
        (0, Wanted(2, (0, 1, 2)), UsageError, "--gpu_index names 3 GPUs"),
        (2, Wanted(1, processes=2), UsageError, "2 processes for 1 GPUs"),
        (0, Wanted(1, precision="fp16"), UsageError, "fp16 needs a GPU"),
    ],
    indirect=["there"],
)
def test_what_cannot_be(there: int, wanted: Wanted, kind: type[Exception], told: str) -> None:
    with pytest.raises(kind, match=told):
        device.choose(wanted)


def test_mixed_precision_leaves_boxes_alone() -> None:
    """Of three digits, as bfloat16 holds them, nothing would be where it is."""
    fabric = device.open_fabric(Place("cpu", precision="bf16"))
    seen: dict[str, Any] = {}

    class Net(torch.nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(4, 4)

        def forward(self, boxes: Any) -> Any:
            made = self.layer(boxes)
            seen.update(boxes=boxes, made=made.dtype)
            return made

    model = fabric.setup(Net())
    boxes = torch.tensor([[299.3, 1.7, 0.1, 123.4]])
    answer = model(boxes)
    assert torch.equal(seen["boxes"], boxes)
    assert (seen["made"], answer.dtype) == (torch.bfloat16, torch.float32)


def test_threads_wait_without_spinning() -> None:
    device.require_torch()
    assert os.environ["GOMP_SPINCOUNT"]
