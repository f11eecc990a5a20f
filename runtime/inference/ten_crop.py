"""Ten views of an image: its middle and its corners, and the mirror image of each, about which a model says one thing
together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from runtime import tasks
from runtime.imaging.views.cut import Cut
from runtime.imaging.views.framing import Stretch
from runtime.inference.backends._seeing import BySpec
from tltpipe.errors import UsageError

if TYPE_CHECKING:
    from runtime.imaging.pixels import PixelBatch
    from runtime.imaging.transforms import Size
    from runtime.inference.backends import LoadImage, Model
    from runtime.tasks import AveragesViews, Prediction, Presents

SHARE = 256 / 224
"""Sides of the image of which views are cut out, in those of a view, where the model does not say it."""


class TenCrop:
    """A ``runtime.inference.backends.Model`` that shows ``model`` ten views of each image, for tasks that can say what
    they mean together.

    Raises UsageError for any other task, and for a model that takes images of any size.
    """

    def __init__(self, model: Model, task: Presents) -> None:
        self.model, self.task = model, averaging(task)
        if model.input_size is None:
            raise UsageError("ten crops need a model whose images all have one size", hint="leave --ten_crop out")
        self.height, self.width = model.input_size
        across, down = stretched(model)
        self.input_size: tuple[int, int] | None = (down, across)
        self.load_image: LoadImage = BySpec(Stretch(width=across, height=down))
        self.name, self.classes, self.names, self.recipe = model.name, model.classes, model.names, model.recipe
        self.about = f"{model.about}, ten crops of {across}x{down} pixels"

    def __call__(self, pixels: PixelBatch) -> Sequence[Prediction]:
        images = np.asarray(pixels)
        views = zip(*(self.model(view) for view in self._views(images)), strict=True)
        middle = self._corners()[0]
        return [self.task.averaged(each, middle, self.classes) for each in views]

    def _corners(self) -> list[Size]:
        """Left and top of each crop, the middle first."""
        assert self.input_size is not None
        right, lower = self.input_size[1] - self.width, self.input_size[0] - self.height
        return [(right // 2, lower // 2), (0, 0), (right, 0), (0, lower), (right, lower)]

    def _views(self, images: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
        for left, top in self._corners():
            view = images[:, top : top + self.height, left : left + self.width]
            yield view
            yield view[:, :, ::-1]


def by_recipe(model: Model, task: Presents) -> Model:
    """``model``, with ten crops where the spec of its training has them."""
    return TenCrop(model, task) if model.recipe is not None and model.recipe.inference.ten_crop else model


def averaging(task: Presents) -> AveragesViews:
    """Raises UsageError for a ``task`` that cannot say what several views mean together."""
    if isinstance(task, tasks.AveragesViews):
        return task
    raise UsageError("ten crops are for models that classify an image as a whole", hint="leave --ten_crop out")


def stretched(model: Model) -> Size:
    """Width and height of the image that the views of ``model`` are cut out of: as it was trained."""
    assert model.input_size is not None
    if (
        isinstance(model.load_image, BySpec)
        and isinstance(view := model.load_image.view, Cut)
        and view.stretched != view.size
    ):
        return view.stretched
    return round(model.input_size[1] * SHARE), round(model.input_size[0] * SHARE)
