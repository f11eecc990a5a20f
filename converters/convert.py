"""Any data set in, any format out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converters import opening, outputs, placement
from converters.selection import Selection
from converters.transfer import Part, Summary, joint, transfer
from tltpipe.errors import UsageError
from tltpipe.losses import Losses, total
from tltpipe.progress import Progress


@dataclass(frozen=True)
class Converted:
    """From which format, and what became of each split."""

    source_format: str
    splits: Mapping[str, Summary]

    @property
    def losses(self) -> Losses:
        """The balance of all splits."""
        return total(summary.losses for summary in self.splits.values())


def convert(
    source: Path,
    target: Path,
    *,
    format: str,
    progress: Progress,
    source_format: str | None = None,
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

    ``splits`` chooses; all without. ``pictures`` go along as hard links or copies, or stay where they are ("none").
    ``options`` are those of the format's writer. A killed run goes on when started again. Pictures left out by
    ``skip_bad`` are listed in ``target/left-out.txt``.
    Raises UsageError when ``target`` holds something and ``replace`` is not set, and as ``converters.splits`` does.
    """
    opening.module(format, writing=True)
    source_format, places = opening.find(source, source_format)
    found = opening.read_all(source, places, source_format)
    for name in splits:
        if name not in found:
            raise UsageError(f'there is no split "{name}" here', where=source, hint=f"there are {', '.join(found)}")
    chosen = {name: dataset for name, dataset in found.items() if not splits or name in splits}
    read = {path.resolve() for dataset in chosen.values() for path in dataset.pictures.inputs}
    if read & {target.resolve(), *target.resolve().parents}:
        raise UsageError("the output would lie among the files that it is made of", where=target)
    journal = vacant(source, target, replace=replace)
    selection = selection or Selection()
    first = joint(list(chosen.values()), selection)[0]
    parts = [
        Part(name, dataset, outputs.plan(format, target, name, pictures=pictures, options=options), places[name])
        for name, dataset in chosen.items()
    ]
    idle = [Part(name, dataset, (), places[name]) for name, dataset in found.items() if name not in chosen]
    texts = outputs.texts(format, target, first.categories, list(chosen), keypoints=first.keypoints, options=options)
    left_out, old = target / outputs.LEFT_OUT, outputs.former(target, pictures=pictures)
    done = transfer(
        parts,
        journal=journal,
        progress=progress,
        what=f"convert to {format}",
        selection=selection,
        texts=texts,
        left_out=left_out,
        skip_bad=skip_bad,
        allow_loss=allow_loss,
        idle=idle,
        workers=workers,
    )
    told = [left_out] if any(split.skipped for split in done.values()) else []
    outputs.replaced(target, old, parts, [*texts, *told])
    return Converted(source_format, done)


def vacant(source: Path, target: Path, *, replace: bool) -> Path:
    """The journal of the work that makes ``target`` of ``source``.

    Raises UsageError when ``target`` holds something and ``replace`` is not set, and as ``within`` does.
    """
    within(source, target)
    journal = target.parent / f".{target.name}.journal"
    occupied = target.is_dir() and bool(_visible(target)) and not journal.is_dir()  # a journal: from a killed run
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
