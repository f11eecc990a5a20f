"""What a detector costs: numbers, bytes, operations, time."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from runtime.networks import Prunable
from runtime.pruning.prunable import prunable

SECONDS = 4.0
RUNS = 20


@dataclass(frozen=True)
class Cost:
    """``parameters`` counts batch norms' stored statistics, as NVIDIA does; ``weight_bytes`` are theirs in memory.

    ``flops`` are floating-point operations for one picture, two for a multiplication with its addition, of
    convolutions. ``pictures_per_second`` is the CPU's, one picture at a time, up to what the heads say: suppression
    costs the same before and after. ``file_bytes`` is the size of the checkpoint.
    """

    parameters: int
    weight_bytes: int
    file_bytes: int
    flops: int
    pictures_per_second: float


def flops(detector: nn.Module) -> int:
    """Operations of ``raw`` on one picture; nothing is computed."""
    shadow = prunable(copy.deepcopy(detector).to("meta").eval())
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        shadow.raw(_picture(shadow, "meta"))
    return int(counter.get_total_flops())


def speeds(detectors: Sequence[nn.Module], *, seconds: float = SECONDS, runs: int = RUNS) -> list[float]:
    """Pictures a second of each on the CPU, batch 1: the median of at most ``runs`` runs that take turns.

    Turns, so that whatever else the machine does meanwhile befalls them alike. Ends after about ``seconds``.
    """
    times: list[list[float]] = [[] for _ in detectors]
    for detector in detectors:
        detector.eval()
        _timed(detector)
    end = time.perf_counter() + seconds
    for _ in _until(end, runs):
        for kept, detector in zip(times, detectors, strict=True):
            kept.append(_timed(detector))
    return [1 / median(kept) for kept in times]


def _until(end: float, runs: int) -> Iterator[int]:
    """At least three."""
    for run in range(runs):
        if run >= 3 and time.perf_counter() > end:
            return
        yield run


def _timed(detector: nn.Module) -> float:
    model = prunable(detector)
    picture = _picture(model, "cpu")
    with torch.inference_mode():
        begin = time.perf_counter()
        model.raw(picture)
        return time.perf_counter() - begin


def _picture(model: Prunable, device: str) -> Tensor:
    return torch.zeros(1, 3, *model.input_size, device=device)
