"""What becomes of a data set's images and items on their way: in words, and when it is too much."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from converters.files import listing
from converters.files.strays import ANNOTATIONS, Claim, checksum, meet, outside, strays
from converters.model import Pictures, listed, rules
from converters.model.findings import Findings
from converters.model.splits import Place
from tltpipe.errors import DataError
from tltpipe.losses import Losses, total

NOT_LISTED = "images that no annotation lists"
OUTSIDE = "images outside the folders of every split"
IN_NO_SPLIT = "images with annotations that no split lists"
UNREADABLE = "images of a kind that cannot be read"

HINT = "mend the data (see tltpipe check), or accept the loss: --allow-loss (data.allow_loss in tltpipe.yaml)"


def chosen(word: str) -> str:
    """The reason for what a selection drops by ``word`` (``converters.transfer.selection.DROPPED``)."""
    return f"dropped by the selection: {word}"


def left_out(code: str | None) -> str:
    """The reason for images that break the rule ``code``."""
    return f"left out: {rules.by_code(code).title}"


def count_left_out(
    losses: Losses,
    problems: Sequence[tuple[str, DataError]],
    items: Sequence[Sequence[str]],
    name: Callable[[str], str] = str,
) -> None:
    """Count images that could not be used; ``items`` has the classes on each, which ``name`` gives their new names."""
    for (_, problem), classes in zip(problems, items, strict=True):
        losses.leave_out(left_out(problem.code), images=1, classes=map(name, classes))


def count_findings(losses: Losses, findings: Findings) -> None:
    """Count what readers dropped and told."""
    for found in findings:
        if found.rule.loses == "images":
            losses.leave_out(found.rule.title, images=found.count)
        elif found.rule.loses == "items":
            losses.leave_out(found.rule.title, items=found.count)


def claim(place: Place, pictures: Pictures, known: array[int] | None = None, paths: array[int] | None = None) -> Claim:
    """What belongs to the split of ``pictures``; ``known`` are the check sums of its names, if those are there."""
    paired = getattr(pictures, "PAIRED", False)
    return Claim(place, names(pictures) if known is None else known, paths or array("I"), labels=not paired)


def names(pictures: Pictures, keys: Sequence[Any] | None = None) -> array[int]:
    """Check sums of the names of all pictures, or ``keys``. Raises DataError for a split that cannot be opened."""
    return array("I", [checksum(pictures.name(key)) for key in (pictures.keys() if keys is None else keys)])


def count_strays(
    claims: Sequence[Claim],
    pictures: Sequence[Pictures],
    idle: Sequence[tuple[Place, Pictures]] = (),
    *,
    roots: Sequence[Path] = (),
    besides: Sequence[Path] = (),
) -> list[Losses]:
    """What lies in the folders of splits and belongs to none of their pictures: the losses of each of ``pictures``.

    The first of ``claims`` are those of ``pictures``. ``idle`` are splits of the same data set that are not read: their
    files are no strays. Where one of them cannot be opened, or a folder not be listed, nobody knows what is a stray,
    and nothing is counted. Nothing in ``besides`` counts, either. Pictures below the folders ``roots`` that are in no
    split at all count as those of the first, unless they lie where the pictures of a split are read from (masks).
    """
    own = [each.place for each in claims]
    try:
        others = [claim(place, known) for place, known in idle if any(meet(place, each) for each in own)]
        found: list[dict[str, set[str]]] = [{} for _ in (*claims, *others)]
        for stray in strays((*claims, *others), besides=besides):
            found[stray.claim].setdefault(stray.name, set()).add(stray.extension)
        every = (*claims, *(Claim(place, array("I")) for place, _ in idle))
        read = [path for each in (*pictures, *(each for _, each in idle)) for path in each.inputs if path.is_dir()]
        lost = [image for root in roots for image in outside(root, every, besides=[*besides, *read])]
    except DataError:
        return [Losses() for _ in pictures]
    counted = [_counted(kinds, each, held.place) for kinds, each, held in zip(found, pictures, claims, strict=False)]
    if lost and counted:
        classes = (name for image in sorted(lost) for name in listed(pictures[0], image, method="items_beside"))
        counted[0].leave_out(OUTSIDE, images=len(lost), classes=classes)
    return counted


def _counted(found: Mapping[str, set[str]], pictures: Pictures, place: Place) -> Losses:
    """Names with the extensions of their files, as losses: an image and its annotations are one."""
    losses = Losses()
    stems: dict[str, set[str]] = {}
    for name, kinds in found.items():
        stem = next((name[len(f"{top}/") :] for top in _tops(place) if name.startswith(f"{top}/")), name)
        stems.setdefault(stem, set()).update(kinds)
    for stem, kinds in sorted(stems.items()):
        items = listed(pictures, (stem,))
        annotated = bool(items or kinds & ANNOTATIONS)
        if not items and kinds == {"txt"} and not _is_empty(place.annotations / f"{stem}.txt"):
            continue  # some other text
        losses.leave_out(_reason(kinds, annotated=annotated), images=1, classes=items)
    return losses


def _reason(kinds: set[str], *, annotated: bool) -> str:
    if kinds & listing.PICTURES:
        return IN_NO_SPLIT if annotated else NOT_LISTED
    if kinds - ANNOTATIONS:
        return f"{UNREADABLE} (.{', .'.join(sorted(kinds - ANNOTATIONS))})"
    return left_out(rules.NO_PICTURE.code)


def _tops(place: Place) -> list[Path]:
    return sorted({place.annotations, place.images}, key=lambda path: -len(path.parts))


def _is_empty(path: Path) -> bool:
    """Whether it is a file that says that nothing is on its picture."""
    return path.is_file() and not path.stat().st_size


def refuse_wholesale(splits: Mapping[str, Losses], classes: Sequence[str], where: Mapping[str, Path]) -> None:
    """Raise DataError where a split, or a class, was read and nothing of it is written.

    ``classes`` are those that were chosen, none for all: others are no loss, nor are classes that are crowds alone
    where those are dropped as the user asked. ``where`` has the place of each split.
    """
    for name, losses in splits.items():
        if losses.read.images and not losses.written.images:
            raise DataError(f"all of {name} is lost: {_reasons(losses)}", where=where.get(name), hint=HINT)
        items = sum(count for category, count in losses.classes_read.items() if not classes or category in classes)
        if items and not losses.written.items:
            raise DataError(f"all items of {name} are lost: {_reasons(losses)}", where=where.get(name), hint=HINT)
    for category, (items, reasons) in total(splits.values()).emptied().items():
        dropped_crowds = set(reasons) == {chosen("crowd")}
        if category and not dropped_crowds and (not classes or category in classes):
            why = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items())
            what = f"the only item of class {category} is" if items == 1 else f"all {items:,} items of {category} are"
            first = next(name for name, losses in splits.items() if category in losses.classes_read)
            raise DataError(f"{what} lost: {why}", where=where.get(first), hint=HINT)


def _reasons(losses: Losses) -> str:
    return "; ".join(f"{count.brief} {reason}" for reason, count in losses.lost.items())
