"""A batch over two processes: the loss, the gradient and the statistics of one process with all of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
from ssd_specs import SETTINGS

from runtime.machine import processes
from runtime.networks.ssd.loss import FocalLoss, HardNegativeLoss
from runtime.networks.ssd.model import SSD
from runtime.nn.layers import BatchNorm

pytestmark = pytest.mark.torch

SIZE = 48


def network(kind: type, *, strict: bool) -> SSD:
    torch.manual_seed(0)
    settings = replace(SETTINGS, input_size=(SIZE, SIZE), loss=kind(rank_local=strict), strict=strict)
    return SSD(settings, num_classes=2).train()


def batch() -> tuple[Any, list[Any]]:
    """Four pictures, of which the third has no object and the first three times as many as the others."""
    generator = torch.Generator().manual_seed(3)
    images = (
        torch.rand(4, 3, SIZE, SIZE, generator=generator) * torch.tensor([255.0, 100, 30, 200])[:, None, None, None]
    )
    rows = [[[1, 2, 2, 30, 30], [2, 20, 10, 45, 40], [1, 5, 30, 20, 44]], [[2, 8, 8, 40, 30]], [], [[1, 0, 0, 47, 47]]]
    tables = [torch.tensor(row, dtype=torch.float32).reshape(-1, 5) for row in rows]
    return images, [{"boxes": table[:, 1:], "labels": table[:, 0].long()} for table in tables]


def step(detector: SSD, images: Any, targets: Any) -> dict[str, Any]:
    losses = detector(images, targets)
    sum(losses.values()).backward()
    norms = [module for module in detector.modules() if isinstance(module, BatchNorm)]
    return {
        "losses": {name: loss.item() for name, loss in losses.items()},
        "gradients": [parameter.grad for parameter in detector.parameters()],
        "statistics": [value for norm in norms for value in (norm.running_mean, norm.running_var)],
    }


def together(rank: int, meeting: str, answers: str) -> None:
    """What process ``rank`` of two makes of its half."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
    images, targets = batch()
    half = slice(2 * rank, 2 * rank + 2)
    found = {}
    for kind in (FocalLoss, HardNegativeLoss):
        for strict in (False, True):
            detector = network(kind, strict=strict)
            found[kind.__name__, strict] = answer = step(detector, images[half], targets[half])
            # What data-parallel training does to gradients.
            answer["gradients"] = [processes.all_sum(each) / 2 for each in answer["gradients"]]
    torch.save(found, f"{answers}/{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("processes")
    torch.multiprocessing.spawn(together, (str(folder / "meeting"), str(folder)), nprocs=2)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.mark.parametrize("kind", [FocalLoss, HardNegativeLoss])
def test_two_halves_are_the_whole(kind: type, answers: Any) -> None:
    whole = step(network(kind, strict=False), *batch())
    for answer in (each[kind.__name__, False] for each in answers):
        assert answer["losses"] == pytest.approx(whole["losses"], rel=1e-5)
        for found, wanted in zip(answer["gradients"], whole["gradients"], strict=True):
            torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4 * wanted.abs().max().item() + 1e-7)
        for found, wanted in zip(answer["statistics"], whole["statistics"], strict=True):
            torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", [FocalLoss, HardNegativeLoss])
def test_strict_processes_look_at_their_own_half(kind: type, answers: Any) -> None:
    images, targets = batch()
    for rank, answer in enumerate(each[kind.__name__, True] for each in answers):
        half = slice(2 * rank, 2 * rank + 2)
        alone = step(network(kind, strict=True), images[half], targets[half])
        assert answer["losses"] == pytest.approx(alone["losses"], rel=1e-5)
        for found, wanted in zip(answer["statistics"], alone["statistics"], strict=True):
            torch.testing.assert_close(found, wanted)
    first, second = (each[kind.__name__, True]["losses"]["localization"] for each in answers)
    assert first != pytest.approx(second, rel=1e-2)
