"""The most confident wrong answers side by side: each image with what it is and what the model says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from converters.pictures.drawing import Colour, Framed, Rectangle, frames
from runtime.tasks import Images
from runtime.tasks.classification.drawing import readable
from runtime.tasks.detection.evaluation import sheet
from runtime.tasks.detection.evaluation.sheet import FOUND, WRONG, Tile

if TYPE_CHECKING:
    from runtime.tasks.classification.measuring import WrongAnswer

KINDS: dict[str, Colour] = {"truth": FOUND, "answer": WRONG}


def draw(path: Path, wrong: Sequence[WrongAnswer], tasks: Sequence[str], images: Images, *, about: str) -> None:
    """A sheet of ``wrong`` answers, the most confident first."""
    tiles = [_tile(each, tasks, images) for each in wrong]
    sheet.write(path, tiles, title="The most confident wrong answers", about=about, kinds=KINDS)


def _tile(wrong: WrongAnswer, tasks: Sequence[str], images: Images) -> Tile:
    """The image with its boxes, where there are some, and below it what it is and the likeliest answers."""
    task = f"{tasks[wrong.task]}: " if len(tasks) > 1 else ""
    truth, answers = readable(wrong.truth), [f"{readable(each.name)} {each.probability:.2f}" for each in wrong.answers]
    then = f", then {', '.join(answers[1:])}" if answers[1:] else ""
    lines = [(f"{task}truth: {truth}", FOUND), (f"answer: {answers[0]}{then}", WRONG)]
    small = sheet.fitted(images.image(wrong.number))
    scale = small.width / wrong.size[0]
    pairs = ((wrong.true_box, FOUND, truth), (wrong.box, WRONG, answers[0]))
    framed = [Framed(scaled(box, scale), colour, text) for box, colour, text in pairs if box is not None]
    return Tile(frames(small, framed), images.name(wrong.number), lines)


def scaled(box: NDArray[Any], scale: float) -> Rectangle:
    left, top, right, bottom = (box * scale).tolist()
    return left, top, right, bottom
