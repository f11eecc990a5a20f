"""What the processes of one training say to each other. With one process every function here does nothing.

A batch is spread over the processes, yet losses and batch norms are those of the whole batch: each process puts in
what it has of a sum and gets all of it. Every process must come through the same calls in the same order, whatever is
on its pictures, or all wait for ever.

Gradients: the loss of each process is that of the whole batch, and ``all_sum`` passes back the sum of what the
processes pass back. The average over processes that data-parallel training takes is then the gradient of the whole
batch, with nothing to be multiplied by anyone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, distributed

from tltpipe.errors import DataError
from tltpipe.preflight import node

_alone = False


def world_size() -> int:
    """How many processes train together; 1 inside of ``alone``."""
    return 1 if _alone or not _together() else distributed.get_world_size()


def rank() -> int:
    """The number of this process, from 0; the first alone speaks, validates and saves."""
    return distributed.get_rank() if _together() else 0


@contextmanager
def alone() -> Iterator[None]:
    """What one process does without the others, such as validation: nothing in the block speaks to them."""
    global _alone
    before, _alone = _alone, True
    try:
        yield
    finally:
        _alone = before


def all_sum(tensor: Tensor) -> Tensor:
    """The sum of ``tensor``, which has one shape everywhere, over all processes. Gradients pass (see above)."""
    if world_size() == 1:
        return tensor
    summed: Tensor = _AllSum.apply(tensor)
    return summed


def all_gather(tensor: Tensor) -> Tensor:
    """The tensors of all processes one after another, along the first dimension, in which they may differ.

    No gradient passes.
    """
    if world_size() == 1:
        return tensor
    mine = tensor.detach().contiguous()
    lengths = [torch.zeros(1, dtype=torch.int64, device=mine.device) for _ in range(world_size())]
    distributed.all_gather(lengths, torch.tensor([len(mine)], device=mine.device))
    counts = [int(length) for length in lengths]
    # Backends want the same shape everywhere.
    padded = torch.cat([mine, mine.new_zeros((max(counts) - len(mine), *mine.shape[1:]))])
    received = [torch.empty_like(padded) for _ in counts]
    distributed.all_gather(received, padded)
    return torch.cat([part[:count] for part, count in zip(received, counts, strict=True)])


def require_agreement(facts: Mapping[str, int | str]) -> None:
    """Raise DataError, in all processes, where one knows other ``facts`` than the first.

    They read the same files, but one may see other ones by the same names; each would then wait for steps that the
    other does not do, or go on from another checkpoint.
    """
    if world_size() == 1:
        return
    own = json.dumps([node.name(), dict(facts)])
    (first, known), *others = map(json.loads, _everybody(own))
    for number, (host, other) in enumerate(others, 1):
        for name in known:
            if known[name] != other[name]:
                what = f"{name} differs: {other[name]} for process {number} ({host}), {known[name]} for 0 ({first})"
                raise DataError(what, hint="all nodes must see the same data, models and results folder")


def _everybody(line: str) -> list[str]:
    """The line of each process: bytes, for PyTorch would send objects as pickles, which run what their sender likes."""
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    own = torch.tensor(list(f"{line}\n".encode()), dtype=torch.uint8, device=device)
    return bytes(all_gather(own).tolist()).decode().splitlines()


def note(text: str) -> None:
    """Leave ``text``, in place of what this process noted before, for the others to read when they like."""
    if _together():
        _store().set(f"note/{rank()}", text)


def notes() -> dict[int, str]:
    """The note of each process that has left one."""
    if not _together():
        return {}
    names = {number: f"note/{number}" for number in range(distributed.get_world_size())}
    return {number: _store().get(name).decode() for number, name in names.items() if _store().check([name])}


def _store() -> Any:
    """That in which the processes have met."""
    return distributed.distributed_c10d._get_default_store()


def _together() -> bool:
    return distributed.is_available() and distributed.is_initialized()


class _AllSum(torch.autograd.Function):
    @staticmethod
    def forward(_context: Any, tensor: Tensor) -> Tensor:
        return _reduced(tensor)

    @staticmethod
    def backward(_context: Any, *gradients: Tensor) -> Tensor:
        return _reduced(gradients[0])


def _reduced(tensor: Tensor) -> Tensor:
    total = tensor.detach().clone(memory_format=torch.contiguous_format)
    distributed.all_reduce(total)
    return total
