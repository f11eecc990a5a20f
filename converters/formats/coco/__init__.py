"""COCO: one JSON file with pictures, annotations and categories; boxes, polygons, masks and keypoints.

    annotations/instances_<split>.json    images/<split>/*.jpg

Read one record at a time, whatever the size of the file; many other arrangements of files and folders are known
(``converters.formats.coco.places``). Of several files for a split the one called "instances" is read; captions and
panoptic files are not. Categories are ordered by id, or as a class map beside them orders them. A box without numbers
is that of its polygons or mask.

Written as the official DeepFashion2 conversion has it, plus what that drops: ``source`` on pictures; ``occlusion``
(as DeepFashion2 counts it: 1 slight or none, 2 medium, 3 heavy; 4 is unknown), ``truncation`` where there is one, and
a format's own fields (scale, zoom_in, viewpoint) on annotations. Numbers are written as they were read. ``area`` is
that of the mask or of the box, or what the file that it comes from says. A mask beside polygons is not written.
Ids of images and categories are those of the file that they come from; where there are none, images have the number
in their name and categories count from 1.

Attributes are Fashionpedia's: a list "attributes" of id, name and supercategory beside the categories, and the ids that
an annotation has in "attribute_ids"; those that nobody judged are in "unknown_attribute_ids", which is ours, and all of
them where an annotation has no "attribute_ids". Pixels of no known class (``Sample.void``) are run lengths in a field
"void" of the image, ours too.
"""

from __future__ import annotations

from pathlib import Path

from converters.formats.coco.places import find, missing
from converters.formats.coco.writing import Recorder, Writer
from converters.model import Dataset
from converters.model.splits import Place

__all__ = ["ABOUT", "CARRIES", "Recorder", "Writer", "find", "layout", "missing", "read"]

ABOUT = "COCO JSON: annotations/instances_<split>.json, images/<split>"
CARRIES = frozenset(
    (
        *("box", "polygons", "keypoints", "mask", "crowd", "occlusion", "truncation", "pair_id", "style", "extra"),
        *("source", "attributes", "void"),
    )
)


def layout(root: Path, split: str) -> Place:
    return Place(root, root / "annotations" / f"instances_{split}.json", root / "images" / split)


def read(place: Place, *, classes: tuple[str, ...] | None = None) -> Dataset:
    """The split at ``place``, in the order of the file.

    Raises DataError for a file that is no COCO; some of it only when the pictures are asked for.
    """
    from converters.formats.coco import reading

    return reading.read(place, classes)
