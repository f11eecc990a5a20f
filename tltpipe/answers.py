"""What the server answers, as the server writes it and a client reads it: the schema of ``tltpipe serve``.

Pixels are those of the image as it is shown, turned upright where its EXIF says so. The API changes by additions only.
"""

from __future__ import annotations

import base64

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """Fields of a newer server are no fault of its answer."""

    model_config = ConfigDict(extra="ignore")


class Exif(Part):
    """``orientation`` is EXIF's, 1 to 8; ``turned`` says that the stored pixels lie otherwise than they are shown."""

    orientation: int = Field(ge=1, le=8)
    turned: bool


class ImageFacts(Part):
    """``width`` and ``height`` in pixels as shown. ``name`` is that of the uploaded file, or empty."""

    name: str
    width: int
    height: int
    exif: Exif


class ModelFacts(Part):
    """Which model answered: ``sha256`` of its file, of both files for a cascade."""

    name: str
    sha256: str


class RunLengths(Part):
    """COCO's compressed run lengths; ``size`` is height and width of the image."""

    size: tuple[int, int]
    counts: str


class ObjectPrediction(Part):
    """An object, as COCO's results have it."""

    category_id: int = Field(ge=1)
    category: str
    score: float = Field(ge=0, le=1)
    bbox: tuple[float, float, float, float] = Field(description="left, top, width, height; not clipped to the image")
    segmentation: RunLengths | None = None
    polygons: list[list[float]] | None = Field(
        default=None, description="rings of the mask for drawing, x and y in turn; holes are rings, too (even-odd rule)"
    )
    keypoints: list[float] | None = Field(default=None, description="x, y, confidence of each landmark in turn")
    skeleton: list[tuple[int, int]] | None = Field(default=None, description="lines between landmarks, counted from 1")
    part_of: int | None = Field(
        default=None, description="of a cascade: the place in `predictions`, from 0, of the object that this is inside"
    )


class NamedScore(Part):
    name: str
    score: float = Field(ge=0, le=1)


class AttributeScore(NamedScore):
    """``group`` is empty where the attributes have no groups."""

    group: str = ""


class Labels(Part):
    """Of a classifier, the likeliest first: the values of each of its tasks, the first of which is the category, and
    attributes."""

    tasks: dict[str, list[NamedScore]]
    attributes: list[AttributeScore] = []


class ClassMap(Part):
    """The class of each pixel: ``png`` is an index PNG in base64 of ``size`` (height, width), whose values are places
    in ``classes`` and ``palette`` (0 is the background)."""

    size: tuple[int, int]
    png: str
    palette: list[tuple[int, int, int]]
    classes: list[str]

    @property
    def pixels(self) -> bytes:
        """The index PNG itself."""
        return base64.b64decode(self.png)


class Timings(Part):
    """Milliseconds: waiting for the model, decoding, the model (its whole batch), and all behind it."""

    queue: float
    decode: float
    model: float
    post: float


class Answer(Part):
    """What a model says of one image. ``predictions`` are best first; a classifier has one there where it predicts a
    box."""

    image: ImageFacts
    task: str
    model: ModelFacts
    predictions: list[ObjectPrediction]
    labels: Labels | None = None
    map: ClassMap | None = None
    timings_ms: Timings


class Answers(Part):
    """Of several images, in their order."""

    images: list[Answer]


class FrameAnswer(Answer):
    """Of a stream: ``frame`` counts the images received on it from 1, those that a newer one replaced, too."""

    frame: int


class ServedModel(Part):
    """``input_size`` is height and width, null for images of any size; ``threshold`` what a page starts with;
    ``sha256`` of its file."""

    name: str
    network: str
    task: str
    classes: list[str]
    input_size: tuple[int, int] | None
    sha256: str
    threshold: float
    about: str


class Problem(Part):
    """RFC 9457, ``application/problem+json``: ``detail`` says what is wrong and where, ``hint`` what to do next."""

    title: str
    status: int
    detail: str
    hint: str | None = None


class ImageUrl(Part):
    """A request for the image behind ``url`` (http or https)."""

    url: str = Field(max_length=4096)
