"""What rules know beside the spec itself: how its paths lie on this host, what is in its data.

Who can read data makes these (``orchestrator.jobs.spec_data``); nothing here reads anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from specs.data_sources import DataSource, Role

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tltpipe.errors import DataError

__all__ = [
    "NONE", "Amount", "DataFacts", "DataSource", "Examples", "Paths", "Role", "SourceFacts", "amount", "readable",
]  # fmt: skip


class Paths(Protocol):
    """How the paths that a job sees lie on this host."""

    def host(self, text: str) -> Path | None:
        """The path, or glob, on this host, whether anything is there or not; None where the job would see nothing, as
        in a folder that is not mounted."""
        ...

    def job(self, path: Path) -> str | None:
        """How the job sees ``path`` of this host; None where it does not."""
        ...


@dataclass(frozen=True)
class Amount:
    """Frames, and objects by class as it is stored."""

    frames: int = 0
    objects: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Examples:
    """How many there are of something, and a few of them."""

    count: int = 0
    few: tuple[str, ...] = ()

    def __str__(self) -> str:
        more = f" and {self.count - len(self.few):,} more" if self.count > len(self.few) else ""
        return ", ".join(self.few) + more


NONE = Examples()


@dataclass(frozen=True)
class SourceFacts:
    """What is known of a source.

    ``folds``: what is in each fold, by None where files are of no fold; ``numbering``: what class 1, 2, ... is where
    records hold numbers; ``sizes``: images by width and height, ``channels``: images by channels, of those that were
    opened; ``boxes``: float32 [N, 4], left, top, width, height in shares of the image, ``frame_ids`` names of images
    without extension. ``strays``: files that the glob catches and that are no records; ``indexes``: records whose file
    for DALI is missing, ``old_indexes`` where it does not fit. ``no_image`` and ``no_label``: frames without the one
    or the other; ``other_images``: images with another extension than the spec's, or one in upper case.
    ``problem``: why it could not be read; ``unread``: what of it was not.
    """

    source: DataSource
    layout: Literal["detectnet_v2", "dali"] | None = None
    folds: Mapping[int | None, Amount] = field(default_factory=dict)
    numbering: tuple[str, ...] | None = None
    sizes: Mapping[tuple[int, int], int] = field(default_factory=dict)
    channels: Mapping[int, int] = field(default_factory=dict)
    boxes: NDArray[np.float32] | None = None
    frame_ids: Sequence[str] = ()
    strays: Examples = NONE
    indexes: Examples = NONE
    old_indexes: Examples = NONE
    no_image: Examples = NONE
    no_label: Examples = NONE
    other_images: Examples = NONE
    occluded: int = 0
    float_occlusions: Examples = NONE
    scores: Examples = NONE
    blank_names: Examples = NONE
    problem: DataError | None = None
    unread: str = ""

    def amount(self, role: Role) -> Amount:
        """What of it serves ``role``, with the fold that is held out on the side of validation."""
        held_out, frames, objects = self.source.held_out, 0, Counter[str]()
        for fold, part in self.folds.items():
            validates = self.source.role == "validation" or (held_out is not None and fold == held_out)
            if validates == (role == "validation"):
                frames += part.frames
                objects.update(part.objects)
        return Amount(frames, objects)


class DataFacts(Protocol):
    """What is known of the data that a spec names, read when a rule asks for it."""

    def sources(self) -> Sequence[SourceFacts]:
        """Those of the spec that are there, in its order."""
        ...


def readable(facts: DataFacts) -> Iterator[SourceFacts]:
    """The sources that could be read."""
    return (each for each in facts.sources() if each.problem is None)


def amount(facts: DataFacts, role: Role) -> Amount:
    """What all sources hold for ``role``."""
    frames, objects = 0, Counter[str]()
    for each in readable(facts):
        part = each.amount(role)
        frames += part.frames
        objects.update(part.objects)
    return Amount(frames, objects)
