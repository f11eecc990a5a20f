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

    ``folds``: what is in each fold, by None where files are of no fold; ``counted``: whether objects are, else the
    classes that it lists are all that is known. ``categories``: numbers by class, as a COCO file has them, or the list
    beside records for DALI. ``sizes``: images by width and height; ``channels``: images by channels, of those that
    were opened; ``boxes``: float32 [N, 4], left, top, width, height in shares of the image; ``frame_ids``: names of
    images without extension; ``occluded``: objects with an occlusion other than 0.

    Of records: ``strays`` are files that the pattern matches and that are none, ``no_index`` those whose file for DALI
    is missing, ``old_index`` where it does not fit. ``no_image`` and ``no_label``: frames without the one or the other;
    ``other_extension``: images with another one than the spec's, ``upper_case``: one in upper case. Lines of labels:
    ``fractions`` have an occlusion that is no integer, ``scores`` a 16th column, ``widths`` another number of columns
    than 15 or 16, ``blanks`` a class with a blank, ``flat`` a box that is empty in whole pixels; ``odd`` ones are no
    labels, ``spacing``: files with double or trailing blanks, ``empty``: files with nothing in them.

    ``problem``: why it could not be read; ``unread``: what of it was not.
    """

    source: DataSource
    layout: Literal["detectnet_v2", "dali"] | None = None
    folds: Mapping[int | None, Amount] = field(default_factory=dict)
    counted: bool = True
    categories: Mapping[str, int] = field(default_factory=dict)
    sizes: Mapping[tuple[int, int], int] = field(default_factory=dict)
    channels: Mapping[int, int] = field(default_factory=dict)
    boxes: NDArray[np.float32] | None = None
    frame_ids: Sequence[str] = ()
    occluded: int = 0
    strays: Examples = NONE
    no_index: Examples = NONE
    old_index: Examples = NONE
    no_image: Examples = NONE
    no_label: Examples = NONE
    other_extension: Examples = NONE
    upper_case: Examples = NONE
    fractions: Examples = NONE
    scores: Examples = NONE
    widths: Examples = NONE
    blanks: Examples = NONE
    flat: Examples = NONE
    odd: Examples = NONE
    spacing: Examples = NONE
    empty: Examples = NONE
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


def readable(facts: DataFacts | None, *formats: str) -> Iterator[SourceFacts]:
    """The sources that could be read, of these formats, by default of all; none where nothing is known of data."""
    for each in facts.sources() if facts is not None else ():
        if each.problem is None and (not formats or each.source.format in formats):
            yield each


def amount(facts: DataFacts | None, role: Role) -> Amount:
    """What all sources hold for ``role``."""
    frames, objects = 0, Counter[str]()
    for each in readable(facts):
        part = each.amount(role)
        frames += part.frames
        objects.update(part.objects)
    return Amount(frames, objects)


MOST_BOXES = 20_000


def training_boxes(facts: DataFacts | None) -> NDArray[np.float32] | None:
    """Some of the boxes to train on, spread over all that are known: left, top, width and height in shares of their
    image; None without any."""
    import numpy as np

    sources = (each for each in readable(facts) if each.source.role == "training")
    result = [each.boxes for each in sources if each.boxes is not None and len(each.boxes)]
    if not result:
        return None
    boxes = np.concatenate(result)
    return boxes[:: max(1, len(boxes) // MOST_BOXES)].clip(0, 1)
