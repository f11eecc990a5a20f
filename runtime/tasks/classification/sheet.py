"""The most confident answers side by side, wrong or right: each image with what it is and what the model says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from converters.pictures.drawing import Colour, Framed, Rectangle, frames
from runtime.tasks import Images
from runtime.tasks.classification.drawing import readable
from runtime.tasks.detection.evaluation import sheet
from runtime.tasks.detection.evaluation.sheet import FOUND, RIGHT, WRONG, Tile

if TYPE_CHECKING:
    from runtime.tasks.classification.measuring import Answer


def draw(
    path: Path, answers: Sequence[Answer], tasks: Sequence[str], images: Images, *, right: bool, about: str
) -> None:
    """A sheet of ``answers``, all of them ``right`` or none, the most confident first."""
    kinds: dict[str, Colour] = {"truth": FOUND, "answer": RIGHT if right else WRONG}
    tiles = [_tile(each, tasks, images, kinds["answer"]) for each in answers]
    title = f"The most confident {'right' if right else 'wrong'} answers"
    sheet.write(path, tiles, title=title, about=about, kinds=kinds)


def _tile(given: Answer, tasks: Sequence[str], images: Images, colour: Colour) -> Tile:
    """The image with its boxes, where there are some, and below it what it is and the likeliest answers."""
    task = f"{tasks[given.task]}: " if len(tasks) > 1 else ""
    truth, answers = readable(given.truth), [f"{readable(each.name)} {each.probability:.2f}" for each in given.answers]
    then = f", then {', '.join(answers[1:])}" if answers[1:] else ""
    lines = [(f"{task}truth: {truth}", FOUND), (f"answer: {answers[0]}{then}", colour)]
    small = sheet.fitted(images.image(given.number))
    scale = small.width / given.size[0]
    pairs = ((given.true_box, FOUND, truth), (given.box, colour, answers[0]))
    framed = [Framed(scaled(box, scale), shade, text) for box, shade, text in pairs if box is not None]
    return Tile(frames(small, framed), images.name(given.number), lines)


def scaled(box: NDArray[Any], scale: float) -> Rectangle:
    left, top, right, bottom = (box * scale).tolist()
    return left, top, right, bottom
