"""CVAT XML for images: one file for all images, with boxes, polygons, masks and ellipses in pixels.

    annotations.xml    images/<subset>/000001.jpg

    <image id="0" name="000001.jpg" subset="Train" width="468" height="624">
      <box label="vest" occluded="0" xtl="120" ytl="33.5" xbr="300.25" ybr="410" z_order="0"/>
    </image>

Subsets are splits. A turned box is its corners as a polygon and the box around them, an ellipse a polygon of 64
corners, a cuboid the box around its eight. Attributes, z_order and a group are kept among the extra fields. Points,
lines, skeletons and tags are no boxes: they are left out and counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from xml.etree.ElementTree import Element

from converters.files import contents, image_files, listing, xml_tree
from converters.formats.cvat import shapes as cvat_shapes
from converters.formats.cvat.index import Entry, Index, index
from converters.model import Dataset, Sample, rules
from converters.model import classes as class_map
from converters.model.findings import Findings
from converters.model.splits import SPLITS, Place, by_name, in_order, only_split, split_name
from converters.pictures import headers as images
from tltpipe import inputs
from tltpipe.errors import DataError, Location

ABOUT = "CVAT XML for images: annotations.xml, images/<subset>"
CARRIES = frozenset({"box", "polygons", "mask", "occlusion", "extra"})

_BEGINS = re.compile(rb"<annotations[\s>]")
_END = b"</image"
_NAMES = ("annotations.xml", "labels.xml")
_MOST = 16
_FOLDERS = ("images", "data")


@dataclass(frozen=True)
class Subset(Place):
    """A split: the images of these subsets, as the file spells them."""

    subsets: tuple[str, ...] = ()


def find(root: Path) -> dict[str, Place]:
    """The subsets of the file ``root``, or of the one in that folder; else one file in each of its folders."""
    if root.is_file():
        return _splits(root.parent, root)
    if not root.is_dir():
        return {}
    own = _files(root)
    if len(own) == 1:
        return _splits(class_map.home(root), own[0])
    if own:
        return by_name(part for path in own for part in _parts(class_map.home(root), path))
    files = ((folder.name, path) for folder in listing.folders(root) for path in _files(folder))
    return by_name((name, _place(root, path, _entries(path), None)) for name, path in files)


def _parts(root: Path, path: Path) -> Iterator[tuple[str, Place]]:
    """The splits of a file that is one of several: its subsets, else what it is called."""
    splits = _splits(root, path)
    if len(splits) > 1 or any(entry.subset for entry in _entries(path)):
        yield from splits.items()
        return
    words = (word for word in re.split(r"[_.-]+", path.stem) if split_name(word) in SPLITS)
    yield next(words, path.stem), next(iter(splits.values()))


def missing(root: Path) -> str | None:
    """Where a file of CVAT's lies that ``find`` does not look at."""
    own = next((path for path in contents.first(root, "xml") if _BEGINS.search(contents.head(path))), None)
    return f"{own.name} lies in {own.parent}: name the file itself" if own is not None else None


def _files(folder: Path) -> list[Path]:
    """CVAT's files in ``folder``; where many XML files lie, each is one image's in another format."""
    names = [folder / name for name in _NAMES]
    others = list(islice(folder.glob("*.xml"), _MOST + 1))
    names += sorted(others) if len(others) <= _MOST else []
    return [path for path in dict.fromkeys(names) if _BEGINS.search(contents.head(path))]


def _entries(path: Path) -> Sequence[Entry]:
    try:
        return index(path).entries
    except (DataError, OSError):
        return ()  # said when it is read


def _splits(root: Path, path: Path) -> dict[str, Place]:
    """One split for each subset, matched by its usual names; a file that names none is one."""
    if not _BEGINS.search(contents.head(path)):
        return {}
    entries = _entries(path)
    spelt: dict[str, list[str]] = {}
    for subset in dict.fromkeys(entry.subset for entry in entries):
        spelt.setdefault(_split_of(subset), []).append(subset)
    if len(spelt) <= 1:
        name = only_split(next(iter(spelt), path.parent.name))
        return {name: _place(root, path, entries, None)}
    return in_order({name: _place(root, path, entries, tuple(subsets)) for name, subsets in spelt.items()})


def _split_of(subset: str) -> str:
    name = split_name(subset)
    return name if name in SPLITS else re.sub(r"[^\w.-]+", "_", subset.strip()).strip(".") or "unassigned"


def _place(root: Path, path: Path, entries: Sequence[Entry], subsets: tuple[str, ...] | None) -> Place:
    images = _images(path, next((e for e in entries if subsets is None or e.subset in subsets), None))
    return Place(root, path, images) if subsets is None else Subset(root, path, images, subsets)


def _images(path: Path, first: Entry | None) -> Path:
    """The folder in which the ``first`` image is, going by the names in use."""
    tops = [path.parent / name for name in _FOLDERS] + [path.parent.parent / "images", path.parent]
    folders = [top for top in tops if top.is_dir()]
    if first is None:
        return folders[0]
    inner = [top / first.subset for top in folders if first.subset and listing.is_below(first.subset)]
    found = (each for each in (*inner, *folders) if listing.is_below(first.name) and (each / first.name).is_file())
    return next(found, folders[0])


def _names(entry: Entry) -> tuple[str, ...]:
    """Where exports put the image: under its name, in a folder of its subset or not."""
    return (entry.name, f"{entry.subset}/{entry.name}") if entry.subset else (entry.name,)


def read(place: Place, *, classes: tuple[str, ...] | None = None) -> Dataset:
    """The images of the split at ``place``, in the order of the file; the classes are in the order of its labels.

    One pass over the file finds each image. Raises DataError for a file that is no CVAT XML for images.
    """
    image_files.forget()
    found = index(place.annotations)
    subsets = place.subsets if isinstance(place, Subset) else None
    known = frozenset(classes) if classes is not None else None
    names = tuple(name for name in found.classes if name)
    return Dataset(classes if classes is not None else names, Images(place.annotations, place.images, subsets, known))


@dataclass(frozen=True)
class Images:
    """The images of one file that are in ``subsets``, all without."""

    path: Path
    images: Path
    subsets: tuple[str, ...] | None
    classes: frozenset[str] | None

    @property
    def inputs(self) -> tuple[Path, ...]:
        return (self.path,)

    def keys(self) -> list[Entry]:
        found: Index = index(self.path)
        entries = [entry for entry in found.entries if self.subsets is None or entry.subset in self.subsets]
        lines: dict[tuple[str, str], int] = {}
        for entry in entries:
            other = lines.setdefault((entry.name, entry.subset), entry.line)
            if other != entry.line and entry.name:
                what, where = f'"{entry.name[:80]}" is in line {other}, too', Location(self.path, entry.line)
                raise DataError(what, where=where, hint="rename one of the two images", code=rules.SAME_NAME.code)
        return entries

    def name(self, key: Entry) -> str:
        try:
            return self._image(Entry(*key)).rpartition(".")[0]
        except DataError:
            return Entry(*key).name or f"{self.path.name}:{key[2]}"

    def items(self, key: Entry) -> list[str]:
        return cvat_shapes.classes(self._node(Entry(*key)))

    def load(self, key: Entry, findings: Findings) -> Sample:
        entry = Entry(*key)
        node = self._node(entry)
        below, where = self._image(entry), Location(self.path, entry.line)
        image = Path(f"{self.images}/{below}")
        image_files.note(findings, below, *_names(entry))
        width, height = cvat_shapes.size(self.path, node) or images.look(image, findings)
        shape = partial(cvat_shapes.thing, self.path, size=(width, height))
        things = [found for inner in node if (found := shape(inner)) is not None]
        shapes = sum(cvat_shapes.is_shape(inner) for inner in node)
        if shapes > len(things):
            findings.add(rules.NO_BOX, where, count=shapes - len(things))
        class_map.require(things, self.classes, self.path)
        return Sample(
            below.rpartition(".")[0], str(image), width, height, tuple(things), annotations_path=str(self.path)
        )

    def _image(self, entry: Entry) -> str:
        where = Location(self.path, entry.line)
        if not entry.name:
            raise DataError("this <image> has no name", where=where)
        below = image_files.locate(self.images, *_names(entry), among=self.path, every=self._every)
        if below is None:
            what, hint = (
                f'there is no image "{entry.name[:80]}"',
                f"put it into {self.images}, or remove its annotations",
            )
            raise DataError(what, where=where, hint=hint, code=rules.NO_PICTURE.code)
        return below

    def _every(self) -> Iterator[str]:
        """What each image of the file is called, in this folder where it is there."""
        for entry in index(self.path).entries:
            yield image_files.literal(self.images, *_names(entry)) or entry.name

    def _node(self, entry: Entry) -> Element:
        with inputs.opened(self.path) as stream:
            stream.seek(entry.start)
            content = stream.read(entry.end - entry.start)
            if stream.read(len(_END)) == _END:
                content += _END + b">"
        return xml_tree.parse(content, self.path, line=entry.line, encoding="utf-8")
