"""Any data set in, any format out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converters.model import Dataset
from converters.transfer import merging, opening, outputs, placement
from converters.transfer.merging import Source
from converters.transfer.parts import Located, Part, Summary
from converters.transfer.selection import Selection, joint
from converters.transfer.transfer import transfer
from tltpipe.errors import TltpipeError, UsageError
from tltpipe.journal import is_ours
from tltpipe.losses import Losses, total
from tltpipe.progress import Progress


@dataclass(frozen=True)
class Converted:
    """From which format, or formats, and what became of each split; ``notes`` tell of sets that were merged."""

    source_format: str
    splits: Mapping[str, Summary]
    notes: tuple[str, ...] = ()

    @property
    def losses(self) -> Losses:
        """The balance of all splits."""
        return total(summary.losses for summary in self.splits.values())


def convert(
    source: Path | Sequence[Path],
    target: Path,
    *,
    format: str,
    progress: Progress,
    source_format: str | None = None,
    coordinates: str | None = None,
    images: Path | None = None,
    splits: Sequence[str] = (),
    selection: Selection | None = None,
    pictures: placement.How = "link",
    options: Mapping[str, Any] | None = None,
    replace: bool = False,
    skip_bad: bool = False,
    allow_loss: bool = False,
    workers: int | None = None,
) -> Converted:
    """Read the data set at ``source`` and write it as ``format`` into the folder ``target``, with its class map.

    Several sources become one data set (``converters.transfer.merging``). ``images`` is the folder of the pictures
    where they lie apart; ``coordinates`` as in ``converters.splits``.

    ``splits`` chooses; all without. ``pictures`` go along as hard links or copies, or stay where they are ("none").
    ``options`` are those of the format's writer. A killed run goes on when started again. Pictures left out by
    ``skip_bad`` are listed in ``target/left-out.txt``.
    Raises UsageError when ``target`` holds something and ``replace`` is not set, and as ``converters.splits`` does.
    """
    opening.module(format, writing=True)
    sources = _sources([source] if isinstance(source, Path) else source, source_format, images, coordinates)
    chosen, located, idle, notes = _chosen(sources, splits, images)
    read = {path.resolve() for dataset in chosen.values() for path in dataset.pictures.inputs}
    if read & {target.resolve(), *target.resolve().parents}:
        raise UsageError("the output would lie among the files that it is made of", where=target)
    journals = [vacant(each.path, target, replace=replace) for each in sources]
    selection = selection or Selection()
    first = joint(list(chosen.values()), selection)[0]
    parts = [
        Part(name, dataset, outputs.plan(format, target, name, pictures=pictures, options=options), located[name])
        for name, dataset in chosen.items()
    ]
    texts = outputs.texts(format, target, first.categories, list(chosen), keypoints=first.keypoints, options=options)
    left_out, old = target / outputs.LEFT_OUT, outputs.former(target, pictures=pictures)
    done = transfer(
        parts,
        journal=journals[0],
        progress=progress,
        what=f"convert to {format}",
        selection=selection,
        texts=texts,
        left_out=left_out,
        skip_bad=skip_bad,
        allow_loss=allow_loss,
        idle=idle,
        roots=[each.path for each in sources if each.path.is_dir()],
        workers=workers,
    )
    told = [left_out] if any(split.skipped for split in done.values()) else []
    outputs.replaced(target, old, parts, [*texts, *told])
    return Converted(" + ".join(dict.fromkeys(each.format for each in sources)), done, notes)


def _sources(paths: Sequence[Path], format: str | None, images: Path | None, coordinates: str | None) -> list[Source]:
    found = []
    for name, path in zip(merging.names(paths), paths, strict=True):
        known, places = opening.find(path, format, images=images)
        found.append(Source(name, path, known, places, opening.read_all(path, places, known, coordinates=coordinates)))
    return found


def _chosen(
    sources: Sequence[Source], splits: Sequence[str], images: Path | None
) -> tuple[Mapping[str, Dataset], dict[str, list[Located]], list[Located], tuple[str, ...]]:
    """The data set of each split that is taken, where each lies, where the others lie, and what to tell."""
    if len(sources) > 1:
        merged = merging.merge(sources, splits)
        chosen, notes = merged.datasets, merged.notes
    else:
        (only,), notes = sources, ()
        splits = [opening.known(name, only.datasets, only.path) for name in splits]
        chosen = {name: dataset for name, dataset in only.datasets.items() if not splits or name in splits}
    located: dict[str, list[Located]] = {name: [] for name in chosen}
    idle: list[Located] = []
    for source in sources:
        for name, dataset in source.datasets.items():
            located.get(name, idle).append((source.places[name], dataset.pictures))
        idle += _siblings(source, images)
    return chosen, located, idle, notes


def _siblings(source: Source, images: Path | None) -> list[Located]:
    """The other splits of a data set of which one file was named: their pictures may lie in the same folder."""
    if not source.path.is_file():
        return []
    try:
        root = next(iter(source.places.values())).root
        others = {
            name: place
            for name, place in opening.find(root, source.format, images=images)[1].items()
            if not place.annotations.samefile(source.path)
        }
        return [(others[name], each.pictures) for name, each in opening.read_all(root, others, source.format).items()]
    except (TltpipeError, OSError):  # that is not what was asked
        return []


def vacant(source: Path, target: Path, *, replace: bool) -> Path:
    """The journal of the work that makes ``target`` of ``source``.

    Raises UsageError when ``target`` holds something and ``replace`` is not set, and as ``within`` does.
    """
    within(source, target)
    journal = target.parent / f".{target.name}.journal"
    occupied = target.is_dir() and bool(_visible(target)) and not is_ours(journal)  # a journal: from a killed run
    if target.is_file() or (occupied and not replace):
        raise UsageError("is there already", where=target, hint="choose another folder, or --force to replace it")
    return journal


def within(source: Path, target: Path) -> None:
    """Raises UsageError where ``target`` would be written into the data that are read."""
    if target.resolve() == source.resolve() or source.resolve().is_relative_to(target.resolve()):
        raise UsageError("the output would replace the data that it is made of", where=target)


def _visible(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith(".") and not _only_hidden(path)]


def _only_hidden(path: Path) -> bool:
    """A folder that a killed run made for what was to come."""
    return path.is_dir() and not _visible(path)
