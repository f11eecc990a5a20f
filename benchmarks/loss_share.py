"""What part of a training step on a CPU goes into targets and losses rather than into the network.

    python -m benchmarks.loss_share

Steps of forward, losses, backward and SGD on fixed random pictures with one to eight drawn objects each. The share is
that of matching, both losses, their part of the backward pass, and the regulariser.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence

import torch
from torch import Tensor

from runtime.networks import Tensors
from runtime.networks.ssd.config import Settings
from runtime.networks.ssd.loss import FocalLoss, HardNegativeLoss, Loss
from runtime.networks.ssd.model import SSD

CASES = (("resnet", 18, 300, 8), ("mobilenet_v2", 0, 288, 2))
LOSSES: tuple[Loss, ...] = (FocalLoss(), HardNegativeLoss())
CLASSES = 13


def detector(arch: str, nlayers: int, side: int, loss: Loss) -> SSD:
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
    return SSD(settings, num_classes=CLASSES).train()


def truths(batch: int, side: int) -> list[Tensors]:
    found: list[Tensors] = []
    for picture in range(batch):
        count = 1 + picture % 8
        low = torch.rand(count, 2) * side * 0.6
        high = low + side * (0.05 + 0.35 * torch.rand(count, 2))
        found.append({"boxes": torch.cat([low, high], dim=1), "labels": torch.randint(1, CLASSES + 1, (count,))})
    return found


def step(network: SSD, optimiser: torch.optim.Optimizer, images: Tensor, targets: Sequence[Tensors]) -> float:
    """One step; the share of it that is not network."""
    started = time.perf_counter()
    optimiser.zero_grad()
    raw = network.raw(images)
    # Cut between network and losses, so that their backward passes can be told apart.
    leaves = [output.detach().requires_grad_() for output in raw]
    before = time.perf_counter()
    losses = network._losses((leaves[0], leaves[1]), targets)
    sum(losses.values(), torch.zeros(())).backward()  # type: ignore[no-untyped-call]
    spent = time.perf_counter() - before
    torch.autograd.backward(raw, [leaf.grad for leaf in leaves])
    optimiser.step()
    return spent / (time.perf_counter() - started)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=4, help="measured steps of each case, after one to warm up")
    parser.add_argument("--profile", action="store_true", help="also the operators of the losses that take longest")
    options = parser.parse_args(argv)
    torch.manual_seed(0)
    print(f"{torch.get_num_threads()} threads; share of a training step in targets and losses, median and largest")
    for arch, nlayers, side, batch in CASES:
        for loss in LOSSES:
            network = detector(arch, nlayers, side, loss)
            optimiser = torch.optim.SGD(network.parameters(), lr=1e-5, momentum=0.9)
            images, targets = torch.rand(batch, 3, side, side) * 255, truths(batch, side)
            shares = [step(network, optimiser, images, targets) for _ in range(options.steps + 1)][1:]
            name = f"{arch}{nlayers or ''} {side} x {side}, batch {batch}, {type(loss).__name__}"
            print(f"{name:<56} {statistics.median(shares):6.1%} {max(shares):6.1%}")
            if options.profile:
                _profile(network, images, targets)
    return 0


def _profile(network: SSD, images: Tensor, targets: Sequence[Tensors]) -> None:
    raw = network.raw(images)
    leaves = [output.detach().requires_grad_() for output in raw]
    with torch.profiler.profile() as profile:
        losses = network._losses((leaves[0], leaves[1]), targets)
        sum(losses.values(), torch.zeros(())).backward()  # type: ignore[no-untyped-call]
    print(profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=12, max_name_column_width=40))


if __name__ == "__main__":
    raise SystemExit(main())
