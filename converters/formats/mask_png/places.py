"""Where images and their masks lie.

train/images/a.jpg         train/masks/a.png                  a folder for each split
images/train/a.jpg         masks/train/a.png                  the other way round
images/a.jpg               masks/a.png                        one split; several where lists name their images
photos/a.jpg               trainval/train/a.png               CCP as it is split for training: images for all splits
photos/a.jpg               annotations/pixel-level/a.png      CCP
JPEGImages/a.jpg           SegmentationClassAug/a.png         ATR
TrainVal_images/train_images  TrainVal_parsing_annotations/train_segmentations     LIP

Lists are train_id.txt, val_id.txt and test_id.txt, or without _id, beside the two folders: a name a line.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from converters.files import listing
from converters.formats.mask_png.names import file_in
from converters.model import classes
from converters.model.splits import SPLITS, Place, by_name, only_split, split_name

PNG = frozenset(("png",))

_IMAGES = ("images", "image", "photos", "JPEGImages", "TrainVal_images", "imgs")
_MASKS = (
    *("masks", "mask", "labels", "label", "annotations/pixel-level", "annotations", "pixel-level", "trainval"),
    *("SegmentationClassAug", "SegmentationClass", "TrainVal_parsing_annotations", "segmentations"),
)
_KIND = re.compile(r"[_-](images|masks|labels|segmentations|annotations)$")
_LIST = re.compile(r"[_-]id$")
_LOOKED_AT = 64


@dataclass(frozen=True)
class Split(Place):
    """Masks in ``annotations``; ``names`` is the list of those of this split, None for all. ``shared``: the images are
    for other splits, too."""

    names: Path | None = None
    shared: bool = False


def find(root: Path, *, images: Path | None = None) -> dict[str, Place]:
    """The splits at ``root``: one below its folders of images and masks, or by lists; or in each of its folders. With
    ``images``, a folder apart, ``root`` holds the masks themselves."""
    if not root.is_dir():
        return {}
    if images is not None:
        return _apart(root, images)
    if (own := _pair(root)) is not None and _fit(*own):
        images, masks = own
        inner = _inner(root, images, masks)
        return inner or _by_list(root, images, masks) or {only_split(root.name): Split(_home(root), masks, images)}
    pairs = {folder: pair for folder in listing.folders(root) if (pair := _pair(folder)) is not None}
    if not any(_fit(*pair) for pair in pairs.values()):
        return {}
    # The others belong to the same data set, and are missed if their images are.
    return by_name((folder.name, Split(root, masks, images)) for folder, (images, masks) in pairs.items())


def _apart(masks: Path, images: Path) -> dict[str, Place]:
    """One split; what its values mean is said in the folder of its masks, or in one above that holds both."""
    own = any(path.suffix.lower() == ".png" for path in masks.iterdir())
    if masks == images or not own or (images.is_dir() and not _fit(images, masks)):
        return {}
    above = Path(os.path.commonpath([masks.absolute(), images.absolute()]))
    return {only_split(masks.name): Split(above if len(above.parts) > 1 else masks, masks, images)}


def _home(split: Path) -> Path:
    """The data set that the folder ``split`` is of: that above it where it says what the values mean."""
    above = split.absolute().parent
    told = split_name(split.name) in SPLITS and file_in([split]) is None and file_in([above]) is not None
    return above if told else classes.home(split)


def missing(root: Path) -> str | None:
    """What masks at ``root`` lack."""
    for top in (root, *listing.folders(root)):
        images = next((top / name for name in _IMAGES if (top / name).is_dir()), None)
        masks = next((top / name for name in _MASKS if (top / name).is_dir()), None)
        if images is not None and masks is not None and (names := list(islice(_pictures(masks), 1))):
            return f"{masks.name}/{names[0]} is no PNG of the name of an image in {images.name}"
    return None


def _pictures(folder: Path) -> list[str]:
    return sorted(listing.files(folder, listing.PICTURES))


def _pair(folder: Path) -> tuple[Path, Path] | None:
    """The folders of images and of PNG files that may be masks in ``folder``."""
    images = next((folder / name for name in _IMAGES if (folder / name).is_dir()), None)
    if images is None or (folder / "Annotations").is_dir():  # that of VOC, which says more
        return None
    masks = (folder / name for name in _MASKS)
    first = next((each for each in masks if each.is_dir() and next(listing.files(each, PNG), None) is not None), None)
    return (images, first) if first is not None else None


def _fit(images: Path, masks: Path) -> bool:
    """Whether one of the first files in ``masks`` has the name of an image."""
    stems = {stem.rpartition("/")[2] for stem in listing.stems(images, listing.PICTURES)}
    return any(stem.rpartition("/")[2] in stems for stem in islice(sorted(listing.stems(masks, PNG)), _LOOKED_AT))


def _inner(root: Path, images: Path, masks: Path) -> dict[str, Place]:
    """The splits that are folders in ``masks``; the images of each are in a folder of its own, or for all."""
    own = {_name(path): path for path in listing.folders(images)}
    found = [(name, path) for path in listing.folders(masks) if (name := _name(path)) in SPLITS]
    return by_name((name, Split(root, path, own.get(name, images), shared=name not in own)) for name, path in found)


def _name(folder: Path) -> str:
    """train_images, train_segmentations; minival is held out of COCO's, and of CCP's, training data."""
    name = _KIND.sub("", folder.name)
    return "validation" if name == "minival" else split_name(name)


def _by_list(root: Path, images: Path, masks: Path) -> dict[str, Place]:
    found = []
    for path in sorted(root.glob("*.txt")):
        name = split_name(_LIST.sub("", path.stem))
        if name in SPLITS:
            found.append((name, Split(root, masks, images, path, shared=True)))
    return by_name(found)
