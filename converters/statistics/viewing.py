"""Drawn pictures of a data set in a folder, with a contact sheet: what ``tltpipe view`` writes."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from PIL import Image, ImageDraw

from converters.model import Dataset, Pictures, Sample, listed
from converters.model.findings import Findings
from converters.pictures.captions import captioned
from converters.pictures.drawing import one_line, outline_font
from converters.pictures.overlays import drawn
from converters.transfer import losing
from converters.transfer.passes import batches, classes_of
from converters.transfer.selection import ranked
from tltpipe.errors import DataError, UsageError
from tltpipe.files import atomic
from tltpipe.losses import Losses
from tltpipe.progress import Progress, track

SHEET = "contact-sheet.jpg"
TILES = 120
"""Pictures on the contact sheet."""
COLUMNS, TILE, GAP, LINE = 6, 240, 12, 22
PAPER, WRITING = (250, 250, 248), (60, 62, 68)
QUALITY = 88


@dataclass(frozen=True)
class Viewed:
    """``written``: the drawn pictures; ``sheet``: the contact sheet, None when there are none.

    ``left_out``: why pictures that were chosen could not be drawn. ``losses`` is the balance of those chosen.
    """

    written: tuple[Path, ...]
    sheet: Path | None
    left_out: tuple[DataError, ...] = ()
    losses: Losses = field(default_factory=Losses)

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        written, sheet = [str(path) for path in self.written], self.sheet and str(self.sheet)
        left_out = [str(problem) for problem in self.left_out]
        return {"written": written, "sheet": sheet, "left_out": left_out, "losses": self.losses.as_json()}

    def lines(self, out: Path) -> list[str]:
        """The same for people; ``out`` is the folder."""
        many = "picture" if len(self.written) == 1 else "pictures"
        told = f"{len(self.written)} {many} in {out}" + (f"; all on {self.sheet}" if self.sheet else "")
        return [*(f"left out: {problem}" for problem in self.left_out), told, *self.losses.lines()]


def view(
    datasets: Mapping[str, Dataset],
    out: Path,
    *,
    progress: Progress,
    count: int = 24,
    category: str | None = None,
    names: Sequence[str] = (),
    skip_bad: bool = False,
) -> Viewed:
    """Draw pictures of ``datasets`` into ``out/<split>``: those called ``names``, or else ``count`` of each split.

    The choice is the same on every machine; ``category`` chooses among pictures that show one. Raises UsageError for
    names and classes that are not there and for an ``out`` that holds other things, DataError for unreadable data,
    unless ``skip_bad`` leaves such pictures out.
    """
    vacant(out)
    known = list(dict.fromkeys(name for dataset in datasets.values() for name in dataset.categories))
    if category is not None and category not in known:
        raise UsageError(f'there is no class "{category}" here', hint=_near(category, known))
    chosen = _named(datasets, names) if names else _chosen(datasets, count, category)
    labels = {name: number for number, name in enumerate(known, start=1)}
    sheet = _Sheet()
    written: list[Path] = []
    left_out: list[DataError] = []
    losses = Losses()
    for split, pictures, key in track(progress, chosen, "draw", total=len(chosen), unit="pictures"):
        try:
            sample = pictures.load(key, Findings())
            picture = captioned(drawn(sample, labels), sample, datasets[split].attributes)
            path = _target(out / split, sample)
        except DataError as problem:
            if not skip_bad:
                raise
            left_out.append(problem)
            losses.leave_out(losing.left_out(problem.code), images=1, classes=listed(pictures, key))
            continue
        losses.count_read(images=1, classes=classes_of(sample))
        sheet.add(picture, f"{split}/{sample.id}")
        if not written:  # by its sheet the next run knows the folder, should this one come to no end
            save(sheet.image(), out / SHEET)
        save(picture, path)
        written.append(path)
        losses.count_written(images=1, classes=classes_of(sample))
    losses.require_balance()
    if not written:
        return Viewed((), None, tuple(left_out), losses)
    save(sheet.image(), out / SHEET)
    return Viewed(tuple(written), out / SHEET, tuple(left_out), losses)


def save(picture: Image.Image, path: Path) -> None:
    """Write ``picture`` as a JPEG that is whole or not there. Raises HostError."""
    with atomic(path, "wb") as stream:
        picture.save(stream, "JPEG", quality=QUALITY)


@dataclass
class Showing:
    """Gathers the names of pictures that show a class."""

    category: str
    names: list[str] = field(default_factory=list)

    def add(self, sample: Sample, findings: Findings) -> None:  # noqa: ARG002 - part of the protocol
        if any(thing.category == self.category for thing in sample.objects):
            self.names.append(sample.id)


Chosen = tuple[str, Pictures, Any]


def _chosen(datasets: Mapping[str, Dataset], count: int, category: str | None) -> list[Chosen]:
    found = []
    for split, dataset in datasets.items():
        pictures = dataset.pictures
        keys = pictures.keys()
        order = ranked([pictures.name(key) for key in keys])
        if category is not None:
            order = _showing(dataset, keys, order, count, category)
        found += [(split, pictures, keys[place]) for place in sorted(order[:count])]
    return found


def _showing(dataset: Dataset, keys: Sequence[Any], order: Sequence[int], count: int, category: str) -> list[int]:
    """The first ``count`` places of ``order`` whose pictures show ``category``."""
    if category not in dataset.categories:
        return []
    found: list[str] = []
    places = {dataset.pictures.name(keys[place]): place for place in order}
    gatherer: Callable[[], Showing] = partial(Showing, category)
    for batch in batches(dataset.pictures, [keys[place] for place in order], gatherer, skip_bad=True, whole=False):
        found += batch.gathered.names
        if len(found) >= count:
            break
    return [places[name] for name in found[:count]]


def _named(datasets: Mapping[str, Dataset], names: Sequence[str]) -> list[Chosen]:
    found: list[Chosen] = []
    for wanted in names:
        split, _, rest = wanted.partition("/")
        here = [
            (name, dataset.pictures, key)
            for name, dataset in datasets.items()
            for key, title in ((key, dataset.pictures.name(key)) for key in dataset.pictures.keys())  # noqa: SIM118
            if title in (wanted, wanted.rpartition(".")[0]) or (name == split and title == rest)
        ]
        if not here:
            titles = (d.pictures.name(key) for d in datasets.values() for key in d.pictures.keys())  # noqa: SIM118
            raise UsageError(f'there is no picture "{wanted}" here', hint=_near(wanted, list(_first(titles, 20_000))))
        found += here
    return found


def _first(titles: Iterator[str], count: int) -> Iterator[str]:
    return (title for title, _ in zip(titles, range(count), strict=False))


def _near(wanted: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(wanted, names, 3) or names[:3]
    return f"did you mean {' or '.join(close)}?" if close else "there are none"


def _target(folder: Path, sample: Sample) -> Path:
    parts = PurePosixPath(sample.id).parts
    if not parts or ".." in parts or sample.id.startswith("/"):
        raise DataError(f'a picture cannot be called "{sample.id}"', where=sample.where())
    return folder.joinpath(*parts[:-1], f"{parts[-1]}.jpg")


def vacant(out: Path) -> None:
    """Raises UsageError unless ``out`` is new, empty, or holds drawn pictures already."""
    if not out.exists() or (out.is_dir() and ((out / SHEET).is_file() or not any(out.iterdir()))):
        return
    what = "this folder holds other things" if out.is_dir() else "this is a file"
    raise UsageError(what, where=out, hint="choose a new folder for the drawn pictures")


@dataclass
class _Sheet:
    """Small copies of the pictures with their names, in rows."""

    tiles: list[tuple[Image.Image, str]] = field(default_factory=list)

    def add(self, picture: Image.Image, title: str) -> None:
        if len(self.tiles) < TILES:
            small = picture.copy()
            small.thumbnail((TILE, TILE), Image.Resampling.LANCZOS)
            self.tiles.append((small, title))

    def image(self) -> Image.Image:
        columns = min(COLUMNS, len(self.tiles))
        rows = -(-len(self.tiles) // columns)
        width, height = GAP + columns * (TILE + GAP), GAP + rows * (TILE + LINE + GAP)
        sheet = Image.new("RGB", (width, height), PAPER)
        pen, font = ImageDraw.Draw(sheet), outline_font(13)
        for number, (tile, title) in enumerate(self.tiles):
            left = GAP + number % columns * (TILE + GAP)
            top = GAP + number // columns * (TILE + LINE + GAP)
            sheet.paste(tile, (left + (TILE - tile.width) // 2, top + (TILE - tile.height) // 2))
            title = one_line(title)
            while font.getlength(title) > TILE and len(title) > 4:
                title = "…" + title[2:]
            pen.text((left + TILE / 2, top + TILE + LINE / 2), title, fill=WRITING, font=font, anchor="mm")
        return sheet
