"""Files of a KITTI data set that a program passes over: images without labels, labels without an image."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Set
from pathlib import Path

from converters.files import listing
from converters.formats.kitti import rows as kitti_rows
from converters.model.ignore_regions import is_ignored
from tltpipe.errors import DataError
from tltpipe.losses import Losses

NO_LABELS = "images without a label file"
NO_IMAGE = "label files without an image"
OTHER = "images that are not taken: another extension"
NO_SEQUENCE = "images that are in no sequence"

_TEXT = frozenset(("txt",))


def unmatched(images: Path, labels: Path, stems: Collection[str], *, other: str = OTHER) -> Losses:
    """What of the folders ``images`` and ``labels`` is not among ``stems``, names below them without extension.

    ``other`` is the reason for what has both an image and labels. Raises DataError for folders that cannot be read.
    """
    pictures, texts = listing.stems(images, listing.PICTURES), listing.stems(labels, _TEXT)
    return among(pictures, texts, stems, labels=labels, other=other)


def among(pictures: Set[str], texts: Set[str], stems: Collection[str], *, labels: Path, other: str = OTHER) -> Losses:
    """What of ``pictures``, and of ``texts`` in the folder ``labels``, is not among ``stems``.

    Items are counted as far as label files can be read.
    """
    taken, losses = frozenset(stems), Losses()
    for stem in sorted((pictures | texts) - taken):
        reason = NO_IMAGE if stem not in pictures else other if stem in texts else NO_LABELS
        losses.leave_out(reason, images=1, classes=items(labels / f"{stem}.txt") if stem in texts else ())
    return losses


def items(path: Path) -> list[str]:
    """The class of each line of the label file; none of one that is not there or cannot be read."""
    try:
        found, _ = kitti_rows.rows(kitti_rows.text_of(path), source=path)
    except DataError:
        return []
    return classes(category for _, category, _ in found)


def classes(names: Iterable[str]) -> list[str]:
    """The class of each item, empty for a region to ignore, which has none."""
    return ["" if is_ignored(name) else name for name in names]
