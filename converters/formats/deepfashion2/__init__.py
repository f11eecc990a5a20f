"""DeepFashion2: a folder of pictures and one JSON file for each, as the data set is published.

    <split>/image/000001.jpg    <split>/annos/000001.json

Every landmark, polygon and field is kept as it stands. Categories go by their number; the names inside are the
underscore names of ``converters.model.garments``, which the official COCO conversion uses too. A split without
``annos``, as the test split is published, has pictures and nothing on them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from converters.files import contents, json_file, listing
from converters.formats.deepfashion2 import pages
from converters.model import Dataset, KeypointSlot, Sample, garments, rules
from converters.model.findings import Findings
from converters.model.splits import Place, by_name, only_split
from converters.pictures import headers
from tltpipe.errors import DataError

ABOUT = "DeepFashion2: <split>/image/*.jpg, <split>/annos/*.json"
CARRIES = frozenset({"box", "polygons", "keypoints", "occlusion", "pair_id", "style", "extra", "source"})

IMAGES_INSIDE = True

CATEGORIES = tuple(garment.name for garment in garments.CATEGORIES)

_NAMES = tuple(str(number) for number in range(1, garments.LANDMARKS + 1))
KEYPOINTS = {garment.name: KeypointSlot(_NAMES, garment.offset, garment.landmarks) for garment in garments.CATEGORIES}
"""The official layout: one vector of 294 points, in which each garment has its own stretch."""

_SUPERCATEGORIES = dict.fromkeys(CATEGORIES, "clothes")


def find(root: Path) -> dict[str, Place]:
    """The splits at ``root``: one split folder, or a folder of them, also where an archive unpacked one level deeper.

    A folder of pictures alone counts when it is called test or stands beside an annotated split.
    """
    if (root / "annos").is_dir() and (root / "image").is_dir():
        return {only_split(root.name): _place(root)}
    if not root.is_dir():
        return {}
    splits = [(folder.name, found) for folder in listing.folders(root) if (found := _split(folder)) is not None]
    if not any(place.annotations.is_dir() for _, place in splits):
        return {}
    return by_name(splits)


def _split(folder: Path) -> Place | None:
    for inner in (folder, folder / folder.name):
        if (inner / "image").is_dir() and ((inner / "annos").is_dir() or not (inner / "label").is_dir()):
            return _place(inner)
    return None


def _place(folder: Path) -> Place:
    # The categories are DeepFashion2's own: a class map that lies with the data is that of what was made of them.
    return Place(root=folder / "annos", annotations=folder / "annos", images=folder / "image")


def read(
    place: Place,
    *,
    classes: tuple[str, ...] | None = None,  # noqa: ARG001
    image_extension: str | None = None,
    any_kind: bool = False,
) -> Dataset:
    """The split at ``place``, in the order of the picture names.

    ``image_extension``, with its dot, is that of all its pictures; None takes whatever can be read. ``any_kind``:
    they may be something else by their content.
    """
    annotated = place.annotations.is_dir()
    split = Split(place.annotations.parent, image_extension, annotated=annotated, any_kind=any_kind)
    return Dataset(
        CATEGORIES,
        split,
        KEYPOINTS,
        _SUPERCATEGORIES,
        joint_pairs=False,
        annotated=split.annotated,
    )


@dataclass(frozen=True)
class Split:
    """One split folder. Small and picklable, so that worker processes can each read a part of it.

    A key is a name without extension, then that of the picture: none where it is missing, several where pictures
    share a name.
    """

    folder: Path
    image_extension: str | None = None
    annotated: bool = True
    any_kind: bool = False

    PAIRED = True

    @property
    def inputs(self) -> tuple[Path, ...]:
        pictures = (self.folder / "image",)
        return (*pictures, self.folder / "annos") if self.annotated else pictures

    def keys(self) -> list[tuple[str, ...]]:
        """Of all pictures and all annotation files, sorted by name: one may lack the other.

        Raises DataError when there is no picture that counts, saying which ones there are.
        """
        folder = self.folder / "image"
        pictures = _pictures(folder)
        if self.image_extension is not None:
            own = self.image_extension.removeprefix(".")
            pictures = {stem: (own,) for stem, found in pictures.items() if own in found}
        if not pictures:
            others = sorted({path.suffix for path in folder.iterdir() if path.suffix})
            raise DataError(
                f"there is no *{self.image_extension or ''} picture in this folder that can be read",
                where=folder,
                hint=f"there are {', '.join(others)}" if others else "put the pictures there",
            )
        names = set(pictures).union(_stems(self.folder / "annos", ".json") if self.annotated else ())
        return [(stem, *pictures.get(stem, ())) for stem in sorted(names)]

    def name(self, key: tuple[str, ...]) -> str:
        return key[0]

    def items(self, key: tuple[str, ...]) -> list[str]:
        page = json_file.load(Path(f"{self.folder}/annos/{key[0]}.json"))
        numbers = [each.get("category_id") for name, each in page.items() if name.startswith("item")]
        return [garments.BY_ID[number].name if number in garments.BY_ID else "" for number in numbers]

    def load(self, key: tuple[str, ...], findings: Findings) -> Sample:
        """The picture of ``key`` and what is on it. Raises DataError for the first thing wrong with either file."""
        stem, *extensions = key
        if len(extensions) > 1:
            raise listing.ambiguous(self.folder / "image", (f"{stem}.{extension}" for extension in extensions))
        image = listing.joined(self.folder, f"image/{stem}.{extensions[0] if extensions else 'jpg'}")
        path = listing.joined(self.folder, f"annos/{stem}.json")
        if not self.annotated:
            return Sample(stem, image, *self._size(image, path, findings), annotations_path=image)
        try:
            content = contents.whole(path)
        except DataError:
            if Path(path).exists():
                raise
            what = "the annotations of this picture are missing"
            raise DataError(what, where=Path(path), hint=_missing(image), code=rules.NO_ANNOTATIONS.code) from None
        page = pages.typed(content)
        values = json_file.parsed(content, Path(path)) if page is None else {}
        width, height = self._size(image, path, findings)
        pair_id, source, items = page or pages.checked(values, Path(path))
        objects = tuple([pages.thing(name, item, pair_id, stem, findings) for name, item in items])
        return Sample(stem, image, width, height, objects, source, path)

    def _size(self, image: str, path: str, findings: Findings) -> tuple[int, int]:
        format = "JPEG" if image[-5:].lower().endswith((".jpg", ".jpeg")) and not self.any_kind else None
        try:
            return headers.look(image, findings, format=format)
        except DataError as problem:
            if problem.code != rules.NO_PICTURE.code:
                raise
            what, hint = "the picture of these annotations is missing", _missing(path)
            if beside := listing.unsupported_beside(self.folder / "image", Path(image).stem):
                hint = f"{beside} is there, but cannot be read: convert it to JPEG or PNG"
            raise DataError(what, where=Path(image), hint=hint, code=problem.code) from None


def _missing(other: str) -> str:
    return f"put it there, remove {other}, or leave such pictures out with --skip-bad"


def _stems(folder: Path, extension: str) -> set[str]:
    return {
        name.removesuffix(extension)
        for name in os.listdir(folder)  # noqa: PTH208 - names are all that is needed, of 200,000 files
        if name.endswith(extension) and not _is_hidden(name)
    }


def _pictures(folder: Path) -> dict[str, tuple[str, ...]]:
    """Extensions of the pictures in ``folder`` by their names without them, whatever bytes these are."""
    found: dict[str, tuple[str, ...]] = {}
    for name in os.listdir(folder):  # noqa: PTH208 - as above
        stem, _, extension = name.rpartition(".")
        if extension.lower() in listing.PICTURES and stem and not _is_hidden(name):
            found[stem] = (*found[stem], extension) if stem in found else (extension,)
    return found


def _is_hidden(name: str) -> bool:
    """Whether this is what file managers and archives leave behind."""
    return name.startswith((".", "_"))
