"""KITTI: one text file per picture, fifteen columns per object.

    short_sleeved_shirt 0.00 1 0.00 12.00 7.00 230.00 310.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00

Columns: class, truncation, occlusion, alpha, left, top, right, bottom, and seven of the third dimension, which are 0
here. Numbers have two decimals; occlusion is a whole number, since NVIDIA's tlt-augment cannot read another. A
picture on which nothing is has an empty file; one without a file is not labelled. Rows called DontCare, in any letter
case, are regions to ignore.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from converters.files import contents, listing
from converters.files.label_folders import TEXT, USUAL, LabelFolder, read_stem, whole
from converters.files.numerals import is_number
from converters.formats import FilesOfTheirOwn
from converters.formats.kitti import lines
from converters.formats.kitti.lines import encode
from converters.model import Box, Dataset, Object, Sample, ignore_regions
from converters.model import classes as class_map
from converters.model.findings import Findings
from converters.model.splits import SPLITS, Place, by_name, only_split, split_name
from converters.pictures import headers as images
from tltpipe import inputs, staging
from tltpipe.errors import DataError

ABOUT = "KITTI labels, as TLT takes them: <split>/label_2/*.txt, <split>/image_2"
CARRIES = frozenset({"box", "occlusion", "truncation", "ignored"})

_LABELS = ("label_2", "label", "labels")
_IMAGES = ("image_2", "image", "images", "data")
_SOME = 4096  # empty files, after which no other is looked into
_AT_ONCE = 256  # files whose first words are looked for together

__all__ = ["ABOUT", "CARRIES", "Writer", "encode", "find", "layout", "read"]


@dataclass(frozen=True)
class Unannotated(Place):
    """Images of which nobody says what is on them."""


def find(root: Path, *, images: Path | None = None) -> dict[str, Place]:
    """Label and picture folders, one of each for a split: in ``root``, in its sub folders, or the other way round."""
    if not root.is_dir():
        return {}
    own = _place(class_map.home(root), root, images)
    if own is not None and _judged([(root.name, own)]):
        return {only_split(root.name): own}
    found = [
        (folder.name, place) for folder in listing.folders(root) if (place := _place(root, folder, images)) is not None
    ]
    judged = by_name(_judged(found) or _judged(_turned(root, images)))
    return judged | _unlabelled(root, judged) if judged and found else judged


def _unlabelled(root: Path, labelled: Mapping[str, Place]) -> dict[str, Place]:
    """Pictures for testing without labels, beside splits that are ``labelled``."""
    folders = [folder for folder in listing.folders(root) if split_name(folder.name) == "test"]
    places = ((folder, _first(folder, _LABELS), _first(folder, _IMAGES)) for folder in folders)
    found = [
        Unannotated(root, folder / _LABELS[0], images)
        for folder, labels, images in places
        if images and not (labels and any(listing.files(labels, TEXT)))
    ]
    return {"test": found[0]} if found and "test" not in labelled else {}


def missing(root: Path) -> str | None:
    """What KITTI labels at ``root`` lack."""
    labels = next(
        (path for path in contents.first(root, "txt") if _is_label(contents.head(path).split(b"\n")[0])), None
    )
    if labels is None:
        return None
    place = f"{labels.name} is a KITTI label, but no image folder was found beside its folder"
    return f"{place} ({' or '.join(_IMAGES)} beside {' or '.join(_LABELS)})"


def _is_label(line: bytes) -> bool:
    words = line.decode(errors="replace").split()
    return len(words) in (15, 16) and not is_number(words[0]) and all(map(is_number, words[1:]))


def _place(root: Path, folder: Path, images: Path | None) -> Place | None:
    labels, pictures = _first(folder, _LABELS), images or _first(folder, _IMAGES)
    if labels is None and images is not None and any(map(_has_line, folder.glob("*.txt"))):
        labels = folder
    if labels is None or pictures is None:
        return None
    if labels not in (folder, folder / _LABELS[0]) and any(
        split_name(inner.name) in SPLITS for inner in listing.folders(labels)
    ):
        return None
    return Place(root, labels, pictures)


def _turned(root: Path, images: Path | None) -> list[tuple[str, Place]]:
    """Splits below the folders of labels and pictures: labels/train, images/train."""
    labels, pictures = _first(root, _LABELS), images or _first(root, _IMAGES)
    if labels is None or pictures is None:
        return []
    pairs = [(inner, pictures / inner.name) for inner in listing.folders(labels) if split_name(inner.name) in SPLITS]
    return [
        (inner.name, Place(root, inner, beside)) for inner, beside in pairs if images is not None or beside.is_dir()
    ]


def _judged(splits: list[tuple[str, Place]]) -> list[tuple[str, Place]]:
    """Those of ``splits`` that are KITTI's; where all files of one are empty, the other splits decide.

    Where all are empty, they are YOLO's in a data set that has a data.yaml.
    """
    verdicts = [_looks_right(place.annotations) for _, place in splits]
    unclear = False not in verdicts and not any(any(place.root.glob("*.y*ml")) for _, place in splits[:1])
    empty = True in verdicts or unclear
    return [split for split, verdict in zip(splits, verdicts, strict=True) if (empty if verdict is None else verdict)]


def _first(folder: Path, names: Sequence[str]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_dir()), None)


def _looks_right(labels: Path) -> bool | None:
    """Whether the first file with a line in it has one of KITTI's; None where all are empty.

    YOLO's folders are called the same.
    """
    some = None
    for name in islice(listing.files(labels, TEXT), _SOME):
        words = _first_line(labels / name).removeprefix(codecs.BOM_UTF8).split()
        if words:
            return not is_number(words[0].decode(errors="replace")) or _has_pixels(words)
        some = name
    return None if some else False


def _has_line(path: Path) -> bool:
    """Whether the file begins with a line of labels."""
    return len(_first_line(path).split()) in (15, 16)


def _first_line(path: Path) -> bytes:
    return inputs.head(path).partition(b"\n")[0]


def _has_pixels(words: Sequence[bytes]) -> bool:
    """Whether a line that begins with a number is KITTI's all the same: YOLO's others are shares of one."""
    corners = [word.decode(errors="replace") for word in words[4:8]]
    numbers = [float(word) for word in corners if is_number(word)]
    return len(words) in (15, 16) and len(numbers) == 4 and max(numbers) > 1


def layout(root: Path, split: str) -> Place:
    return Place(root, root / split / "label_2", root / split / "image_2")


def read(place: Place, *, classes: tuple[str, ...] | None = None) -> Dataset:
    """The split at ``place``, in the order of the names; lines have 15 columns, or 16 with a score, which is dropped.

    Without ``classes`` the categories are the sorted class names, which takes one look at each label file.
    """
    classes = ignore_regions.trainable(classes) if classes is not None else None
    if isinstance(place, Unannotated):
        return Dataset(classes or (), Unlabelled(place.annotations, place.images), annotated=False)
    folder = Folder(place.annotations, place.images, frozenset(classes) if classes is not None else None)
    return Dataset(classes if classes is not None else folder.categories(), folder)


class Folder(LabelFolder):
    """Label files and images of this format."""

    def load(self, key: tuple[str, ...], findings: Findings) -> Sample:
        image, path, content = self.pair(key, findings)
        objects: Sequence[Object] = lines.parse(content, path)
        ignored: tuple[Box, ...] = ()
        if b"dontcare" in content.lower():
            objects, ignored = ignore_regions.apart(objects)
        class_map.require(objects, self.classes, path, 1)
        width, height = images.look(image, findings)
        annotations = path.removeprefix("./")
        return Sample(key[0], image, width, height, tuple(objects), annotations_path=annotations, ignored=ignored)

    def items(self, key: tuple[str, ...]) -> list[str]:
        path, content = read_stem(self.labels, key[0])
        return [thing.category for thing in ignore_regions.apart(lines.parse(content, path))[0]]

    def categories(self) -> tuple[str, ...]:
        """The class names in the label files, sorted, without DontCare; of lines that are none, nothing is said yet."""
        found, stems = set[bytes](), iter(listing.stems(self.labels, TEXT))
        while some := list(islice(stems, _AT_ONCE)):
            heads = zip(some, inputs.heads(self.labels, [f"{stem}.txt" for stem in some], USUAL), strict=True)
            contents = ((stem, whole(head)) for stem, head in heads)
            known = (read_stem(self.labels, stem)[1] if content is None else content for stem, content in contents)
            found.update(_FIRST_WORD.findall(b"\n".join((b"", *known))))
        return ignore_regions.trainable(sorted(word.decode() for word in found if _is_text(word)))


class Unlabelled(Folder):
    """A folder of pictures of which nobody says what is on them: KITTI's testing."""

    @property
    def inputs(self) -> tuple[Path, ...]:
        return (self.images,)

    def keys(self) -> list[tuple[str, ...]]:
        return [(stem, *extensions) for stem, extensions in sorted(listing.pictures(self.images).items())]

    def load(self, key: tuple[str, ...], findings: Findings) -> Sample:
        image = self.image(key)
        return Sample(key[0], str(image), *images.look(image, findings))


_FIRST_WORD = re.compile(rb"[\r\n][ \t\v\f]*(\S+)")


def _is_text(word: bytes) -> bool:
    try:
        word.decode()
    except UnicodeDecodeError:
        return False
    return True


@dataclass(frozen=True)
class Recorder:
    """Writes the label file of each sample; none of samples that are not ``annotated``."""

    folder: str
    annotated: bool = True

    def record(self, sample: Sample) -> None:
        if not self.annotated:
            return
        staging.write(self.folder, f"{sample.id}.txt", encode(sample).encode())


class Writer(FilesOfTheirOwn):
    """Writes ``<path>/<id>.txt`` for every sample, empty where nothing is on it: no label is not an empty one."""

    def __init__(self, path: Path, categories: Sequence[str], *, annotated: bool = True) -> None:
        """Raises DataError for a category with a blank in its name, which no KITTI reader can take."""
        for name in categories:
            if len(name.split()) != 1 or name != name.strip():
                hint = f'call it "{"_".join(name.split())}": --rename' if name.strip() else None
                raise DataError(f'KITTI labels cannot hold the class name "{name}"', where=path, hint=hint)
        self.recorder = Recorder(str(path), annotated)
