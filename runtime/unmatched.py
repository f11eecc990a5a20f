"""Files of a KITTI data set that a program passes over: images without labels, labels without an image."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from converters import listing
from runtime import kitti_labels
from tltpipe.errors import DataError
from tltpipe.losses import Losses

NO_LABELS = "images without a label file"
NO_IMAGE = "label files without an image"
OTHER = "images that are not taken: another extension, or in no sequence"

_TEXT = frozenset(("txt",))


def unmatched(images: Path, labels: Path, stems: Collection[str]) -> Losses:
    """What of the folders ``images`` and ``labels`` is not among ``stems``, names below them without extension.

    Items are counted as far as label files can be read. Raises DataError for folders that cannot be.
    """
    taken, losses = frozenset(stems), Losses()
    pictures, texts = listing.stems(images, listing.PICTURES), listing.stems(labels, _TEXT)
    for stem in sorted((pictures | texts) - taken):
        reason = NO_IMAGE if stem not in pictures else OTHER if stem in texts else NO_LABELS
        losses.leave_out(reason, images=1, items=items(labels / f"{stem}.txt") if stem in texts else 0)
    return losses


def items(path: Path) -> int:
    """How many lines the label file has; 0 for one that is not there or cannot be read."""
    try:
        return len(kitti_labels.read(path).lines)
    except DataError:
        return 0
