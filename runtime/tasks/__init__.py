"""One module or package per task: what a target and a prediction are, how they are measured, drawn and written.

The folder is the list: ``registry.load("runtime.tasks", "detection")`` gives a module that fulfils ``Task``. The loop,
the log, evaluation and inference know a task by this protocol only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast, runtime_checkable

from tltpipe import registry
from tltpipe.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from runtime.data.fields import Fields
    from runtime.data.recipe import Recipe
    from runtime.data.split import Split
    from runtime.imaging.decoding import Stored
    from runtime.imaging.placement import Placement

Target: TypeAlias = "Mapping[str, NDArray[Any]]"
"""What is on an image, as named arrays by torchvision's convention: "boxes" float32 [n, 4] left, top, right, bottom in
pixels, "labels" int64 [n] from 1, "masks" uint8 [n, H, W], "keypoints" float32 [n, K, 3]. Fields of objects share their
first axis; what is said of the whole image has none: "label" int64 [], its class from 1, "map" uint8 [H, W], the class
of each pixel from 1, 0 for the background."""
Prediction: TypeAlias = "Mapping[str, NDArray[Any]]"
"""What a model says of an image, by the same convention; "scores" float32 [n], 0 to 1, best first. A prediction that
has "scores" is one of objects, and all of its fields share their first axis."""


@dataclass(frozen=True)
class ImageInfo:
    """An image of a batch: ``size`` is width and height as it is stored, ``input_size`` height and width of what the
    model saw of it, ``placement`` how it came to lie there; None: it was stretched. Targets and predictions are in
    pixels of the input. ``number`` is the place of the image in its split, -1 outside of one: several samples may be of
    one image."""

    name: str
    size: tuple[int, int]
    input_size: tuple[int, int]
    placement: Placement | None = None
    number: int = -1

    @property
    def to_stored(self) -> tuple[float, float, float, float]:
        """From pixels of the input to those of the stored image: factors across and down, then offsets."""
        (height, width), placement = self.input_size, self.placement
        if placement is None or placement.stretches:
            return self.size[0] / width, self.size[1] / height, 0.0, 0.0
        back = placement.back().matrix
        return float(back[0, 0]), float(back[1, 1]), float(back[0, 2]), float(back[1, 2])


@dataclass(frozen=True)
class Example:
    """An image as the model sees it, ``pixels`` uint8 [H, W, 3] RGB, with what is on it and what was predicted."""

    pixels: NDArray[np.uint8]
    target: Target
    prediction: Prediction | None = None


@dataclass(frozen=True)
class Scores:
    """All that the log, status.json, the console and the choice of the best epoch know of a measurement.

    ``figures`` by name, the primary one 0 to 1, an error in whatever unit it has; those with a group before a slash,
    "coco/AP", are for TensorBoard and evaluation.json, the others are columns of the training log, too. ``per_class``:
    column -> class -> value, 0 to 1. ``lines`` are what the console shows. ``curves``: for each class precision and
    recall, float [101] each, by falling recall.
    """

    primary: str
    """The figure that picks the best epoch, and is shown as a bar; higher is better."""
    figures: Mapping[str, float]
    per_class: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    """Figures in the words of status.json: {"mAP": "mean average precision"}."""
    lines: Sequence[str] = ()
    curves: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    examples: Sequence[Example] = ()
    """A few images with targets and predictions, to be drawn."""
    loss: float | None = None
    """The mean validation loss over all images, without regularisation; None where it was not measured."""

    @property
    def value(self) -> float:
        """The primary figure."""
        return self.figures[self.primary]

    @property
    def plain(self) -> dict[str, float]:
        """Figures without a group."""
        return {name: value for name, value in self.figures.items() if "/" not in name}

    @property
    def columns(self) -> dict[str, float]:
        """What the training log has columns for: plain figures, and each class's value as ``AP_skirt``."""
        per_class = {f"{column}_{name}": of[name] for column, of in self.per_class.items() for name in of}
        return {**per_class, **self.plain}


class Images(Protocol):
    """The images of a split, as reports name and draw them (``runtime.data.split.Split``)."""

    def __len__(self) -> int: ...

    def name(self, index: int) -> str: ...

    def image(self, index: int) -> Stored: ...


@dataclass(frozen=True)
class ReportOptions:
    """What an evaluation is asked for. ``model`` is a file's name; ``threshold`` the lowest score that counts in
    tables, None for the best; ``class_maps`` are COCO files whose order and ids of classes are used; ``boxes`` is the
    name of the file that the boxes of samples come from, None where they are those of the annotations."""

    model: str
    threshold: float | None = None
    class_maps: tuple[Path, ...] = ()
    boxes: str | None = None


class Report(Protocol):
    """An evaluation as people and programs read it."""

    @property
    def scores(self) -> Scores: ...

    def lines(self) -> Iterable[str]:
        """What the console shows."""
        ...

    def values(self) -> Mapping[str, Any]:
        """What evaluation.json holds beside the scores, as JSON types. A table is "classes", a row (column -> value) a
        class, with "all" and "mean", rows below it, or "attributes": each is kept as a CSV of its name, too."""
        ...

    def draw(self, folder: Path) -> list[Path]:
        """Write charts and images below ``folder``; returns them."""
        ...

    def write_coco(self, folder: Path) -> tuple[list[Path], str]:
        """Write targets and predictions as COCO files that belong to each other; returns them, and whose ids they
        have. Raises UsageError for a task that COCO has no format for."""
        ...


class Metrics(Protocol):
    """Collects predictions beside targets; memory is compact, a few arrays an image."""

    def update(self, predictions: Sequence[Prediction], targets: Sequence[Target], images: Sequence[ImageInfo]) -> None:
        """Add a batch. All are in pixels of the model's input."""
        ...

    def scores(self) -> Scores:
        """Of all images so far. The names of figures, columns and classes are the same without any."""
        ...

    def report(self, images: Images, options: ReportOptions) -> Report:
        """``images`` are those added, in that order."""
        ...


@runtime_checkable
class JudgesSplit(Protocol):
    """Metrics that need to know what is on all images before the first prediction; what is true then does not come by
    ``targets``, which have what the samples are made of."""

    def judge(self, split: Split) -> None:
        """``split`` has what is true of all images; the place of an image in it is ``ImageInfo.number``."""
        ...


@runtime_checkable
class TakesResults(JudgesSplit, Protocol):
    """Metrics that also measure predictions that files hold, whoever made them, once they know what is true."""

    def take(self, files: Sequence[Path]) -> Sequence[str]:
        """Add the predictions in ``files``, in COCO's results format; returns what is to be said about them. Raises
        DataError for a row that cannot be one of these data."""
        ...


@dataclass(frozen=True)
class ResultsOptions:
    """Results of ``classes`` for ``images``, in the order they come; ``coco_ids`` and ``class_maps`` are COCO files
    whose ids are used."""

    classes: Sequence[str]
    images: Sequence[Path]
    coco_ids: Path | None = None
    class_maps: tuple[Path, ...] = ()


class Results(Protocol):
    """Results that are being written."""

    @property
    def about(self) -> Sequence[str]:
        """What there is to say about them, such as whose ids they have."""
        ...

    def add(self, image: Path, name: str, prediction: Prediction) -> None:
        """The ``prediction`` for ``image`` in pixels of the stored image. ``name`` is that of its file below the
        folder or, where there is one file for all images, of the image itself."""
        ...


class ResultsWriter(Protocol):
    """A format of results."""

    suffix: str
    """Of the file of each image, which are added in any order and by several threads; in a ".txt" each line begins with
    a class. "" where one file has the results of all images, which are then added in their order."""

    def require_no_annotations(self, path: Path) -> None:
        """Raise UsageError where ``path`` is a file of annotations that results would replace."""
        ...

    def open(self, path: Path, options: ResultsOptions) -> AbstractContextManager[Results]:
        """Begin results in the folder or file ``path``; a file appears when the block ends well. Raises DataError."""
        ...


@runtime_checkable
class Tabulates(Protocol):
    """A writer of a file an image that has one table of all images beside them, too."""

    def table(self, path: Path, options: ResultsOptions) -> AbstractContextManager[Results]:
        """Begin it in the folder ``path``; images are added in their order, each by the name of its own file. It
        appears when the block ends well."""
        ...


class Presents(Protocol):
    """How predictions are brought back to the stored image, drawn and written."""

    @property
    def FIELDS(self) -> Fields:  # noqa: N802 - it is a constant of modules
        """How each field of a target is read from annotations, stored, placed on the input and batched."""
        ...

    def restore(self, prediction: Prediction, image: ImageInfo) -> Prediction:
        """``prediction`` in pixels of the stored image, in place of those of the model's input."""
        ...

    def draw(
        self, image: Image.Image, items: Target | Prediction, classes: Sequence[str], *, target: Target | None = None
    ) -> Image.Image:
        """A copy of ``image`` (RGB) with ``items`` drawn on it, in its pixels, surer ones on top, each in the colour of
        its class. With ``target`` both are drawn, each in one colour of its own."""
        ...

    def writers(self) -> Mapping[str, ResultsWriter]:
        """The formats of results by name: "labels" (a file an image), "coco" (one file), where COCO has a format for
        them. A network whose task has others than these two, or other suffixes, says so in RESULTS of its ``specs``."""
        ...


class Task(Presents, Protocol):
    """The module-level names of a module in ``runtime/tasks``. Nothing heavy is imported before it is called."""

    def metrics(self, classes: Sequence[str], recipe: Recipe) -> Metrics:
        """``classes`` are the names of label 1 to N."""
        ...


@runtime_checkable
class GivenObjects(Protocol):
    """A task whose models are shown one object at a time, of which box and class are given."""

    def complete(self, prediction: Prediction, given: Target, classes: Sequence[str]) -> Prediction:
        """What a model says of a sample, with what the sample says: its "boxes" and "labels", and "scores" where it
        comes from a detector. All are in pixels of the input."""
        ...


@runtime_checkable
class NamesPlaces(Protocol):
    """A task whose predictions have fields with places that mean something, beside the classes."""

    def presented(self, names: Mapping[str, tuple[str, ...]], threshold: float) -> Presents:
        """The task for a model with these ``names`` (``Recipe.names``). What is less probable than ``threshold`` is not
        drawn, where a prediction is not one of objects."""
        ...


@runtime_checkable
class CutsOut(Protocol):
    """A task that can cut the classes out of an image."""

    def cutouts(self, image: Image.Image, prediction: Prediction, classes: Sequence[str]) -> Mapping[str, Image.Image]:
        """Of each class that occurs the ``image`` (RGB, as stored) with nothing but its pixels, by a name that a file
        may have: its label, "_" and its name."""
        ...


@runtime_checkable
class AveragesViews(Protocol):
    """A task that knows what predictions for several views of an image mean together."""

    def averaged(self, views: Sequence[Prediction], corner: tuple[int, int], classes: Sequence[str]) -> Prediction:
        """In pixels of the image; ``corner`` (left, top) is where the first of ``views`` lies on it."""
        ...


def load(name: str) -> Task:
    """The task ``name``."""
    return cast("Task", registry.load("runtime.tasks", name))


def fields(task: Presents, recipe: Recipe) -> Fields:
    """What targets have in a training by ``recipe``."""
    return task.FIELDS if recipe.fields is None else recipe.fields


def given_objects(task: Presents) -> GivenObjects | None:
    """``task`` where its models are shown one object at a time, else None."""
    return task if isinstance(task, GivenObjects) else None


def presented(task: Presents, names: Mapping[str, tuple[str, ...]], threshold: float = 0.0) -> Presents:
    """How predictions of a model with these ``names`` (``Recipe.names``) are shown and written."""
    return task.presented(names, threshold) if isinstance(task, NamesPlaces) else task


def cuts_out(task: Presents) -> CutsOut:
    """``task``, where it can cut classes out of images. Raises UsageError for another."""
    if not isinstance(task, CutsOut):
        hint = "leave --cutouts out, or use a network that classifies pixels"
        raise UsageError("this network has no classes of pixels that could be cut out", hint=hint)
    return task


def completed(
    task: Presents, predictions: Sequence[Prediction], targets: Sequence[Target], classes: Sequence[str]
) -> Sequence[Prediction]:
    """``predictions`` of a model, each with what its sample says, where ``task`` has given objects."""
    given = given_objects(task)
    if given is None:
        return predictions
    return [given.complete(each, target, classes) for each, target in zip(predictions, targets, strict=True)]


def confident(prediction: Prediction, threshold: float) -> Prediction:
    """Those objects that score ``threshold`` or more; what is said of the image as a whole stays."""
    import numpy as np

    if "scores" not in prediction:
        return prediction
    chosen = np.asarray(prediction["scores"], np.float64) >= threshold
    return {name: values[chosen] for name, values in prediction.items()}


def of_objects(task: Presents) -> bool:
    """Whether predictions of ``task`` are of objects on an image, not of the image as a whole."""
    return any(field.per == "object" for field in task.FIELDS.values())


def class_names(prediction: Prediction, classes: Sequence[str]) -> list[str]:
    """The class of each object ("labels" [n]) or of the image ("label"), or the classes that occur on its "map"; empty
    where a prediction has none of them."""
    import numpy as np
    from PIL import Image

    if "map" in prediction:
        counts = Image.fromarray(prediction["map"]).histogram()
        return [name for name, count in zip(classes, counts[1:], strict=False) if count]
    labels = prediction.get("labels", prediction.get("label", np.zeros(0, np.int64)))
    return [classes[label - 1] for label in np.atleast_1d(labels).tolist()]
