"""Every rule a data set is held to, with its code: what `tltpipe check` looks for and what other commands tell.

An error makes a picture unusable: other commands stop at it, or leave the picture out when told to. A warning is
likely to hurt training; a note is worth knowing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Rule:
    """``title`` names the cases that are counted, ``fix`` what to do; ``mended``: ``check --fix`` does it.

    ``loses`` says what each case keeps out of an output that is made all the same: it counts among the losses there.
    """

    code: str
    severity: Severity
    title: str
    fix: str
    mended: bool = False
    loses: Literal["", "images", "items"] = ""


def by_code(code: str | None) -> Rule:
    """The rule ``code``; that of unreadable annotations where there is none."""
    return _ALL.get(code or "", UNREADABLE)


def catalogue() -> tuple[Rule, ...]:
    """All rules, in the order of their codes."""
    return tuple(_ALL[code] for code in sorted(_ALL))


# F: files
_PUT_BACK = "copy or unpack the data set again, or leave such pictures out"
NO_PICTURE = Rule("F101", "error", "annotations whose picture is missing", _PUT_BACK, mended=True)
NO_ANNOTATIONS = Rule("F102", "error", "pictures whose annotations are missing", _PUT_BACK, mended=True)
UNREADABLE = Rule(
    "F103", "error", "annotations that cannot be read", "correct the file at the place named", mended=True
)
ORPHAN = Rule(
    "F104", "note", "files that belong to no picture", "remove them, or name the picture after them", mended=True
)
SAME_NAME = Rule("F105", "error", "pictures with the name of another", "rename one of the two", mended=True)
LEFT_OUT = Rule("F106", "note", "pictures left out", "see the list beside the output")
OTHER_COUNT = Rule(
    "F107", "warning", "splits with another number of pictures than the release", "fetch the archive anew"
)
UNSUPPORTED = Rule("F108", "warning", "images in formats that cannot be read", "convert them to JPEG or PNG")
OTHER_FILE_NAME = Rule(
    "F111",
    "note",
    "images whose name is spelled otherwise",
    "see that they are the right ones; correct the names",
)
UNSEEN = Rule(
    "F112",
    "warning",
    "images not found, of which the recorded size is taken",
    "put the images there, so that sizes can be compared",
)
UNLISTED = Rule(
    "F113",
    "warning",
    "annotation files that no list names",
    "add them to a list of ImageSets/Main",
)

UNDESCRIBED = Rule(
    "F114",
    "warning",
    "images of a split without annotations",
    "put the annotation file of that split beside the others",
)
NO_LABEL_FILE = Rule(
    "F115", "note", "images without a label file", "an empty label file says for certain that nothing is on the image"
)
OTHER_FOLDER = Rule("F116", "note", "folders found under another path", "see that they are the right ones")
NO_SPLIT = Rule("F117", "note", "splits that are named and not there", "add the folder, or remove the name")
OUTSIDE_SPLITS = Rule(
    "F118",
    "warning",
    "label files that lie in no split",
    "put them and their images into one, or say in a data.yaml where images are",
)
OTHER_ANNOTATIONS = Rule(
    "F119",
    "note",
    "folders with other annotations of the same images, which are not read",
    "name that folder to read them",
)
NO_PARTITION = Rule(
    "F120",
    "warning",
    "the list that says which image is in which split is missing: all are in train",
    "unpack the folder Eval beside the annotations, or make splits: tltpipe split",
)

# I: images
BROKEN_PICTURE = Rule("I201", "error", "pictures that cannot be read", _PUT_BACK, mended=True)
CUT_PICTURE = Rule("I202", "error", "pictures that are cut off", _PUT_BACK, mended=True)
ROTATED = Rule(
    "I203",
    "warning",
    "pictures with an EXIF rotation, which trainers ignore",
    "write them upright, and turn their boxes with them",
    mended=True,
)
OTHER_SIZE = Rule(
    "I204",
    "error",
    "pictures of another size than their annotations say",
    "annotate the pictures as they are, or scale the boxes where the pictures were scaled",
    mended=True,
)
MIXED_SIZES = Rule("I205", "note", "sizes of pictures", "resize with tltpipe augment: TLT trains on one size")
OTHER_KIND = Rule(
    "I206", "error", "pictures that are not what their name says", "store them as what they are called", mended=True
)
NOT_RGB = Rule("I207", "note", "pictures that are not RGB", "store them as RGB, as trainers read them", mended=True)
SIZE_AS_SHOWN = Rule(
    "I208",
    "warning",
    "pictures annotated as EXIF shows them, which trainers ignore",
    "write them upright: their boxes fit then",
    mended=True,
)
TOO_LARGE = Rule(
    "I209",
    "error",
    "images too large for the memory of this machine",
    "raise the limit if the size is right: TLTPIPE_MAX_PIXELS",
    mended=True,
)
FRAMES = Rule("I210", "note", "images with several frames or pages", "nothing to do: the first one is used")

# B: boxes
NO_AREA = Rule("B301", "error", "boxes without area or turned inside out", "give left, top, right, bottom", mended=True)
OUTSIDE = Rule("B302", "error", "boxes that reach beyond their picture", "clip or draw them anew", mended=True)
ROUNDED = Rule(
    "B303", "note", "boxes up to one pixel outside their picture", "nothing to do: they are clipped", mended=True
)
# A small box is not a wrong one: dropping it would leave its thing on the picture without a label.
TINY = Rule("B304", "warning", "boxes with a side under 8 pixels", "drop them with --min-size, or train on larger")
SAME_BOX = Rule("B305", "warning", "pictures with the same box listed twice", "remove one of the two", mended=True)
NO_OBJECTS = Rule("B306", "note", "pictures without items", "they train as background; remove them if they are not")
HUGE = Rule("B307", "note", "boxes that fill their whole picture", "see whether they are drawn around anything")

DROPPED_ITEM = Rule(
    "B308", "note", "items that cannot be mended, or are listed twice", "draw such boxes anew", loses="items"
)
IGNORE_REGION = Rule(
    "B321",
    "note",
    "regions to ignore, which are of no class",
    "nothing to do: KITTI labels and TFRecords keep them as DontCare, other formats cannot",
    loses="items",
)
SHARES = Rule(
    "B322",
    "error",
    "splits whose boxes are all smaller than a pixel",
    "say that they are shares of the image's size: tltpipe convert --coordinates shares",
)
NO_BOX = Rule(
    "B323",
    "warning",
    "annotations that are no boxes: points, lines, tags",
    "nothing to do, unless they should be boxes or polygons: they are left out",
    loses="items",
)

# P: polygons and masks
OUTSIDE_BOX = Rule("P401", "warning", "items with a polygon reaching far out of the box", "draw the box anew")
FEW_POINTS = Rule(
    "P402",
    "note",
    "items with a polygon of fewer than three points",
    "nothing to do: such polygons are dropped",
    mended=True,
)
ODD_MASK = Rule("P403", "error", "masks of another size than their picture", "export the masks again", mended=True)

# K: keypoints
LANDMARK_COUNT = Rule("K501", "error", "items with a wrong number of landmarks", "correct the list", mended=True)
NO_LANDMARKS = Rule("K502", "note", "items without landmarks", "they count for boxes, not for landmark training")
LANDMARK_OUTSIDE = Rule(
    "K503", "warning", "items with a landmark outside the picture", "give it visibility 0", mended=True
)

# C: classes
RARE = Rule("C601", "warning", "classes with under one percent of the items", "merge them (--rename), or collect more")
NO_ITEMS = Rule("C602", "note", "classes without items", "leave them out with --classes")
OTHER_NAME = Rule(
    "C603",
    "note",
    "items whose category_name is not that of their category_id",
    "nothing to do if the id is right: it counts",
    mended=True,
)
UNKNOWN_CLASS = Rule(
    "C604",
    "error",
    "items of a class that the class map lacks",
    "correct classes.txt, or of masks label_mapping.json",
    mended=True,
)
UNNAMED = Rule("C621", "note", "items without a class, which are called object", "--rename object=NAME")
MOSTLY_CROWD = Rule(
    "C611",
    "warning",
    "splits with most items marked as crowd",
    "if they are single things, set iscrowd to 0",
)
CROWD_AS_BOX = Rule(
    "C612",
    "warning",
    "crowd regions written as ordinary boxes",
    "leave them out: --crowd drop",
)
ONE_SIDED = Rule("C605", "warning", "classes that one split lacks", "split anew: tltpipe split gives every side some")
NO_ITEM_HAS = Rule("C606", "note", "attributes that no item has", "nothing to do: they cannot be learnt")
ATTRIBUTE_ONE_SIDED = Rule(
    "C607", "note", "attributes that one split lacks", "collect more, or expect no figure for them"
)

# D: duplicates
_ONE = "keep one of them"
_SIDES = "keep them on one side: tltpipe split"
SAME_PICTURE = Rule("D701", "warning", "pictures that are there more than once", _ONE, mended=True)
SAME_ACROSS = Rule("D702", "warning", "pictures that are in two splits", _SIDES, mended=True)
NEAR = Rule("D703", "note", "pictures that look like another", _ONE)
NEAR_ACROSS = Rule("D704", "warning", "pictures that look like one of another split", f"{_SIDES} --near")
GARMENT_ACROSS = Rule("D705", "warning", "garments (pair_id, style) that are in two splits", _SIDES)

_ALL: dict[str, Rule] = {rule.code: rule for rule in list(globals().values()) if isinstance(rule, Rule)}
