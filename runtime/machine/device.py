"""What this machine computes on: whether torch is installed at all, GPUs, threads, processes, precision."""

from __future__ import annotations

import ctypes
import importlib.util
import logging
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from runtime.machine import cluster, rendezvous, threads
from runtime.machine.cluster import Cluster
from tltpipe.errors import HostError, UsageError

if TYPE_CHECKING:
    import torch
    from lightning_fabric import Fabric

NEEDED = ("torch", "torchvision", "lightning_fabric")
Kind = Literal["cpu", "cuda"]
Precision = Literal["32", "bf16", "fp16"]
HERE = Cluster()
"""This machine alone."""


def require_torch() -> None:
    """Raise HostError where the runtime extra is not installed; to be called before torch is imported the first time.

    OpenMP's threads spin while they wait for each other, by default for milliseconds. Where a core is shared, and be
    it with the process that decodes pictures, all then wait for a thread that is not running (measured: steps of 3 s
    for 0.2 s). Threads that never spin lose up to 40 % on small steps. So they spin for some ten microseconds.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    # Its warnings about connections that broke are C++ stacks; what they mean is ours to tell.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    # What deterministic sums on a GPU need; read when CUDA starts.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        what = f"training and inference need {', '.join(missing)}, which this Python does not have"
        raise HostError(what, hint='pip install "tltpipe[runtime]"')


@dataclass(frozen=True)
class Wanted:
    """What the command line asks to train on. ``indices``: which GPUs; ``processes`` None: as many as GPUs."""

    gpus: int = 1
    indices: tuple[int, ...] = ()
    kind: Kind | None = None
    processes: int | None = None
    precision: Precision = "32"


@dataclass(frozen=True)
class Place:
    """What will be trained on: one process on each of the GPUs ``indices``, or ``processes`` on the CPU; as many on
    each node of the ``cluster``."""

    kind: Kind
    processes: int = 1
    indices: tuple[int, ...] = ()
    precision: Precision = "32"
    cluster: Cluster = HERE

    @property
    def world(self) -> int:
        """The processes on all nodes."""
        return self.cluster.nodes * self.processes


def choose(wanted: Wanted, where: Cluster = HERE) -> Place:
    """Where to train, ``where`` this process stands. One GPU wanted and none there means the CPU.

    Raises UsageError for wishes that contradict each other, HostError for GPUs that are not there.
    """
    there = gpus()
    count = wanted.gpus
    if wanted.indices and len(wanted.indices) != count:
        what = f"--gpu_index names {len(wanted.indices)} GPUs, --gpus says {count}"
        raise UsageError(what, hint="give as many of each")
    if wanted.kind == "cuda" and not count:
        raise UsageError("--device cuda and --gpus 0 contradict each other")
    if wanted.kind == "cuda" and not there:
        raise HostError("--device cuda, but there is no GPU here", hint="--device cpu trains without one")
    if wanted.kind != "cpu":
        if count > 1 and there < count:
            hint = f"--gpus {there}" if there else "--gpus 1 trains on the CPU where there is no GPU"
            raise HostError(f"{count} GPUs asked for, {there or 'none'} found", hint=hint)
        if wanted.indices and there and max(wanted.indices) >= there:
            raise HostError(f"there is no GPU {max(wanted.indices)}, the last is {there - 1}", hint="see nvidia-smi")
        if there and count:
            if wanted.processes not in (None, count):
                hint = f"--gpus {wanted.processes} for as many GPUs, or --device cpu"
                raise UsageError(f"{wanted.processes} processes for {count} GPUs: each GPU takes one", hint=hint)
            _require_processes(count, "--gpus", where)
            return Place("cuda", count, wanted.indices or tuple(range(count)), wanted.precision, where)
    if wanted.precision == "fp16":
        raise UsageError("--precision fp16 needs a GPU", hint="--precision bf16 or 32 works on the CPU")
    if wanted.processes is not None:
        _require_processes(wanted.processes, "--processes", where)
    return Place("cpu", wanted.processes or where.processes or 1, precision=wanted.precision, cluster=where)


def _require_processes(count: int, option: str, where: Cluster) -> None:
    """Raises UsageError where whoever started the processes of this node has started other than ``count``."""
    if where.processes not in (None, count):
        what = f"{option} says {count}, but {where.launcher} has started {where.processes} processes on this node"
        raise UsageError(what, hint=f"{option} {where.processes}; or one process a node, which starts the others")


def gpus() -> int:
    """How many there are on this machine."""
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def open_fabric(place: Place, *, deterministic: bool = False) -> Fabric:
    """Take part in a training at ``place``, as the process that its cluster says this is."""
    import torch

    # Written for Trainer users; nothing in it that ours could act on.
    warnings.filterwarnings("ignore", module="lightning_fabric")
    # Kernels of 1x1 lie the same in memory whichever of two strides are written down for them.
    warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
    from lightning_fabric import Fabric
    from lightning_fabric.strategies.ddp import DDPStrategy

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # which its import sets, too

    use_all_of_the_cpu(shared_by=place.processes)
    _set_determinism(deterministic)
    strategy: Any = "auto"
    environment = cluster.fabric_environment(place.cluster, place.processes)
    if place.world > 1:
        # The first process validates while the others wait for its next step, however long that takes. Statistics of
        # batch norms are the same everywhere already, or (strict) are those of the first process.
        backend, patience = "nccl" if place.kind == "cuda" else "gloo", timedelta(days=1)
        strategy = DDPStrategy(
            process_group_backend=backend, timeout=patience, broadcast_buffers=False, gradient_as_bucket_view=True
        )
        if not place.cluster.hosted:
            os.environ.pop("TORCHELASTIC_USE_AGENT_STORE", None)  # where all meet is ours, whoever has started this one
        else:
            rank = place.cluster.rank(place.processes)
            rendezvous.join(place.cluster, rank=rank, world=place.world, backend=backend, timeout=patience)
    fabric = Fabric(
        accelerator=place.kind,
        devices=list(place.indices) if place.kind == "cuda" else place.processes,
        num_nodes=place.cluster.nodes,
        strategy=strategy,
        plugins=[environment, *_precision(place)],
    )
    fabric.launch()
    torch.set_default_dtype(torch.float32)
    return fabric


def one(gpus: int, indices: Sequence[int] = ()) -> torch.device:
    """Where a program of one process computes: a GPU if wanted and there, else the CPU."""
    import torch

    use_all_of_the_cpu()
    if gpus > 0 and torch.cuda.is_available():
        return torch.device("cuda", indices[0] if indices else 0)
    return torch.device("cpu")


def use_all_of_the_cpu(*, shared_by: int = 1) -> None:
    """A thread for every core, or for this process's part of them, until fewer prove faster
    (``runtime.machine.threads``)."""
    threads.for_torch(shared_by=shared_by)
    keep_memory()


def describe(device: torch.device, *, wanted: int, place: Place | None = None) -> str:
    """``2 x NVIDIA H200``, ``CPU, 2 threads``, of several nodes ``2 nodes, each CPU, 2 threads``; where a GPU was
    ``wanted``, also that there is none."""
    nodes, processes = (place.cluster.nodes, place.processes) if place is not None else (1, 1)
    return (f"{nodes} nodes, each " if nodes > 1 else "") + _described(device, wanted, processes)


def _described(device: torch.device, wanted: int, processes: int) -> str:
    import torch

    if device.type == "cpu":
        several = f"{processes} processes of " if processes > 1 else ""
        missing = " (there is no GPU here)" if wanted and not torch.cuda.is_available() else ""
        threads = torch.get_num_threads()
        return f"CPU, {several}{threads} thread{'s' if threads > 1 else ''}{missing}"
    name = torch.cuda.get_device_name(device)
    return f"{processes} x {name}" if processes > 1 else name


def _precision(place: Place) -> list[Any]:
    """Fabric's mixed precision, but for what it does to inputs: boxes of half precision would be pixels off."""
    if place.precision == "32":
        return []
    from lightning_fabric.plugins.precision import MixedPrecision

    class Autocast(MixedPrecision):
        def convert_input(self, data: Any) -> Any:
            return data

    return [Autocast("bf16-mixed" if place.precision == "bf16" else "16-mixed", device=place.kind)]


def _set_determinism(wanted: bool) -> None:
    """The same bits every time, or cuDNN's fastest choice for pictures that are all of one size."""
    import torch

    torch.use_deterministic_algorithms(wanted, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = not wanted


# Parameters of mallopt(3), from malloc.h.
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3
GIB = 1 << 30


def keep_memory() -> bool:
    """Keep freed blocks in the process instead of returning them to the kernel; False where there is no glibc.

    The process then holds on to its largest working set, which training does anyway.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = ((MMAP_THRESHOLD, GIB), (TRIM_THRESHOLD, GIB), (TOP_PAD, GIB // 16))
    return all(mallopt(name, value) == 1 for name, value in settings)
