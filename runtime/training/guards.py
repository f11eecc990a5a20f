"""What watches over a training: values that are no numbers, a disk that fills up, Ctrl-C in the middle of a step."""

from __future__ import annotations

import math
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from runtime.imaging.pixels import PixelBatch
from runtime.machine.launch import STOP
from runtime.networks import Model
from tltpipe.errors import HostError, RunFailed

SHOWN = 64
"""So many frame ids of a batch are told at most."""
SKIPS = 25
"""fp16 halves its scale after a step with a gradient out of range; so many in a row are not the scale's fault."""


_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "STATUS_ALLOC_FAILED")


class Numbers:
    """Stops a training whose loss or gradient became NaN or infinite; ``frames`` names the pictures of (epoch, step).

    ``skipping``: steps with such a gradient are left out by a gradient scaler (fp16), which is no fault.
    """

    def __init__(self, frames: Callable[[int, int], Sequence[str]], *, skipping: bool = False) -> None:
        self.frames, self.skipping, self.skipped = frames, skipping, 0

    def judge(self, losses: Mapping[str, float], gradient: float, *, epoch: int, step: int) -> None:
        """Raise RunFailed unless all are numbers; ``step`` counts from 1 in its ``epoch``."""
        if not all(math.isfinite(value) for value in losses.values()):
            self._stop("loss", losses, epoch=epoch, step=step)
        if math.isfinite(gradient):
            self.skipped = 0
            return
        self.skipped += 1
        if not self.skipping or self.skipped > SKIPS:
            self._stop("gradient", losses, epoch=epoch, step=step)

    def _stop(self, what: str, losses: Mapping[str, float], *, epoch: int, step: int) -> None:
        told = ", ".join(f"{name} {value:g}" for name, value in losses.items())
        frames = list(self.frames(epoch, step))
        more = f" and {len(frames) - SHOWN} more" if len(frames) > SHOWN else ""
        raise RunFailed(
            f"{what} became NaN or infinite at epoch {epoch}, step {step} ({told}); the images of this batch: "
            + ", ".join(frames[:SHOWN])
            + more,
            hint="lower the learning rate or lengthen its warm-up (soft_start), or look at these images and their "
            "boxes; checkpoints saved before are sound, --fresh starts over",
        )


def require_finite(model: Model, *, epoch: int) -> None:
    """Raise RunFailed unless all weights and statistics of ``model`` are numbers: others are not worth saving.

    Losses can be numbers while the statistics that batch norms keep for later are not.
    """
    import torch

    tensors = {name: tensor for name, tensor in model.state_dict().items() if tensor.is_floating_point()}
    finite = torch.stack([tensor.isfinite().all() for tensor in tensors.values()]).tolist()
    broken = [name for name, good in zip(tensors, finite, strict=True) if not good]
    if broken:
        more = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
        raise RunFailed(
            f"weights or statistics became NaN or infinite in epoch {epoch} ({broken[0]}{more}); it was not saved",
            hint="lower the learning rate or lengthen its warm-up (soft_start); --fresh starts over",
        )


@contextmanager
def memory(images: PixelBatch, input_size: tuple[int, int] | None) -> Iterator[None]:
    """Raises RunFailed where memory runs out in the block, a step with ``images``; ``input_size`` (height, width) is
    what images have where they do not vary."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not isinstance(error, MemoryError) and not any(each in str(error) for each in _OUT_OF_MEMORY):
            raise
        height, width = max((image.shape[:2] for image in images), key=math.prod)
        what = f"memory ran out: {len(images)} images of {width}x{height} pixels are too much for one step"
        hint = "set batch_size lower, or train on smaller images"
        if input_size is not None and (height, width) > input_size:
            hint = (
                f"set multi_scale lower, which makes images larger than {input_size[1]}x{input_size[0]}, or batch_size"
            )
        raise RunFailed(what, hint=f"{hint}; checkpoints saved before are whole") from None


def require_room(folder: Path, *, size: int, epochs: int, interval: int) -> None:
    """Raise HostError unless the disk of ``folder`` takes what a training of ``epochs`` more epochs leaves behind.

    ``size``: bytes of a checkpoint. Kept are those of every ``interval``-th epoch, the newest and the best; while one
    is written, the one before is still there, and that of an epoch not yet over.
    """
    kept = epochs // interval + 2
    needed = (kept + 2) * size
    there = folder
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free
    if free >= needed:
        return
    what = f"{kept} checkpoints of {_megabytes(size)} will be kept here, which takes {_megabytes(needed)}"
    hint = f"make room, choose another results folder, or raise checkpoint_interval (now {interval})"
    raise HostError(f"{what}; {_megabytes(free)} are free", where=folder, hint=hint)


def require_folder(folder: Path) -> None:
    """Raise HostError where the results ``folder`` has gone while a training wrote to it."""
    if not folder.is_dir():
        what = "the results folder is gone: it was deleted or moved away while this training ran"
        raise HostError(what, where=folder, hint="put it back, and the same command goes on from what is in it")


def require_compiler() -> None:
    """Raise HostError where torch would look for a C++ compiler in vain, to say so in the middle of the first step."""
    wanted = os.environ.get("CXX")
    if not any(shutil.which(name) for name in ([wanted] if wanted else ["g++", "clang++", "gcc"])):
        what = f"--compile needs {wanted or 'a C++ compiler (g++ or clang++)'}, which is not here"
        raise HostError(what, hint="install it, or train without --compile")


def _megabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


class Interruption:
    """Ctrl-C and SIGTERM wait until a step is whole, so that there is something to save; asked twice, they do not.

    ``torn``: a step was cut in two all the same, its weights are half old and half new.
    """

    def __init__(self) -> None:
        self.asked = self.torn = self._holding = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Around what must be done whole; KeyboardInterrupt comes at its end."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
        if self.asked:
            raise KeyboardInterrupt

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        if number == STOP and self.asked:  # all nodes were asked, this one too, and it may be saving by now
            return
        again, self.asked = self.asked, True  # Python drops what is raised in its callbacks: then the next step ends it
        if self._holding and not again:
            return
        self.torn = self._holding
        raise KeyboardInterrupt


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Handle SIGINT and SIGTERM by an Interruption, in the main thread; each unless it is ignored. STOP too, among
    several nodes.

    A shell lets what it starts in the background ignore SIGINT alone.
    """
    interruption = Interruption()
    main = threading.current_thread() is threading.main_thread()
    numbers = [each for each in (signal.SIGINT, signal.SIGTERM) if main and signal.getsignal(each) != signal.SIG_IGN]
    if main and signal.getsignal(STOP) != signal.SIG_DFL:
        numbers.append(STOP)
    before = {number: signal.signal(number, interruption) for number in numbers}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
