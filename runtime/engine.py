"""The one training loop. It knows no network by name: batches go in, a dict of losses comes out, weights move.

Lightning Fabric carries device, precision and processes; each process sees its share of every epoch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch

from runtime import data
from tltpipe.errors import RunFailed

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from runtime.data import Batch
    from tltpipe.progress import Progress


@dataclass(frozen=True)
class Step:
    """Iteration ``number`` (from 0, over all epochs) with its learning rate and the value of each loss."""

    number: int
    rate: float
    losses: Mapping[str, float]


@dataclass(frozen=True)
class Epoch:
    """Epoch ``number`` (from 1): the mean ``loss`` of its steps, the ``seconds`` it took, images of all processes."""

    number: int
    loss: float
    seconds: float
    images: int


@dataclass(frozen=True)
class Plan:
    """What to run: ``steps`` an epoch, ``rate`` gives the learning rate of an iteration counted over all epochs."""

    epochs: range
    steps: int
    rate: Callable[[int], float]
    seed: int


def fit(
    fabric: Fabric,
    model: Any,
    optimizer: Any,
    batches: Iterator[Batch],
    plan: Plan,
    *,
    progress: Progress,
    on_step: Callable[[Step], None],
    on_epoch: Callable[[Epoch], None],
) -> None:
    """Train ``model``, a Detector that ``fabric`` has set up, on ``batches``: ``plan.steps`` of them an epoch.

    ``on_step`` and ``on_epoch`` are told what happened. Raises RunFailed when the loss is no number any more; the
    weights are of no use then.
    """
    for epoch in plan.epochs:
        began, total, images_seen = time.monotonic(), 0.0, 0
        # Seeded anew for each epoch: a run that is resumed draws what one in a single piece would have drawn.
        torch.manual_seed(plan.seed + 1_000_003 * epoch + fabric.global_rank)
        model.train()
        with progress.bar(f"epoch {epoch}/{plan.epochs.stop - 1}", total=plan.steps, unit="steps") as bar:
            for step, batch in enumerate(islice(batches, plan.steps), start=(epoch - 1) * plan.steps):
                rate = plan.rate(step)
                for group in optimizer.param_groups:
                    group["lr"] = rate
                images, truths = data.tensors(batch, fabric.device)
                losses = model(images, truths)
                loss = sum(losses.values())
                optimizer.zero_grad()
                fabric.backward(loss)
                optimizer.step()

                values = {name: value.item() for name, value in losses.items()}
                _require_number(values, epoch)
                total += sum(values.values())
                images_seen += len(truths) * fabric.world_size
                on_step(Step(step, rate, values))
                bar.advance(note=f"loss {sum(values.values()):.4g}")
        on_epoch(Epoch(epoch, total / plan.steps, time.monotonic() - began, images_seen))


def _require_number(losses: Mapping[str, float], epoch: int) -> None:
    if all(math.isfinite(value) for value in losses.values()):
        return
    told = ", ".join(f"{name} {value:g}" for name, value in losses.items())
    hint = "lower max_learning_rate or lengthen soft_start; the checkpoint of the last whole epoch is still good"
    raise RunFailed(f"the loss is no number any more in epoch {epoch} ({told})", hint=hint)
