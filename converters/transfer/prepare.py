"""From raw data to what TLT takes: all splits in one pass, each picture to a COCO file and to its KITTI labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from converters.model import Dataset, classes
from converters.model.splits import Place
from converters.transfer import outputs
from converters.transfer.parts import Part, Summary
from converters.transfer.selection import Selection, joint
from converters.transfer.transfer import transfer
from tltpipe.progress import Progress


@dataclass(frozen=True)
class Target:
    """Where the results of a split go: the COCO file ``annotations`` and the folder ``labels`` of KITTI text files.

    ``labels`` is None for a split of which nobody says what is on its pictures: no labels are not empty labels.
    """

    annotations: Path
    labels: Path | None


def prepare(
    splits: Mapping[str, tuple[Dataset, Target]],
    *,
    class_maps: tuple[Path, ...],
    journal: Path,
    progress: Progress,
    selection: Selection | None = None,
    left_out: Path | None = None,
    skip_bad: bool = False,
    allow_loss: bool = False,
    places: Mapping[str, Place] | None = None,
    idle: Mapping[str, Dataset] | None = None,
    roots: Sequence[Path] = (),
    workers: int | None = None,
) -> dict[str, Summary]:
    """Write every split to its target, and the class map to the folders ``class_maps``; all appear together.

    ``places`` says where each split lies, those that are ``idle`` too, ``roots`` where the whole does. Journal,
    errors, ``skip_bad`` and ``allow_loss`` are those of ``converters.transfer.transfer``.
    """
    selection, known = selection or Selection(), places or {}
    parts = [_part(split, dataset, target, known.get(split)) for split, (dataset, target) in splits.items()]
    categories = joint([part.dataset for part in parts], selection)[0].categories
    return transfer(
        parts,
        journal=journal,
        progress=progress,
        what="prepare",
        selection=selection,
        texts={folder / classes.NAME: classes.text(categories) for folder in class_maps},
        left_out=left_out,
        images_needed=True,
        skip_bad=skip_bad,
        allow_loss=allow_loss,
        idle=[(known[split], dataset.pictures) for split, dataset in (idle or {}).items() if split in known],
        roots=roots,
        workers=workers,
    )


def _part(split: str, dataset: Dataset, target: Target, place: Place | None) -> Part:
    made = [outputs.labelled("coco", target.annotations)]
    if target.labels is not None and dataset.annotated:
        made.append(outputs.labelled("kitti", target.labels))
    return Part(split, dataset, tuple(made), ((place, dataset.pictures),) if place is not None else ())
