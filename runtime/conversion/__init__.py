"""From annotations to TFRecord shards, record for record as NVIDIA's converter cuts, shuffles and names them.

A source (``kitti``, ``coco``) lists frames in partitions and annotates some hundred of them at a time;
``partition`` divides, ``modifier`` filters and repeats, ``layouts`` says what a record holds, ``work`` makes records in
several processes, ``shards`` writes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain, compress, pairwise
from typing import TYPE_CHECKING, Any, Protocol

from converters.formats.kitti.rows import NUMBERS
from tltpipe.losses import Losses

if TYPE_CHECKING:
    from pathlib import Path

    from converters.formats.kitti.rows import Table
    from runtime.conversion.calibration import Calibration
    from runtime.conversion.layouts import Names


_BOX = slice(3, 7)
"""Left, top, right and bottom among the numbers of a label."""

Title = Callable[[int, int, int], str]


@dataclass(slots=True)
class Annotated:
    """Successive frames as they will be recorded.

    Of each frame: ``ids`` have ``<image folder>/<stem>``, ``sizes`` width and height, ``pictures`` its file,
    ``classes`` the stored names of its objects, those kept, and ``numbers`` for each of these the fourteen of a KITTI
    label in the order of its columns, one object after the other; ``point_clouds`` and ``calibrations`` nothing where
    there are none. ``renamed`` is the stored name of each class name met; ``dropped`` the boxes left out, as the
    warning file names them; ``scores`` how many label lines carried a score that was dropped. ``lost`` has, by their
    place, the frames of which objects are left out: how many have no name here, and the classes, as read, of those
    that have no area.
    """

    ids: Sequence[str]
    sizes: list[tuple[int, int]]
    pictures: Sequence[str]
    classes: list[tuple[Any, ...]] = field(default_factory=list)
    numbers: list[Sequence[float]] = field(default_factory=list)
    renamed: Mapping[str, str] = field(default_factory=dict)
    dropped: dict[str, list[int]] = field(default_factory=dict)
    lost: dict[int, tuple[int, list[str]]] = field(default_factory=dict)
    scores: int = 0
    point_clouds: Sequence[str] = ()
    calibrations: list[Calibration] = field(default_factory=list)

    def keep(self, table: Table, names: Names, title: Title) -> None:
        """Take the objects of ``table`` that have a name and an area.

        ``title`` says what the warning file calls an object, by the place of its frame in here and its own in
        ``table``, and by that of the first object of its frame.
        """
        stored, numbers = [names[name] for name in table.classes], table.numbers
        corners = [map(int, numbers[place::NUMBERS]) for place in range(NUMBERS)[_BOX]]
        kept = [left < right and top < bottom for left, top, right, bottom in zip(*corners, strict=True)]
        if None in stored:
            kept = [name is not None and area for name, area in zip(stored, kept, strict=True)]
        self.renamed = {
            name: own for name, own in compress(zip(table.classes, stored, strict=True), kept) if own is not None
        }
        ends = [*accumulate(table.counts, initial=0)]
        for frame, (start, end) in enumerate(pairwise(ends)):
            whole = kept[start:end]
            self.classes.append(tuple(stored[start:end]))
            self.numbers.append(numbers[NUMBERS * start : NUMBERS * end])
            if False in whole:
                self._leave_out(frame, table, whole, start, title)

    def _leave_out(self, frame: int, table: Table, kept: Sequence[bool], start: int, title: Title) -> None:
        """Leave those objects of ``frame``, which begin at ``start`` of ``table``, out that are not ``kept``."""
        classes, rows = self.classes[frame], range(start, start + len(kept))
        lines = [table.line(row) for row in rows]
        flat = [place for place, taken in enumerate(kept) if not taken and classes[place] is not None]
        for place in flat:
            self.dropped[title(frame, rows[place], start)] = [*map(int, lines[place][1][_BOX])]
        self.lost[frame] = classes.count(None), [lines[place][0] for place in flat]
        self.classes[frame] = tuple(compress(classes, kept))
        self.numbers[frame] = [*chain.from_iterable(numbers for _, numbers in compress(lines, kept))]

    def repeated(self, copies: Sequence[int]) -> Annotated:
        """Each frame as often as ``copies`` says; what became of its other objects is not told again."""

        def taken(part: Sequence[Any]) -> list[Any]:
            return [each for each, count in zip(part, copies, strict=False) for _ in range(count)]

        frames = Annotated(taken(self.ids), taken(self.sizes), taken(self.pictures))
        frames.classes, frames.numbers = taken(self.classes), taken(self.numbers)
        frames.point_clouds, frames.calibrations = taken(self.point_clouds), taken(self.calibrations)
        return frames


Notes = Sequence[tuple[str, Mapping[str, int] | None]]


@dataclass(frozen=True)
class Plan:
    """Which frames go where: one list of frames a fold, with its number of shards (0: one file without a number).

    ``folds`` is the number for "-of-": as configured, while empty partitions are already left out of ``frames``;
    0 writes no fold in the name. ``notes`` are what to tell, in order: (text, figures for status.json);
    ``doubts`` what deserves a warning; ``losses`` what lies beside the frames and is none.
    """

    frames: Sequence[Sequence[Any]]
    shards: Sequence[int]
    folds: int
    notes: Notes = field(default=())
    doubts: Sequence[str] = field(default=())
    losses: Losses = field(default_factory=Losses)


class Source(Protocol):
    """Where annotations come from. Small and picklable, so that frames can be annotated in other processes."""

    kind: str

    @property
    def place(self) -> Path:
        """Where the annotations lie: what an error about all of them names."""
        ...

    @property
    def inputs(self) -> Sequence[Path]:
        """Files and folders that are read, those of pictures, too."""
        ...

    def plan(self) -> Plan: ...

    def picture(self, frame: Any) -> str:
        """The file of the picture of ``frame``."""
        ...

    def annotate(self, frames: Sequence[Any], names: Names) -> Annotated:
        """The objects of ``frames``, without those for which there is no name. Raises DataError with file and line, for
        the first frame that is not as it should be."""
        ...
