"""What a training says of itself on the console."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from runtime.data import frames
from runtime.networks.ssd import anchor_fit
from runtime.nn import size
from runtime.shell import program

if TYPE_CHECKING:
    from runtime.data.frames import Split
    from runtime.training.loop import Epoch


def introduce(
    detector: Any, network: str, classes: Sequence[str], *, where: str, split: Split, held_out: Split | None
) -> None:
    """Tell what is about to be trained, on what, where."""
    height, width = detector.input_size
    count = size.parameters(detector)
    learning = sum(parameter.numel() for parameter in detector.parameters() if parameter.requires_grad)
    told = frames.describe(held_out) if held_out else "none: no average precision will be measured"
    program.say(f"training    {frames.describe(split)}")
    program.say(f"validation  {told}")
    program.say(f"classes     {len(classes)}: {', '.join(classes)}")
    program.say(f"network     {network}, {count:,} parameters ({learning:,} learn), input {width}x{height}")
    program.say(f"device      {where}")
    both = [split] if held_out is None else [split, held_out]
    for note in [note for each in both for note in each.notes]:
        program.warn(note)
    anchors = getattr(detector, "anchors", None)
    fit = [] if anchors is None else anchor_fit.report(split, anchors.cpu().numpy(), classes, detector.input_size)
    if fit:
        program.warn("\n".join(fit))  # the last lines can be copied into the spec as they stand
    other = sum(frames.resized(each, width, height) for each in both)
    if other:
        program.say(f"{other} images are not {width}x{height} and are resized as they are read")


def epoch(done: Epoch, *, epochs: int) -> str:
    """``epoch 3/80: loss 0.5312, lr 0.004, 93.1 images/s, 0:02:11, 1 % of it waiting for data``"""
    speed, took = done.images / max(done.seconds, 1e-9), timedelta(seconds=round(done.seconds))
    wait = 100 * done.data_wait / max(done.seconds, 1e-9)
    return (
        f"epoch {done.number}/{epochs}: loss {done.loss:.4f}, lr {done.rate:.3g}, {speed:.1f} images/s, {took}, "
        f"{wait:.0f} % of it waiting for data"
    )
