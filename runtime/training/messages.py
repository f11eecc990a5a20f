"""What a training says of itself on the console."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from runtime.data import frames
from runtime.data.frames import Split
from runtime.data.recipe import Recipe
from runtime.networks import Model
from runtime.nn import size
from runtime.shell import program
from runtime.training.loop import Epoch, Plan


def introduce(
    model: Model, recipe: Recipe, *, where: str, split: Split, held_out: Split | None, advice: Sequence[str]
) -> None:
    """Tell what is about to be trained, on what, where; ``advice`` is the network's."""
    count = size.parameters(model)
    learning = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    sides = model.input_size
    seen = f"{sides[1]}x{sides[0]}" if sides else "of any size"
    program.say(f"training    {frames.describe(split)}")
    program.say(f"validation  {frames.describe(held_out) if held_out else 'none: no score will be measured'}")
    program.say(f"classes     {len(recipe.classes)}: {', '.join(recipe.classes)}")
    program.say(f"network     {recipe.name}, {count:,} parameters ({learning:,} learn), input {seen}")
    program.say(f"device      {where}")
    both = [split] if held_out is None else [split, held_out]
    for note in [note for each in both for note in each.notes]:
        program.warn(note)
    if advice:
        program.warn("\n".join(advice))  # the last lines can be copied into the spec as they stand
    crops = split.units is not None
    if sides and not crops and (other := sum(frames.resized(each, sides[1], sides[0]) for each in both)):
        program.say(f"{other} images are not {seen} and are resized as they are read")


def iterations(plan: Plan) -> str:
    """``iterations  8: 2 epochs of 3 steps and one of 2 steps``"""
    whole, rest = divmod(plan.iterations or 0, plan.steps)
    parts = [f"{whole} epochs of {plan.steps:,} steps"] * bool(whole) + [f"one of {rest:,} steps"] * bool(rest)
    return f"iterations  {plan.iterations:,}: {' and '.join(parts)}"


def epoch(done: Epoch, *, epochs: int) -> str:
    """``epoch 3/80: loss 0.5312, lr 0.004, 93.1 images/s, 0:02:11, 1 % of it waiting for data``"""
    speed, took = done.images / max(done.seconds, 1e-9), timedelta(seconds=round(done.seconds))
    wait = 100 * done.data_wait / max(done.seconds, 1e-9)
    return (
        f"epoch {done.number}/{epochs}: loss {done.loss:.4f}, lr {done.rate:.3g}, {speed:.1f} images/s, {took}, "
        f"{wait:.0f} % of it waiting for data"
    )
