"""From annotations to TFRecord shards, record for record as NVIDIA's converter cuts, shuffles and names them.

A source (``kitti``, ``coco``) lists frames in partitions and annotates one frame at a time; ``partition`` divides,
``modifier`` filters and repeats, ``layouts`` says what a record holds, ``work`` makes records in several processes,
``shards`` writes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from tltpipe.losses import Losses

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.conversion.calibration import Calibration
    from runtime.conversion.layouts import Names

Object = tuple[str, Sequence[float]]
"""Stored class name, and the fourteen numbers of a KITTI label in the order of its columns."""


@dataclass(slots=True)
class Annotated:
    """One frame as it will be recorded.

    ``id`` is ``<image folder>/<stem>``; ``objects`` those kept; ``renamed`` the stored name of each class name met;
    ``dropped`` the boxes left out, as the warning file names them; ``scores`` how many label lines carried a score
    that was dropped; ``picture`` its file. ``items`` is how many objects were read, ``unmapped`` how many of those
    have no name here, ``flat`` the classes, as read, of those that have no area.
    """

    id: str
    width: int
    height: int
    objects: Sequence[Object]
    renamed: Mapping[str, str] = field(default_factory=dict)
    dropped: Mapping[str, list[int]] = field(default_factory=dict)
    scores: int = 0
    picture: str = ""
    items: int = 0
    unmapped: int = 0
    flat: Sequence[str] = ()
    point_cloud: str | None = None
    calibration: Calibration | None = None


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
    notes: Sequence[tuple[str, Mapping[str, int] | None]] = field(default=())
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

    def annotate(self, frame: Any, names: Names) -> Annotated:
        """The objects of one frame, those left out for which there is no name. Raises DataError with file and line."""
        ...


def is_kept(box: Sequence[float]) -> bool:
    """Whether a box survives: its corners, cut to integers toward zero, still enclose something."""
    left, top, right, bottom = box
    return int(left) < int(right) and int(top) < int(bottom)
