"""Penn-Fudan pedestrians: one text file for each image, and a mask whose pixel values number the objects.

    PennFudanPed/PNGImages/FudanPed00001.png
    PennFudanPed/PedMasks/FudanPed00001_mask.png
    PennFudanPed/Annotation/FudanPed00001.txt

    Objects with ground truth : 1 { "PASpersonWalking" }
    Bounding box for object 1 "PASpersonWalking" (Xmin, Ymin) - (Xmax, Ymax) : (160, 182) - (302, 431)

Corners count from 1 and are inclusive: left = Xmin - 1, right = Xmax. Pixels of value k are object k of the text file,
those of value 0 nothing. Boxes are those of the text file; of the 423 published ones 16 differ from the extent of
their mask, by up to six pixels. The data set defines no splits: it is read as "train".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import structs

from converters.files import listing
from converters.files.label_folders import LabelFolder, read_stem
from converters.model import Box, Dataset, Mask, Object, Sample, rules
from converters.model import classes as class_map
from converters.model.findings import Findings
from converters.model.splits import Place, by_name, only_split
from converters.pictures import headers, index_maps
from tltpipe.errors import DataError, Location

if TYPE_CHECKING:
    from numpy.typing import NDArray

ABOUT = "Penn-Fudan pedestrians: PNGImages/*.png, PedMasks/*_mask.png, Annotation/*.txt"
CARRIES = frozenset({"box", "mask"})
IMAGES_INSIDE = True

CLASSES = ("PASpersonWalking", "PASpersonStanding")

_LINES = {
    'Image filename : "x.png"': re.compile(r'Image filename : "([^"]+)"'),
    "Image size (X x Y x C) : 559 x 536 x 3": re.compile(
        r"Image size \(X x Y x C\) : ([0-9]{1,6}) x ([0-9]{1,6}) x [0-9]{1,6}"
    ),
    'Objects with ground truth : 1 { "PASpersonWalking" }': re.compile(
        r'Objects with ground truth : ([0-9]{1,6}) \{ *((?:"[^"]*" *)*)\}'
    ),
    'Bounding box for object 1 "PASpersonWalking" (Xmin, Ymin) - (Xmax, Ymax) : (160, 182) - (302, 431)': re.compile(
        r'Bounding box for object ([0-9]{1,6}) "([^"]*)" \(Xmin, Ymin\) - \(Xmax, Ymax\) :'
        r" \(([0-9]{1,6}), ([0-9]{1,6})\) - \(([0-9]{1,6}), ([0-9]{1,6})\)"
    ),
}
"""The lines that matter, each by an example, of which the first two words tell the line."""

_FAR, _SHARE = 16, 0.1  # a mask may reach out of its box by so many pixels, or this share of its longer side


def find(root: Path) -> dict[str, Place]:
    """``root`` itself, or the folders in it that are laid out like the data set."""
    if not root.is_dir():
        return {}
    if (own := _place(class_map.home(root), root)) is not None:
        return {only_split(root.name): own}
    places = [(path, place) for path in listing.folders(root) if (place := _place(root, path)) is not None]
    return by_name((only_split(path.name) if len(places) == 1 else path.name, place) for path, place in places)


def _place(root: Path, folder: Path) -> Place | None:
    labels, images = folder / "Annotation", folder / "PNGImages"
    return Place(root, labels, images) if labels.is_dir() and images.is_dir() else None


def read(place: Place, *, classes: tuple[str, ...] | None = None) -> Dataset:
    """The split at ``place``, in the order of the names; the classes are the two of the data set."""
    classes = classes if classes is not None else CLASSES
    return Dataset(classes, Folder(place.annotations, place.images, frozenset(classes)))


class Folder(LabelFolder):
    """Text files, images and masks."""

    @property
    def masks(self) -> Path:
        return self.labels.parent / "PedMasks"

    @property
    def inputs(self) -> tuple[Path, ...]:
        return (self.labels, self.images, self.masks)

    def load(self, key: tuple[str, ...], findings: Findings) -> Sample:
        stem = key[0]
        image, text, content = self.pair(key, findings)
        page = _parsed(content, Path(text))
        class_map.require(page.objects, self.classes, page.path)
        if page.image not in ("", stem):
            findings.add(rules.OTHER_FILE_NAME, f"{page.image} -> {Path(image).name}")
        size = page.size or headers.look(image, findings)
        path = self.masks / f"{stem}_mask.png"
        masks = _masks(index_maps.values(path, size, numbers="objects"), path, page)
        objects = tuple(structs.replace(thing, mask=mask) for thing, mask in zip(page.objects, masks, strict=True))
        for number, thing in enumerate(objects, start=1):
            _compare(thing, f"{stem} object {number}", page, findings)
        return Sample(stem, image, *size, objects, annotations_path=str(page.path))

    def items(self, key: tuple[str, ...]) -> list[str]:
        path, content = read_stem(self.labels, key[0])
        return [thing.category for thing in _parsed(content, Path(path)).objects]


@dataclass(frozen=True)
class _Page:
    """What a text file says: the name of the image without extension, its width and height, the objects in order."""

    path: Path
    image: str
    size: tuple[int, int] | None
    objects: tuple[Object, ...]


def _parsed(content: bytes, path: Path) -> _Page:
    """The text file ``path``. Raises DataError with the line that is damaged or contradicts another."""
    image, size, names, boxes = "", None, None, dict[int, Object]()
    for line, text in enumerate(content.decode(errors="replace").splitlines(), start=1):
        match _fields(text.strip(), Location(path, line)):
            case ["Image filename", name]:
                image = re.split(r"[/\\]", name)[-1].rpartition(".")[0]
            case ["Image size", width, height]:
                size = int(width), int(height)
            case ["Objects with", count, quoted]:
                names = line, int(count), re.findall('"([^"]*)"', quoted)
            case ["Bounding box", number, category, *corners]:
                if (other := boxes.get(int(number))) is not None:
                    what = f"object {number} has a bounding box in line {other.origin}, too"
                    raise DataError(what, where=Location(path, line))
                left, top, right, bottom = map(int, corners)
                boxes[int(number)] = Object(category, Box(left - 1, top - 1, right, bottom), origin=line)
    if names is None:
        raise DataError('the line "Objects with ground truth : ..." is missing', where=path)
    return _Page(path, image, size, tuple(_in_order(boxes, path, *names)))


def _fields(text: str, where: Location) -> Sequence[str]:
    """The first two words of a line and what it says; empty for one that does not matter."""
    for example, pattern in _LINES.items():
        begins = " ".join(example.split()[:2])
        if text.startswith(begins):
            if (found := pattern.fullmatch(text)) is None:
                raise DataError(f"cannot read this line: {text[:120]!a}", where=where, hint=f"expected: {example}")
            return begins, *found.groups()
    return ()


def _in_order(boxes: Mapping[int, Object], path: Path, line: int, count: int, names: Sequence[str]) -> Iterator[Object]:
    """The objects 1, 2, ... of ``boxes``, held against the ``count`` and the ``names`` that ``line`` lists."""
    where = Location(path, line)
    if len(names) != count:
        raise DataError(f"this line lists {len(names)} names for {count} objects", where=where)
    for number, name in enumerate(names, start=1):
        if number not in boxes:
            raise DataError(f"object {number} has no bounding box", where=where)
        if boxes[number].category != name:
            what = f'object {number} is "{boxes[number].category[:80]}", but "{name[:80]}" in line {line}'
            raise DataError(what, where=_where(path, boxes[number]))
        yield boxes[number]
    if more := sorted(boxes.keys() - range(1, count + 1)):
        what = f"object {more[0]} is not among the {count} objects of line {line}"
        raise DataError(what, where=_where(path, boxes[more[0]]))


def _where(path: Path, thing: Object) -> Location:
    return Location(path, thing.origin if isinstance(thing.origin, int) else None)


def _masks(pixels: NDArray[Any], path: Path, page: _Page) -> Iterator[Mask]:
    """The mask of each object of ``page``. Raises DataError where ``pixels`` number other objects."""
    import numpy as np

    from converters.model import run_lengths

    values, count = set(np.unique(pixels).tolist()) - {0}, len(page.objects)
    if more := sorted(values.difference(range(1, count + 1))):
        what = f"{page.path.name} has {count} objects, but there are pixels of value {more[0]}"
        raise DataError(what, where=path)
    for number, thing in enumerate(page.objects, start=1):
        if number not in values:
            raise DataError(f"object {number} has no pixels in {path.name}", where=_where(page.path, thing))
        yield run_lengths.encode(pixels == number)


def _compare(thing: Object, title: str, page: _Page, findings: Findings) -> None:
    """Hold the box of ``thing`` against its mask: an error where they do not meet, a finding where they differ much."""
    from converters.model import run_lengths

    box, mask = thing.box, run_lengths.box(thing.mask) if thing.mask is not None else None
    if mask is None:
        return
    if min(box.right, mask.right) <= max(box.left, mask.left) or min(box.bottom, mask.bottom) <= max(box.top, mask.top):
        corners = f"{mask.left + 1:g}, {mask.top + 1:g}) - ({mask.right:g}, {mask.bottom:g}"
        raise DataError(f"the mask of {title} lies outside its box, at ({corners})", where=_where(page.path, thing))
    reach = max(box.left - mask.left, box.top - mask.top, mask.right - box.right, mask.bottom - box.bottom)
    if reach > max(_FAR, _SHARE * max(box.width, box.height)):
        findings.add(rules.OUTSIDE_BOX, f"{title} ({reach:g} pixels)")
