"""LabelMe: one JSON file per image, beside it or in a folder of its own.

    train/000001.jpg    train/000001.json

    {"shapes": [{"label": "vest", "shape_type": "polygon", "points": [[120, 33.5], [300, 40], [210, 410]]}],
     "imagePath": "000001.jpg", "imageData": null, "imageHeight": 624, "imageWidth": 468}

The image of x.json is called x; where there is none of that name, imagePath says which. A copy of it in imageData is
not used. Polygons and circles (as polygons) of one label and one group_id are one thing; flags that are set and the
group are kept among the extra fields. Points and lines are no boxes: they are left out and counted.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from converters.files import contents, image_files, listing
from converters.formats.labelme import shapes as labelme_shapes
from converters.model import Dataset, Sample, rules
from converters.model import classes as class_map
from converters.model.findings import Findings
from converters.model.splits import SPLITS, Place, by_name, in_order, only_split, split_name
from converters.pictures import headers as images
from tltpipe import inputs
from tltpipe.errors import DataError, Location

ABOUT = "LabelMe: one JSON per image, beside it (<split>/*.json)"
CARRIES = frozenset({"box", "polygons", "mask", "extra"})

_JSON = frozenset(("json",))
_LABELS = ("annotations", "labels", "label", "json", "jsons", "annos")
_IMAGES = ("images", "image", "imgs", "JPEGImages", "data")
_HEAD = re.compile(rb'"(shapes"\s*:\s*\[|imageData"\s*:|imagePath"\s*:)')
_LOOKED_AT = 64
_LARGEST = 256 << 20  # bytes: the image may be in it


@dataclass(frozen=True)
class Shallow(Place):
    """The files of the folder itself, where those below it are splits of their own."""


def find(root: Path) -> dict[str, Place]:
    """The folders of ``root`` that are called like splits; else all that lies below ``root``, as one split."""
    if not root.is_dir() or not _looks_right(root):
        return {}
    labels, pictures = _first(root, _LABELS), _first(root, _IMAGES)
    for folder, beside in ((root, root), (labels, pictures), (pictures, pictures)):
        if folder is not None and (splits := _splits(root, folder, beside or folder)):
            return in_order(splits)
    return {only_split(root.name): _place(class_map.home(root), root)}


def _splits(root: Path, folder: Path, images: Path) -> dict[str, Place]:
    """The folders in ``folder`` that are called like splits, with the files that lie beside them."""
    inner = sorted(path for path in folder.iterdir() if path.is_dir() and split_name(path.name) in SPLITS)
    found = [(path.name, _place(root, path)) for path in inner if _looks_right(path)]
    if folder != images:
        found = [(name, replace(place, images=images / name)) for name, place in found]
    splits = by_name(found)
    if splits and any(_is_labelme(path) for path in sorted(folder.glob("*.json"))[:_LOOKED_AT]):
        splits["train" if "train" not in splits else "unassigned"] = Shallow(root, folder, images)
    return splits


def _place(root: Path, folder: Path) -> Place:
    """The JSON files in ``folder`` beside their images, or in a folder beside that of the images."""
    labels, pictures = _first(folder, _LABELS), _first(folder, _IMAGES)
    if labels is not None and pictures is not None and _looks_right(labels):
        return Place(root, labels, pictures)
    if labels is not None and _looks_right(labels) and not any(listing.files(labels, listing.PICTURES)):
        return Place(root, labels, folder)
    return Place(root, folder, folder)


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_dir()), None)


def _looks_right(folder: Path) -> bool:
    return any(map(_is_labelme, contents.first(folder, "json")[:_LOOKED_AT]))


def _is_labelme(path: Path) -> bool:
    head = contents.head(path)
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{") and _HEAD.search(head) is not None


def read(place: Place, *, classes: tuple[str, ...] | None = None) -> Dataset:
    """The split at ``place``, by name; without ``classes`` the categories are the sorted labels, which takes a look at
    each file. An image without a file is not labelled."""
    image_files.forget()
    shallow = isinstance(place, Shallow)
    folder = Folder(place.annotations, place.images, frozenset(classes) if classes is not None else None, shallow)
    return Dataset(classes if classes is not None else folder.categories(), folder)


@dataclass(frozen=True)
class Folder:
    """A folder of JSON files and one of images.

    A key is the path of a JSON file below its folder, without extension (empty for an image without one), and the path
    of the image below its own, empty where it is missing.
    """

    labels: Path
    images: Path
    classes: frozenset[str] | None = None
    shallow: bool = False

    @property
    def inputs(self) -> tuple[Path, ...]:
        return (self.labels,) if self.labels == self.images else (self.labels, self.images)

    def keys(self) -> list[tuple[str, str]]:
        pictures = self._pictures()
        stems = self._stems(pictures)
        found = {stem: f"{stem}.{own[0]}" for stem in stems if len(own := pictures.get(stem, ())) == 1}
        taken = set(found.values())
        for stem in stems:
            if stem not in found:
                below = self._named(stem, pictures)
                found[stem] = below if below not in taken else ""
                taken.add(below)
        every = (f"{stem}.{extension}" for stem, extensions in pictures.items() for extension in extensions)
        bare = [("", path) for path in every if path not in taken]
        return sorted([*found.items(), *bare], key=lambda key: (key[0] or key[1].rpartition(".")[0], key[1]))

    def name(self, key: tuple[str, str]) -> str:
        return key[1].rpartition(".")[0] or key[0]

    def load(self, key: tuple[str, str], findings: Findings) -> Sample:
        stem, below = key
        path, image = self._file(stem), Path(f"{self.images}/{below}")
        if not stem:
            hint = "save it in LabelMe without a shape if nothing is on it, or leave it out with --skip-bad"
            raise DataError("this image has no JSON file", where=image, hint=hint, code=rules.NO_ANNOTATIONS.code)
        page = _page(path)
        if not below or not image.is_file():
            raise self._no_image(path, page)
        width, height = _size(page, path) or images.look(image, findings)
        try:
            objects, without = labelme_shapes.objects(_shapes(page, path), (width, height))
        except ValueError as problem:
            raise DataError(str(problem), where=path) from None
        if without:
            findings.add(rules.NO_BOX, path, count=without)
        class_map.require(objects, self.classes, path)
        return Sample(self.name(key), str(image), width, height, tuple(objects), annotations_path=str(path))

    def items(self, key: tuple[str, ...]) -> list[str]:
        path = self._file(key[0])
        return labelme_shapes.classes(_shapes(_page(path), path))

    def items_beside(self, image: Path) -> list[str]:
        path = listing.partner(image, _IMAGES, _LABELS, ".json")
        return [] if path is None else labelme_shapes.classes(_shapes(_page(path), path))

    def categories(self) -> tuple[str, ...]:
        """The labels of shapes that are boxes, sorted; of files that cannot be read, nothing is said yet."""
        found: set[str] = set()
        for stem in self._stems(self._pictures()):
            path = self._file(stem)
            try:
                found.update(map(labelme_shapes.label, filter(labelme_shapes.is_box, _shapes(_page(path), path))))
            except (DataError, ValueError):
                continue
        return tuple(sorted(found))

    def _stems(self, pictures: Mapping[str, tuple[str, ...]]) -> list[str]:
        """The files of images, and what looks like one: others, such as a tool's settings, are passed over."""
        stems = sorted(stem for stem in listing.stems(self.labels, _JSON) if not self.shallow or "/" not in stem)
        return [stem for stem in stems if stem in pictures or _is_labelme(self._file(stem))]

    def _pictures(self) -> Mapping[str, tuple[str, ...]]:
        every = listing.pictures(self.images)
        return {stem: own for stem, own in every.items() if "/" not in stem} if self.shallow else every

    def _file(self, stem: str) -> Path:
        """Its extension may be in upper case."""
        path, upper = f"{self.labels}/{stem}.json", f"{self.labels}/{stem}.JSON"
        return Path(upper if not os.path.exists(path) and os.path.exists(upper) else path)  # noqa: PTH110 - of each

    def _named(self, stem: str, pictures: Mapping[str, tuple[str, ...]]) -> str:
        """The image that the file itself names; empty where there is none."""
        path = self._file(stem)
        try:
            told = _page(path).get("imagePath")
            names = tuple(_candidates(told, stem.rpartition("/")[0])) if isinstance(told, str) and told else ()
        except DataError:
            return ""  # said when its turn comes
        below = (image_files.locate(self.images, *names) if names else None) or ""
        own, _, extension = below.rpartition(".")
        return below if extension in pictures.get(own, ()) else ""

    def _no_image(self, path: Path, page: Mapping[str, Any]) -> DataError:
        name = str(page.get("imagePath"))[:80]
        if (self.images / name).is_file():
            what, hint = f'the image "{name}" has another JSON file', "remove one of the two"
            raise DataError(what, where=path, hint=hint, code=rules.SAME_NAME.code)
        told = f'neither {path.stem}.* nor its imagePath "{name}" is in {self.images}'
        held = "; imageData holds a copy of it: labelme_export_json writes it out" if page.get("imageData") else ""
        what = "these annotations have no image"
        return DataError(what, where=path, hint=told + held, code=rules.NO_PICTURE.code)


def _candidates(told: str, folder: str) -> Iterator[str]:
    """What ``imagePath``, as seen from ``folder``, may be below the folder of the images."""
    told = told.replace("\\", "/")
    yield f"{folder}/{told}" if folder else told
    yield told
    base = told.rpartition("/")[2]
    yield f"{folder}/{base}" if folder else base


@lru_cache(maxsize=1)
def _parsed(path: Path, changed: int) -> Any:  # noqa: ARG001 - a file that changed is another
    return orjson.loads(inputs.content(path).removeprefix(b"\xef\xbb\xbf"))


def _page(path: Path) -> Mapping[str, Any]:
    try:
        state = path.stat()
        if state.st_size > _LARGEST:
            raise DataError("this file is too large to be one image's annotations", where=path)
        page = _parsed(path, state.st_mtime_ns)
    except orjson.JSONDecodeError as problem:
        raise DataError(f"not valid JSON: {problem.msg}", where=Location(path, problem.lineno, problem.colno)) from None
    except OSError as problem:
        raise DataError(f"this file cannot be read: {problem.strerror}", where=path) from None
    if not isinstance(page, Mapping):
        raise DataError('this is no LabelMe file: an object with "shapes" is needed', where=path)
    return page


def _shapes(page: Mapping[str, Any], path: Path) -> list[Any]:
    shapes = page.get("shapes")
    if not isinstance(shapes, list):
        raise DataError('"shapes" must be a list', where=path)
    return shapes


def _size(page: Mapping[str, Any], path: Path) -> tuple[int, int] | None:
    width, height = page.get("imageWidth"), page.get("imageHeight")
    if width is None or height is None:
        return None
    if type(width) is not int or type(height) is not int or width < 1 or height < 1:
        raise DataError(f"an image cannot be {str(width)[:20]} x {str(height)[:20]} pixels", where=path)
    return width, height
