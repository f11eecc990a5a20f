"""A folder of label files beside one of images, paired by their paths without extension: KITTI, VisDrone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from converters.files import listing

TEXT = frozenset(("txt",))
"""Extensions of label files."""


@dataclass(frozen=True)
class LabelFolder:
    """Pairs of both folders.

    A key is a path below both without its extension, then that of the image: none where it is missing, several where
    images share a name. ``classes`` are those that may be read; None for all.
    """

    labels: Path
    images: Path
    classes: frozenset[str] | None = None

    PAIRED = True

    @property
    def inputs(self) -> tuple[Path, ...]:
        return (self.labels, self.images)

    def keys(self) -> list[tuple[str, ...]]:
        pictures = listing.pictures(self.images)
        stems = listing.together(listing.stems(self.labels, TEXT), pictures)
        return [(stem, *pictures.get(stem, ())) for stem in stems]

    def name(self, key: tuple[str, ...]) -> str:
        return key[0]
