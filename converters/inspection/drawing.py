"""Some frames of a report as pictures with their boxes, drawn like those of any data set."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from converters.files import listing
from converters.files.numerals import FAR
from converters.inspection import Report
from converters.inspection.facts import Facts, facts
from converters.inspection.tables import below, common
from converters.model import Box, Dataset, Object, Sample
from converters.model.findings import Findings
from converters.pictures.headers import decode, size
from converters.statistics.viewing import Viewed, view
from converters.tfrecords import records
from converters.tfrecords.examples import Bytes
from tltpipe import inputs
from tltpipe.errors import DataError
from tltpipe.progress import Progress

_LEVELS = 3  # folders above the records that pictures are looked for in
_MISSING = "--images ROOT is the folder that frame ids begin in (image_directory_path of the training spec)"


def draw(report: Report, out: Path, *, progress: Progress, images: Path | None = None) -> Viewed:
    """Draw the frames that ``report`` has chosen into ``out/<record file>/<frame id>.jpg``, with a contact sheet.

    ``images`` is the folder that frame ids begin in; without it, it is looked for near the records. Records of the
    DALI layout bring their pictures along. Frames that cannot be drawn are left out, with the reason. Raises DataError
    where there is none, UsageError for an ``out`` that holds other things.
    """
    if not report.chosen:
        nothing = DataError("no record here is a frame that could be drawn", where=common(_paths(report)))
        raise report.problem() or nothing
    top = common(_paths(report))
    with TemporaryDirectory(prefix="tltpipe-") as folder:
        datasets = {}
        for number, file in enumerate(report.files):
            offsets = tuple(place.offset for place in report.chosen if place.file == number)
            pictures = Frames(file.path, offsets, images, Path(folder) / "picture")
            if offsets:
                datasets[below(file.path, top)] = Dataset(tuple(sorted(report.objects.counts)), pictures)
        viewed = view(datasets, out, progress=progress, count=len(report.chosen), skip_bad=True)
    if not viewed.written:
        raise viewed.left_out[0]
    return viewed


@dataclass(frozen=True)
class Frames:
    """The records at ``offsets`` of one file; ``scratch`` is where a picture out of a record goes for the moment."""

    path: Path
    offsets: Sequence[int]
    images: Path | None
    scratch: Path

    @property
    def inputs(self) -> tuple[Path, ...]:
        return (self.path,)

    def keys(self) -> Sequence[int]:
        return self.offsets

    def name(self, key: int) -> str:
        return f"byte {key}"

    def load(self, key: int, findings: Findings) -> Sample:  # noqa: ARG002
        found = facts(records.read_record(self.path, key))
        width, height = found.size
        if not (listing.is_below(found.id) and 0 < width < FAR and 0 < height < FAR):
            what = (
                f'the record at byte {key} is of "{found.id[:80]}", {width} x {height} pixels: that cannot be a picture'
            )
            raise DataError(what, where=self.path)
        image = self._encoded(found, key) if found.layout == "dali" else self._picture(found)
        return Sample(
            found.id, str(image), width, height, tuple(self._objects(found, key)), annotations_path=str(self.path)
        )

    def _objects(self, found: Facts, key: int) -> Iterator[Object]:
        for number, (name, box) in enumerate(zip(found.classes, found.boxes, strict=True), start=1):
            if not all(math.isfinite(side) and abs(side) < FAR for side in box):
                what = f"object {number} of the record at byte {key} has numbers that cannot be pixels"
                raise DataError(what, where=self.path)
            yield Object(name, Box(*box))

    def _picture(self, found: Facts) -> Path:
        tops = (self.images,) if self.images is not None else _near(Path(os.path.abspath(self.path.parent)))
        guesses = (listing.picture(top, listing.inside(top, found.id)) for top in tops)
        path = next((path for path in guesses if path.is_file() and self._fits(path, found)), None)
        if path is None:
            where = self.images / found.id if self.images is not None else f"{found.id}.jpg"
            raise DataError("this picture is missing", where=where, hint=_MISSING)
        return path

    def _fits(self, path: Path, found: Facts) -> bool:
        """Whether the picture at ``path`` has the size that the record tells; a wrong guess has another."""
        width, height = size(path)
        if (width, height) == found.size:
            return True
        if self.images is None:
            return False
        what = f"this picture has {width} x {height} pixels, and its record says {found.size[0]} x {found.size[1]}"
        raise DataError(what, where=path, hint="convert again, or is --images another data set?")

    def _encoded(self, found: Facts, key: int) -> Path:
        feature = (found.features or {}).get("frame/encoded")
        assert isinstance(feature, Bytes)  # or the layout would be another
        self.scratch.write_bytes(feature.values[0])
        try:
            decode(self.scratch)
        except DataError:
            what = f"the picture in the record at byte {key} cannot be read"
            raise DataError(what, where=self.path) from None
        return self.scratch


@lru_cache(maxsize=8)
def _near(folder: Path) -> tuple[Path, ...]:
    """Folders that frame ids may begin in: ``folder``, those above it, and what lies in these; the nearest first."""
    found: list[Path] = []
    for above in (folder, *folder.parents)[:_LEVELS]:
        found.append(above)
        with suppress(OSError), os.scandir(above) as entries:
            found += sorted(Path(entry.path) for entry in entries if entry.name[0] != "." and inputs.is_folder(entry))
    return tuple(dict.fromkeys(found))


def _paths(report: Report) -> list[Path]:
    return [file.path for file in report.files]
