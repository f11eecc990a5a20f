"""Where a split of a YOLO data set lies: folders of images with those of their labels, or lists of images."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from converters import rules
from converters.findings import Finding, Findings
from converters.formats import Place, split_name
from converters.yolo import labels


@dataclass(frozen=True)
class Source:
    """Images of a split: a folder, with that of its labels; or a .txt file with the path of an image in each line."""

    images: Path
    labels: Path | None = None


@dataclass(frozen=True)
class Described(Place):
    """A split by its ``name``.

    ``page`` is the data.yaml or obj.data that names it. ``sources`` are its folders where it has several, or its
    lists; names are told below ``images`` then. ``notices`` are to be said once.
    """

    name: str
    page: Path | None = None
    sources: tuple[Source, ...] = ()
    notices: tuple[Finding, ...] = ()


def described(
    root: Path,
    name: str,
    sources: Sequence[Path],
    *,
    page: Path | None = None,
    base: Path | None = None,
    notices: Findings | None = None,
) -> Described:
    """The split ``name``, whose images are in the folders and lists ``sources``.

    Names are told below ``base``; without, below ``images`` in ``root``, or what all folders have in common.
    """
    notices = notices or Findings()
    pairs = tuple(_source(path, root, notices) for path in sources)
    name = split_name(name)
    if len(pairs) == 1 and pairs[0].labels is not None:
        return Described(root, pairs[0].labels, pairs[0].images, name, page, (), notices.all())
    images = base or _common([pair.images for pair in pairs])
    if images is None:
        images = root / "images" if (root / "images").is_dir() else root
    annotations = _parallel(pairs, images) or page or sources[0]
    return Described(root, annotations, images, name, page, pairs, notices.all())


def _source(path: Path, root: Path, notices: Findings) -> Source:
    if not path.is_dir():
        return Source(path)
    folder = labels.folder_of(path, root)
    if folder not in (path, labels.rule(path)):
        notices.add(rules.OTHER_FOLDER, f"{path}: the labels are in {os.path.relpath(folder, root)}")
    return Source(path, folder)


def _common(folders: Sequence[Path]) -> Path | None:
    """What ``folders`` have in common; None where one of them is a list."""
    if not all(folder.is_dir() for folder in folders):
        return None
    return Path(os.path.commonpath([os.path.normpath(folder) for folder in folders]))


def _parallel(pairs: Sequence[Source], images: Path) -> Path | None:
    """The folder below which all labels lie as their images do below ``images``."""
    folders = [pair.labels for pair in pairs if pair.labels is not None]
    if len(folders) != len(pairs):
        return None
    common = Path(os.path.commonpath([os.path.normpath(folder) for folder in folders]))
    inner = [(os.path.relpath(pair.images, images), os.path.relpath(pair.labels or "", common)) for pair in pairs]
    return common if all(one == other for one, other in inner) else None
