"""Pascal VOC: one XML file per picture, Annotations/x.xml beside JPEGImages/x.jpg; lists of names in ImageSets/Main.

``xmin`` to ``ymax`` are numbers of pixels, counted from 1 and inclusive, as the devkit defines them and detectron2 and
supervision read them: left = xmin - 1, right = xmax. Tools that take them as they stand (CVAT, and datumaro unless told
``coordinate_mode="voc-one-based"``) see boxes one pixel shorter at the left and at the top. Three decimals are written.
Of truncation and occlusion VOC knows yes and no; difficult and pose are kept among the extra fields. Polygons are read
as Roboflow has them, and not written.

The picture of x.xml is called x; where there is none of that name, <filename> says which.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from types import TracebackType

from converters import images, listing, rules, voc_xml
from converters.findings import Findings
from converters.formats import FilesOfTheirOwn, MakeWriter, Place, in_order, split_name
from converters.model import Dataset, Sample
from tltpipe.errors import DataError, Location

ABOUT = "Pascal VOC: <split>/Annotations/*.xml, JPEGImages, ImageSets/Main"
CARRIES = frozenset({"box"})

_XML = frozenset(("xml",))
_LISTED = ("train", "val", "test", "validation")
_SPLITS = ("train", "validation", "test")
_FOLDERS = ("JPEGImages", "images", "image")


def find(root: Path) -> dict[str, Place]:
    """The splits in ``ImageSets/Main`` of ``root``; else ``root`` itself, or one in each of its folders."""
    if not root.is_dir():
        return {}
    own = _place(root, root)
    if own is not None:
        lists = [root / "ImageSets" / "Main" / f"{name}.txt" for name in _LISTED]
        named = {split_name(path.stem): Place(root, path, own.images) for path in lists if path.is_file()}
        name = split_name(root.name)
        return in_order(named or {name if name in _SPLITS else "train": own})
    folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    found = {split_name(path.name): place for path in folders if (place := _place(root, path)) is not None}
    if len(found) == 1 and not found.keys() & set(_SPLITS):  # VOCdevkit/VOC2012
        found = {name: replace(place, root=root) for name, place in find(root / next(iter(found))).items()}
    return in_order(found)


def _place(root: Path, folder: Path) -> Place | None:
    """``folder`` with Annotations in it, or with XML files beside its pictures."""
    labels = folder / "Annotations"
    if labels.is_dir():
        pictures = next((folder / name for name in _FOLDERS if (folder / name).is_dir()), None)
        return Place(root, labels, pictures or folder) if _looks_right(labels) else None
    return Place(root, folder, folder) if _looks_right(folder, deep=False) else None


def _looks_right(folder: Path, *, deep: bool = True) -> bool:
    names = listing.files(folder, _XML) if deep else (path.name for path in folder.glob("*.xml"))
    for name in islice(names, 8):
        with (folder / name).open("rb") as stream:
            if _BEGINS.search(stream.read(4096)):
                return True
    return False


_BEGINS = re.compile(rb"<annotation[\s>]")  # CVAT's own is called <annotations>


def layout(root: Path, split: str) -> Place:
    return Place(root, root / split / "Annotations", root / split / "JPEGImages")


def read(place: Place, *, classes: tuple[str, ...] | None = None) -> Dataset:
    """The split at ``place``; without ``classes`` the categories are the sorted names, which takes a look at each file.

    A picture without a file is not labelled. Raises DataError for a list that names what is not there.
    """
    listed = place.annotations if place.annotations.suffix == ".txt" else None
    labels = place.annotations if listed is None else listed.parents[2] / "Annotations"
    folder = Folder(labels, place.images, listed, frozenset(classes) if classes is not None else None)
    return Dataset(classes if classes is not None else folder.categories(), folder)


@dataclass(frozen=True)
class Folder:
    """A folder of XML files and one of pictures; ``listed`` is the file that names those of a split.

    A key is a path below both without its extension, then that of the picture.
    """

    labels: Path
    images: Path
    listed: Path | None = None
    classes: frozenset[str] | None = None

    @property
    def inputs(self) -> tuple[Path, ...]:
        folders = (self.labels,) if self.labels == self.images else (self.labels, self.images)
        return folders if self.listed is None else (*folders, self.listed)

    def keys(self) -> list[tuple[str, ...]]:
        pictures = listing.pictures(self.images)
        labels = listing.stems(self.labels, _XML)
        names = labels if self.listed is None else set(self._names(labels.union(pictures)))
        found, taken = {}, set(labels)
        for stem in sorted(names):
            found[stem] = _files(stem, pictures)
            if not found[stem] and stem in labels:
                told = self._told(stem)
                own, _, extension = told.rpartition(".")
                if own not in taken and extension in pictures.get(own, ()):
                    found[stem] = (told,)
                    taken.add(own)
        if self.listed is None:
            found |= {stem: _files(stem, pictures) for stem in pictures if stem not in taken}
        return [(stem, *found[stem]) for stem in sorted(found)]

    def _told(self, stem: str) -> str:
        """What the <filename> of ``stem`` says, below the folder of pictures."""
        try:
            name = voc_xml.parse(Path(f"{self.labels}/{stem}.xml")).picture or ""
        except DataError:
            return ""  # said when its turn comes
        folder = stem.rpartition("/")[0]
        return f"{folder}/{name}" if folder else name

    def name(self, key: tuple[str, ...]) -> str:
        return key[1].rpartition(".")[0] if len(key) == 2 else key[0]

    def items(self, key: tuple[str, ...]) -> list[str]:
        return [thing.category for thing in voc_xml.parse(Path(f"{self.labels}/{key[0]}.xml")).objects]

    def load(self, key: tuple[str, ...], findings: Findings) -> Sample:
        stem, *pictures = key
        path = Path(f"{self.labels}/{stem}.xml")
        if not path.exists():
            image = Path(f"{self.images}/{pictures[0] if pictures else stem}")
            what = "this picture has no XML file" if pictures else "neither the picture nor its XML file is there"
            raise DataError(what, where=image, hint=f"expected {path}", code=rules.NO_ANNOTATIONS.code)
        page = voc_xml.parse(path)
        for thing in page.objects:
            if self.classes is not None and thing.category not in self.classes:
                what = f'"{thing.category}" is none of the classes in the class map'
                line = thing.origin if isinstance(thing.origin, int) else None
                raise DataError(what, where=Location(path, line), code=rules.UNKNOWN_CLASS.code)
        image = self._picture(path, pictures, page.picture)
        width, height = page.size or images.look(image, findings)
        return Sample(self.name((stem, *pictures)), image, width, height, page.objects, page.source, path)

    def _picture(self, path: Path, pictures: Sequence[str], told: str | None) -> Path:
        if not pictures:
            hint = f"put it into {self.images}, or remove the annotations"
            raise DataError("these annotations have no picture", where=path, hint=hint, code=rules.NO_PICTURE.code)
        named = [name for name in pictures if name.rpartition("/")[2] == told]
        if len(pictures) > 1 and not named:
            what, hint = f"several pictures share this name: {', '.join(pictures)}", "say which: <filename>"
            raise DataError(what, where=path, hint=hint, code=rules.SAME_NAME.code)
        return self.images / (named or pictures)[0]

    def categories(self) -> tuple[str, ...]:
        """The class names in the files, sorted; of a file that cannot be read, nothing is said yet."""
        found: set[str] = set()
        for key in self.keys():
            try:
                found.update(thing.category for thing in voc_xml.parse(Path(f"{self.labels}/{key[0]}.xml")).objects)
            except DataError:
                continue
        return tuple(sorted(found))

    def _names(self, known: Set[str]) -> list[str]:
        assert self.listed is not None
        try:
            lines = self.listed.read_text("utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError):
            raise DataError("this list of pictures cannot be read as text", where=self.listed) from None
        names = []
        for number, line in enumerate(lines, start=1):
            name, (before, _, last) = line.strip(), line.strip().rpartition(" ")
            if name not in known and last in ("-1", "0", "1"):  # a second column: whether a class is there
                name = before.strip()
            if name and not listing.is_below(name):
                raise DataError(f"{name[:80]!a} is no name of a picture", where=Location(self.listed, number))
            names += [name] if name else []
        return names


def _files(stem: str, pictures: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(f"{stem}.{extension}" for extension in pictures.get(stem, ()))


@dataclass(frozen=True)
class Recorder:
    """Writes the XML file of each sample."""

    folder: str

    def record(self, sample: Sample) -> str:
        """Its id, for the list of the split."""
        text, path = voc_xml.encode(sample), Path(f"{self.folder}/{sample.id}.xml")
        try:
            path.write_text(text, "utf-8", newline="\n")
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8", newline="\n")
        return sample.id


@dataclass
class Writer(FilesOfTheirOwn):
    """Writes ``<path>/<id>.xml`` for every sample."""

    path: Path
    categories: Sequence[str]
    recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        self.recorder = Recorder(str(self.path))


def describe(root: Path, categories: Sequence[str], splits: Mapping[str, Place]) -> Mapping[str, str]:  # noqa: ARG001
    """The classes of each split, as CVAT and datumaro want to have other names than VOC's own declared."""
    text = "# label:color_rgb:parts:actions\n" + "".join(f"{name}:::\n" for name in ("background", *categories))
    return {f"{split}/labelmap.txt": text for split in splits}


def beside(root: Path, split: str) -> Mapping[Path, MakeWriter]:
    """The list of the split's pictures."""
    return {root / split / "ImageSets" / "Main" / f"{split}.txt": Names}


@dataclass(frozen=True)
class Name:
    """A picture's line in the list."""

    def record(self, sample: Sample) -> str:
        return f"{sample.id}\n"


class Names:
    """Writes the list ``path``."""

    def __init__(self, path: Path, categories: Sequence[str], dataset: Dataset) -> None:  # noqa: ARG002
        self.path, self.recorder = path, Name()

    def __enter__(self) -> Names:
        self._out = self.path.open("w", encoding="utf-8", newline="\n")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._out.close()

    def append(self, record: str) -> None:
        self._out.write(record)
