"""Where the label files of a folder of images lie.

YOLO's rule: the last ``images`` in the path becomes ``labels``. People also keep them beside the images, in ``labels``
of another level, or in a folder of any other name that mirrors the one of the images.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from converters.files import listing
from converters.files.numerals import is_number
from converters.model.splits import SPLITS, split_name
from tltpipe import inputs

TEXT = frozenset(("txt",))
_OTHERS = ("classes", "predefined_classes", "notes", "license", "requirements", "left-out", "labels", "images")
"""Text files with these names are no label files, unless an image has the name."""

FAR = 100.0
"""Times the size of the image, which no number reaches; a share is about 0 to 1."""

_BLANK = 4096  # files without a line that are read before one decides


def rule(images: Path) -> Path:
    """The folder that YOLO's own rule gives; that of the images where no ``images`` is in the path."""
    return next(_mirrors(images), images)


def folder_of(images: Path, root: Path) -> Path:
    """The folder of the labels for the folder ``images`` of the data set ``root``: where label files are.

    Nothing is read from it that is not named after an image; ``rule(images)`` where there are no labels at all.
    """
    for folder in _mirrors(images):
        if any_text(folder):
            return folder
    if _beside(images):
        return images
    return _elsewhere(images, root) or rule(images)


def any_text(folder: Path) -> bool:
    """Whether there is anything in ``folder`` that can be a label file."""
    return folder.is_dir() and next(texts(folder), None) is not None


def texts(folder: Path) -> Iterator[str]:
    """Paths below ``folder`` of all that can be label files."""
    return (path for path in listing.files(folder, TEXT) if is_label(path))


def is_label(path: str) -> bool:
    """Whether ``path`` can be a label file, by its name."""
    name = path.rpartition("/")[2].rpartition(".")[0].lower()
    return not (name in _OTHERS or name.startswith(("_", "readme")) or split_name(name) in SPLITS)


def is_share(word: str) -> bool:
    """Whether ``word`` is a number as they stand in these files."""
    return is_number(word) and abs(float(word)) < FAR


def looks_right(folder: Path, stems: frozenset[str] | None = None) -> bool:
    """Whether the first label file with a line (of those named in ``stems``) begins with one of YOLO's."""
    if not folder.is_dir():
        return False
    names = (name for name in texts(folder) if stems is None or name.rpartition(".")[0] in stems)
    first = filter(None, (first_line(folder / name) for name in islice(names, _BLANK)))
    return is_line(next(first, []))


def first_line(path: Path) -> list[str]:
    """The words of the first line of the file ``path``."""
    return inputs.head(path).partition(b"\n")[0].decode("utf-8-sig", errors="replace").split()


def is_line(words: Sequence[str]) -> bool:
    """Whether a line of ``words`` begins with a class number and shares of one."""
    return len(words) >= 5 and words[0].isdigit() and is_share(words[1])


def pairs(folder: Path) -> frozenset[str]:
    """Paths without extension of the images below ``folder`` that have a text file beside them."""
    images: set[str] = set()
    found: set[str] = set()
    for path in listing.files(folder, listing.PICTURES | TEXT):
        stem, _, extension = path.rpartition(".")
        (found if extension.lower() in TEXT else images).add(stem)
    return frozenset(images & found)


def _mirrors(images: Path) -> Iterator[Path]:
    """``images`` with one ``images`` in it replaced by ``labels``, the last first."""
    parts = images.parts
    for place in range(len(parts) - 1, -1, -1):
        if parts[place].lower() == "images":
            name = "labels" if parts[place] != "Images" else "Labels"
            yield Path(*parts[:place], name, *parts[place + 1 :])
            if name != "labels":
                yield Path(*parts[:place], "labels", *parts[place + 1 :])


def _beside(images: Path) -> bool:
    return bool(pairs(images)) if images.is_dir() else False


def _elsewhere(images: Path, root: Path) -> Path | None:
    """The folder below ``root`` that has label files for the most of ``images``; None where two have as many.

    No folder of another split is one, nor one that holds the images those files are named after.
    """
    by_name: dict[str, list[str]] = {}
    for path in texts(root):
        stem = path.rpartition(".")[0]
        by_name.setdefault(stem.rpartition("/")[2], []).append(stem)
    stems = listing.stems(images, listing.PICTURES) if by_name and images.is_dir() else set()
    counts: Counter[str] = Counter()
    for stem in stems:
        for path in by_name.get(stem.rpartition("/")[2], ()):
            if path == stem or path.endswith(f"/{stem}"):
                counts[path.removesuffix(stem).rstrip("/")] += 1
    best: list[tuple[int, int, Path]] = []
    for inner, count in counts.items():
        folder = root / inner
        if _may_belong(folder, images, root) and looks_right(folder, frozenset(stems)):
            best.append((count, _shared(folder, images), folder))
    best.sort(key=lambda each: each[:2], reverse=True)
    if not best or (len(best) > 1 and best[0][:2] == best[1][:2]):
        return None
    return best[0][2]


def _may_belong(folder: Path, images: Path, root: Path) -> bool:
    """Whether ``folder`` is of no other split than ``images``, and no other images lie in it or have it by the rule."""
    own, other = _splits(images, root), _splits(folder, root)
    if own and other and own != other:
        return False
    parts = folder.parts
    theirs = (
        Path(*parts[:place], "images", *parts[place + 1 :])
        for place, part in enumerate(parts)
        if part.lower() == "labels"
    )
    return not _beside(folder) and not any(other != images and _named(folder, other) for other in theirs)


def _named(labels: Path, images: Path) -> bool:
    """Whether a file below ``labels`` has the name of one below ``images``."""
    if not images.is_dir():
        return False
    return not listing.stems(labels, TEXT).isdisjoint(listing.stems(images, listing.PICTURES))


def _splits(folder: Path, root: Path) -> set[str]:
    inner = folder.relative_to(root).parts if folder.is_relative_to(root) else folder.parts[-3:]
    words = (word for part in inner for word in (part, *re.split(r"[^A-Za-z]+", part)))
    return {split_name(word) for word in words} & set(SPLITS)


def _shared(folder: Path, images: Path) -> int:
    return len(set(folder.parts) & set(images.parts))
