"""Pascal VOC: one XML file per picture, Annotations/x.xml beside JPEGImages/x.jpg; lists of names in ImageSets/Main.

``xmin`` to ``ymax`` are numbers of pixels, counted from 1 and inclusive, as the devkit defines them and detectron2 and
supervision read them: left = xmin - 1, right = xmax. Tools that take them as they stand (CVAT, and datumaro unless told
``coordinate_mode="voc-one-based"``) see boxes one pixel shorter at the left and at the top. Three decimals are written.
Of truncation and occlusion VOC knows yes and no; difficult and pose are kept among the extra fields. Polygons are read
as Roboflow has them, and not written.

The picture of x.xml is called x; where there is none of that name, <filename> says which.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from converters.files import contents
from converters.formats import FilesOfTheirOwn, MakeWriter
from converters.formats.voc import xml
from converters.formats.voc.folders import Folder, Several, unlisted
from converters.formats.voc.places import Listed, Shared, find, is_page
from converters.model import Dataset, Sample
from converters.model.splits import Place
from tltpipe import staging

__all__ = ["ABOUT", "CARRIES", "Writer", "beside", "describe", "find", "layout", "read"]

ABOUT = "Pascal VOC: <split>/Annotations/*.xml, JPEGImages, ImageSets/Main"
CARRIES = frozenset({"box"})


def missing(root: Path) -> str | None:
    """What XML files at ``root`` lack."""
    files = contents.first(root, "xml")
    if not files:
        return None
    own = next((path for path in files if is_page(contents.head(path))), None)
    if own is None:
        return f"no <annotation> in {files[0].name}" + (f" nor in {len(files) - 1} more XML files" if files[1:] else "")
    return f"{own.name} lies neither in a folder Annotations nor beside its image, but in {own.parent}"


def layout(root: Path, split: str) -> Place:
    return Place(root, root / split / "Annotations", root / split / "JPEGImages")


def read(place: Place, *, classes: tuple[str, ...] | None = None) -> Dataset:
    """The split at ``place``; without ``classes`` the categories are the sorted names, which takes a look at each file.

    A picture without a file is not labelled. Raises DataError for a list that names what is not there.
    """
    known = frozenset(classes) if classes is not None else None
    if not isinstance(place, Listed):
        shared = place.all if isinstance(place, Shared) else ""
        pictures: Folder | Several = Folder(place.annotations, place.images, None, known, shared)
    else:
        folders = [(each.images, Folder(each.labels, each.images, each, known)) for each in place.lists]
        together = tuple((images.relative_to(place.images).as_posix(), folder) for images, folder in folders)
        pictures = folders[0][1] if place.images == place.lists[0].images else Several(together)
    return Dataset(
        classes if classes is not None else pictures.categories(),
        pictures,
        findings=unlisted(place.every) if isinstance(place, Listed) else (),
    )


@dataclass(frozen=True)
class Recorder:
    """Writes the XML file of each sample."""

    folder: str

    def record(self, sample: Sample) -> str:
        """Its id, for the list of the split."""
        staging.write(self.folder, f"{sample.id}.xml", xml.encode(sample).encode())
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
        self.path.unlink(missing_ok=True)  # a file of its own, whoever else writes one here
        self._out = self.path.open("x", encoding="utf-8", newline="\n")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._out.close()

    def append(self, records: Sequence[str]) -> None:
        self._out.writelines(records)
