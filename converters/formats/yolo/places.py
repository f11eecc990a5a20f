"""Where a split of a YOLO data set lies: folders of images with those of their labels, or lists of images."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from converters.formats.yolo import labels, lists
from converters.model import rules
from converters.model.findings import Finding, Findings
from converters.model.splits import Place, split_name


@dataclass(frozen=True)
class Source:
    """Images of a split: a folder, with that of its labels; or a .txt file with the path of an image in each line."""

    images: Path
    labels: Path | None = None


@dataclass(frozen=True)
class Described(Place):
    """A split by its ``name``.

    ``page`` is the data.yaml or obj.data that names it; ``findings`` are about the split as a whole.
    """

    name: str
    page: Path | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Several(Described):
    """A split of several folders, or of lists; names are told below ``images``."""

    sources: tuple[Source, ...] = ()


def sources(place: Described) -> tuple[Source, ...]:
    """The folders and lists of ``place``."""
    return place.sources if isinstance(place, Several) else (Source(place.images, place.annotations),)


def described(
    root: Path,
    name: str,
    paths: Sequence[Path],
    *,
    page: Path | None = None,
    findings: Iterable[Finding] = (),
) -> Described:
    """The split ``name``, whose images are in the folders and lists ``paths``.

    Names are told below what all folders have in common; those of a list below ``images`` in ``root``, or the folder
    of its first image.
    """
    odd = Findings()
    odd.take(findings)
    pairs = tuple(_source(path, root, odd) for path in paths)
    name = split_name(name)
    if len(pairs) == 1 and pairs[0].labels is not None:
        return Described(root, pairs[0].labels, pairs[0].images, name, page, odd.all())
    images = _common(pairs) or _base(root, paths)
    annotations = _parallel(pairs, images, root) or page or paths[0]
    return Several(root, annotations, images, name, page, odd.all(), pairs)


def _source(path: Path, root: Path, odd: Findings) -> Source:
    if not path.is_dir():
        return Source(path)
    folder = labels.folder_of(path, root)
    if folder not in (path, labels.rule(path)):
        odd.add(rules.OTHER_FOLDER, f"{path}: the labels are in {os.path.relpath(folder, root)}")
    return Source(path, folder)


def _common(pairs: Sequence[Source]) -> Path | None:
    """What folders have in common; None where one of ``pairs`` is a list."""
    if any(pair.labels is None for pair in pairs):
        return None
    return Path(os.path.commonpath([os.path.normpath(pair.images) for pair in pairs]))


def _base(root: Path, paths: Sequence[Path]) -> Path:
    """The folder of all images where some are listed."""
    if (root / "images").is_dir():
        return root / "images"
    first = next((path for path in paths if not path.is_dir()), None)
    return (lists.first_folder(root, first) if first is not None else None) or root


def _parallel(pairs: Sequence[Source], images: Path, root: Path) -> Path | None:
    """The folder below which labels lie as their images do below ``images``."""
    folders = [pair.labels for pair in pairs if pair.labels is not None]
    if not folders:
        folder = labels.folder_of(images, root)
        return folder if labels.any_text(folder) else None
    common = Path(os.path.commonpath([os.path.normpath(folder) for folder in folders]))
    inner = [
        (os.path.relpath(pair.images, images), os.path.relpath(pair.labels, common)) for pair in pairs if pair.labels
    ]
    return common if len(inner) == len(pairs) and all(one == other for one, other in inner) else None
