"""Pascal VOC: one XML file per picture, Annotations/x.xml beside JPEGImages/x.jpg; lists of names in ImageSets/Main.

``xmin`` to ``ymax`` are numbers of pixels, counted from 1 and inclusive, as the devkit defines them and detectron2 and
supervision read them: left = xmin - 1, right = xmax. Tools that take them as they stand (datumaro, CVAT) see boxes one
pixel shorter at the left and at the top. Of truncation and occlusion VOC knows yes and no; difficult and pose are kept
among the extra fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import TracebackType

from converters import images, listing, rules, voc_xml
from converters.findings import Findings
from converters.formats import MakeWriter, Place, in_order, split_name
from converters.model import Dataset, Sample
from tltpipe.errors import DataError, Location

ABOUT = "Pascal VOC: <split>/Annotations/*.xml, JPEGImages, ImageSets/Main"
CARRIES = frozenset({"box"})

_XML = frozenset(("xml",))
_LISTED = ("train", "val", "test", "validation")
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
        return in_order(named or {name if name in ("train", "validation", "test") else "train": own})
    folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    found = {split_name(path.name): place for path in folders if (place := _place(root, path)) is not None}
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
            if b"<annotation" in stream.read(4096):
                return True
    return False


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
        names = listing.stems(self.labels, _XML).union(pictures) if self.listed is None else set(self._names())
        return [(stem, *pictures.get(stem, ())) for stem in sorted(names)]

    def name(self, key: tuple[str, ...]) -> str:
        return key[0]

    def load(self, key: tuple[str, ...], findings: Findings) -> Sample:
        stem, *extensions = key
        path = Path(f"{self.labels}/{stem}.xml")
        if not path.exists():
            image = Path(f"{self.images}/{stem}.{extensions[0] if extensions else 'jpg'}")
            what = "this picture has no XML file" if extensions else "neither the picture nor its XML file is there"
            raise DataError(what, where=image, hint=f"expected {path}", code=rules.NO_ANNOTATIONS.code)
        if len(extensions) != 1:
            what = "these annotations have no picture" if not extensions else f"several pictures are called {stem}"
            code = rules.NO_PICTURE.code if not extensions else rules.SAME_NAME.code
            raise DataError(what, where=path, code=code)
        page = voc_xml.parse(path)
        for thing in page.objects:
            if self.classes is not None and thing.category not in self.classes:
                what = f'"{thing.category}" is none of the classes in the class map'
                line = thing.origin if isinstance(thing.origin, int) else None
                raise DataError(what, where=Location(path, line), code=rules.UNKNOWN_CLASS.code)
        image = Path(f"{self.images}/{stem}.{extensions[0]}")
        width, height = page.size or images.look(image, findings)
        return Sample(stem, image, width, height, page.objects, page.source, path)

    def categories(self) -> tuple[str, ...]:
        """The class names in the files, sorted; of a file that cannot be read, nothing is said yet."""
        found: set[str] = set()
        for key in self.keys():
            try:
                found.update(thing.category for thing in voc_xml.parse(Path(f"{self.labels}/{key[0]}.xml")).objects)
            except DataError:
                continue
        return tuple(sorted(found))

    def _names(self) -> list[str]:
        assert self.listed is not None
        try:
            lines = self.listed.read_text("utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError):
            raise DataError("this list of pictures cannot be read as text", where=self.listed) from None
        names = []
        for number, line in enumerate(lines, start=1):
            words = line.split(" ")  # a second column, of -1, 0 or 1, says whether a class is there
            name = " ".join(words[:-1]).strip() if len(words) > 1 and words[-1] in ("-1", "0", "1") else line.strip()
            if name and not listing.is_below(name):
                raise DataError(f"{name[:80]!a} is no name of a picture", where=Location(self.listed, number))
            names += [name] if name else []
        return names


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
class Writer:
    """Writes ``<path>/<id>.xml`` for every sample."""

    path: Path
    categories: Sequence[str]
    recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        self.recorder = Recorder(str(self.path))

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def append(self, record: str) -> None:
        """The file is there already."""


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
