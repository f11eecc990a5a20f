"""What part of a training step on a CPU goes into targets and losses rather than into the network.

    python -m benchmarks.loss_share

Steps of forward, losses, backward and SGD on fixed random pictures with one to eight drawn objects each. The share is
that of matching (of YOLOX: SimOTA), all losses, their part of the backward pass, and the regulariser.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from runtime.networks import Tensors
from runtime.networks.ssd.config import Settings
from runtime.networks.ssd.loss import FocalLoss, HardNegativeLoss, Loss
from runtime.networks.ssd.model import SSD
from runtime.networks.yolox.model import YOLOX
from runtime.networks.yolox.settings import Settings as YoloxSettings
from specs.yolox.settings import Model

CLASSES = 13
Outputs = Sequence[Tensor]


@dataclass(frozen=True)
class Case:
    """A network as its outputs and the losses of those."""

    name: str
    network: nn.Module
    raw: Callable[[Tensor], Outputs]
    losses: Callable[[Outputs, Sequence[Tensors]], dict[str, Tensor]]
    side: int
    batch: int


def ssd(arch: str, nlayers: int, side: int, batch: int, loss: Loss) -> Case:
    settings = Settings(
        input_size=(side, side),
        arch=arch,
        nlayers=nlayers,
        scales=(0.05, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85),
        aspect_ratios=((1.0, 2.0, 0.5, 3.0, 1 / 3),) * 6,
        variances=(0.1, 0.1, 0.2, 0.2),
        loss=loss,
        regularizer="L1",
        regularizer_weight=3e-5,
    )
    network = SSD(settings, num_classes=CLASSES)
    name = f"{arch}{nlayers or ''}, {type(loss).__name__}"
    return Case(
        name, network, network.raw, lambda raw, targets: network._losses((raw[0], raw[1]), targets), side, batch
    )


def yolox(size: Literal["nano", "s"], side: int, batch: int, *, closing: bool) -> Case:
    network = YOLOX(YoloxSettings(Model(type=size), (side, side), 0), classes=CLASSES)
    network.closing = closing
    name = f"YOLOX {size}, with L1" if closing else f"YOLOX {size}"
    return Case(name, network, network.raw, network._losses, side, batch)


def cases() -> Iterator[Case]:
    for loss in (FocalLoss(), HardNegativeLoss()):
        yield ssd("resnet", 18, 300, 8, loss)
        yield ssd("mobilenet_v2", 0, 288, 2, loss)
    for closing in (False, True):
        yield yolox("nano", 416, 8, closing=closing)
        yield yolox("s", 640, 2, closing=closing)


def truths(batch: int, side: int) -> list[Tensors]:
    found: list[Tensors] = []
    for picture in range(batch):
        count = 1 + picture % 8
        low = torch.rand(count, 2) * side * 0.6
        high = low + side * (0.05 + 0.35 * torch.rand(count, 2))
        found.append({"boxes": torch.cat([low, high], dim=1), "labels": torch.randint(1, CLASSES + 1, (count,))})
    return found


def step(case: Case, optimiser: torch.optim.Optimizer, images: Tensor, targets: Sequence[Tensors]) -> float:
    """One step; the share of it that is not network."""
    started = time.perf_counter()
    optimiser.zero_grad()
    raw = case.raw(images)
    # Cut between network and losses, so that their backward passes can be told apart.
    leaves = [output.detach().requires_grad_() for output in raw]
    before = time.perf_counter()
    _losses(case, leaves, targets)
    spent = time.perf_counter() - before
    torch.autograd.backward(raw, [leaf.grad for leaf in leaves])
    optimiser.step()
    return spent / (time.perf_counter() - started)


def _losses(case: Case, leaves: list[Tensor], targets: Sequence[Tensors]) -> None:
    sum(case.losses(leaves, targets).values(), torch.zeros(())).backward()  # type: ignore[no-untyped-call]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=4, help="measured steps of each case, after one to warm up")
    parser.add_argument("--profile", action="store_true", help="also the operators of the losses that take longest")
    options = parser.parse_args(argv)
    torch.manual_seed(0)
    print(f"{torch.get_num_threads()} threads; share of a training step in targets and losses, median and largest")
    for case in cases():
        case.network.train()
        optimiser = torch.optim.SGD(case.network.parameters(), lr=1e-5, momentum=0.9)
        images, targets = torch.rand(case.batch, 3, case.side, case.side) * 255, truths(case.batch, case.side)
        shares = [step(case, optimiser, images, targets) for _ in range(options.steps + 1)][1:]
        name = f"{case.name}, {case.side} x {case.side}, batch {case.batch}"
        print(f"{name:<56} {statistics.median(shares):6.1%} {max(shares):6.1%}", flush=True)
        if options.profile:
            _profile(case, images, targets)
    return 0


def _profile(case: Case, images: Tensor, targets: Sequence[Tensors]) -> None:
    leaves = [output.detach().requires_grad_() for output in case.raw(images)]
    with torch.profiler.profile() as profile:
        _losses(case, leaves, targets)
    print(profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=12, max_name_column_width=40))


if __name__ == "__main__":
    raise SystemExit(main())
