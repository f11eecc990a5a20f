"""Label maps as files: an index PNG for each image, with a palette."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from converters.pictures.index_maps import image_of
from runtime.tasks import Prediction, Results, ResultsOptions
from tltpipe.errors import UsageError
from tltpipe.files import atomic

MARK = "Software"
"""The text of a PNG by which our results are known: maps that are annotations look just the same."""
OURS = "tlt-infer"


class MapWriter:
    """A PNG as large as the image, its values those of the map: 0 the background, 1 to N the classes."""

    suffix = ".png"

    def require_no_annotations(self, path: Path) -> None:
        try:
            with Image.open(path) as image:
                ours = image.info.get(MARK) == OURS
        except (OSError, UnidentifiedImageError):
            ours = False
        if not ours:
            what = "this is no result of an inference, which a label map would replace"
            raise UsageError(what, where=path, hint="choose another folder for them (-l, -r)")

    @contextmanager
    def open(self, path: Path, options: ResultsOptions) -> Iterator[Results]:  # noqa: ARG002
        yield MapFiles(path)


@dataclass(frozen=True)
class MapFiles:
    folder: Path
    about: Sequence[str] = ()

    def add(self, image: Path, name: str, prediction: Prediction) -> None:  # noqa: ARG002
        text = PngInfo()
        text.add_text(MARK, OURS)
        with atomic(self.folder / name, "wb") as stream:
            image_of(prediction["map"]).save(stream, format="PNG", pnginfo=text)
