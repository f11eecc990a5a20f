"""What this machine computes on: whether torch is installed at all, GPUs, threads, processes."""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from runtime import allocator
from tltpipe.errors import HostError, UsageError
from tltpipe.files import cpu_count

if TYPE_CHECKING:
    import torch
    from lightning_fabric import Fabric

NEEDED = ("torch", "torchvision", "lightning_fabric")


def require_torch() -> None:
    """Raise HostError where the runtime extra is not installed; to be called before torch is imported the first time.

    OpenMP's threads spin while they wait for each other, by default for milliseconds. Where a core is shared, and be
    it with the process that decodes pictures, all then wait for a thread that is not running (measured: steps of 3 s
    for 0.2 s). Threads that never spin lose up to 40 % on small steps. So they spin for some ten microseconds.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        what = f"training and inference need {', '.join(missing)}, which this Python does not have"
        raise HostError(what, hint='pip install "tltpipe[runtime]"')


def is_lead() -> bool:
    """Whether this process is the one that speaks: the first, or the only one."""
    return os.environ.get("LOCAL_RANK", "0") == "0"


def open_fabric(gpus: int, indices: Sequence[int] = ()) -> Fabric:
    """Start ``gpus`` processes, each with a GPU of its own (``indices``, else the first ones), or one on the CPU.

    One GPU wanted and none there means the CPU. Raises HostError when there are fewer than the several asked for.
    """
    import torch

    # Written for Trainer users; nothing in it that ours could act on.
    warnings.filterwarnings("ignore", module="lightning_fabric")
    from lightning_fabric import Fabric
    from lightning_fabric.strategies.ddp import DDPStrategy

    _use_all_of_the_cpu()
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if indices and len(indices) != gpus:
        raise UsageError(f"--gpu_index names {len(indices)} GPUs, --gpus says {gpus}", hint="give as many of each")
    if gpus > 1 and there < gpus:
        hint = f"--gpus {there}" if there else "--gpus 1 trains on the CPU where there is no GPU"
        raise HostError(f"{gpus} GPUs asked for, {there or 'none'} found", hint=hint)
    if indices and there and max(indices) >= there:
        raise HostError(f"there is no GPU {max(indices)}, the last is {there - 1}", hint="see nvidia-smi")
    if gpus == 0 or not there:
        fabric = Fabric(accelerator="cpu", devices=1)
    else:
        # The first process validates while the others wait for its next step, however long that takes.
        strategy = DDPStrategy(timeout=timedelta(days=1)) if gpus > 1 else "auto"
        fabric = Fabric(accelerator="cuda", devices=list(indices) or gpus, strategy=strategy)
    fabric.launch()
    return fabric


def one(gpus: int, indices: Sequence[int] = ()) -> torch.device:
    """Where a program of one process computes: a GPU if wanted and there, else the CPU."""
    import torch

    _use_all_of_the_cpu()
    if gpus > 0 and torch.cuda.is_available():
        return torch.device("cuda", indices[0] if indices else 0)
    return torch.device("cpu")


def _use_all_of_the_cpu() -> None:
    import torch

    torch.set_num_threads(cpu_count())
    allocator.keep_memory()


def describe(device: torch.device, *, wanted: int, processes: int = 1) -> str:
    """``2 x NVIDIA H200``, ``CPU, 2 threads``; where a GPU was ``wanted``, also that there is none."""
    import torch

    if device.type == "cpu":
        return f"CPU, {torch.get_num_threads()} threads" + (" (there is no GPU here)" if wanted else "")
    name = torch.cuda.get_device_name(device)
    return f"{processes} x {name}" if processes > 1 else name
