"""What a conversion makes of a split: annotations in a format, and the pictures beside them."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from converters.files import listing
from converters.formats import FORMATS, Writer
from converters.model import Dataset, KeypointSlot, classes
from converters.transfer import opening, placement
from converters.transfer.parts import Output, Part
from tltpipe import registry
from tltpipe.errors import TltpipeError
from tltpipe.files import links_above

LEFT_OUT = "left-out.txt"
REPORT = "split-report.json"
_REPORTS = (LEFT_OUT, REPORT)


def plan(
    format: str, root: Path, split: str, *, pictures: placement.How = "link", options: Mapping[str, Any] | None = None
) -> tuple[Output, ...]:
    """The outputs that make a split of ``format`` below the folder ``root``, where the format lays it out.

    Raises UsageError for a format that cannot be written.
    """
    place = opening.module(format, writing=True).layout(root, split)
    given = dict(options or {}) | {"images_dir": place.images.relative_to(root).as_posix()}
    module, nothing = opening.module(format), frozenset[str]()
    further = module.beside(root, split) if hasattr(module, "beside") else {}
    made = [labelled(format, place.annotations, options=given)]
    made += [Output(path, False, writer, nothing) for path, writer in further.items()]
    if pictures != "none":
        made.append(Output(place.images, True, partial(_pictures, how=pictures), nothing))
    return tuple(made)


def labelled(format: str, target: Path, *, options: Mapping[str, Any] | None = None) -> Output:
    """The output that makes annotations of ``format`` at ``target``, wherever that is."""
    module = opening.module(format, writing=True)
    folder = not module.layout(Path(), "train").annotations.suffix
    given = dict(options or {})
    return Output(target, folder, FormatWriter(format, given), _carries(module, given))


def _carries(module: ModuleType, options: Mapping[str, Any]) -> frozenset[str]:
    carries: frozenset[str] = module.CARRIES
    if hasattr(module, "carries"):
        known = inspect.signature(module.carries).parameters
        carries = module.carries(**{key: value for key, value in options.items() if key in known})
    return carries if getattr(module, "ONE_PER_CLASS", False) else carries | {"instances"}


def texts(
    format: str,
    root: Path,
    categories: Sequence[str],
    splits: Sequence[str],
    *,
    keypoints: Mapping[str, KeypointSlot] | None = None,
    options: Mapping[str, Any] | None = None,
) -> dict[Path, str]:
    """The small files at the root of a data set: the class map, and what the format itself wants there.

    ``options`` are those of the writer.
    """
    module = opening.module(format, writing=True)
    own: Mapping[str, str] = {}
    if hasattr(module, "describe"):
        places = {split: module.layout(root, split) for split in splits}
        told = {"keypoints": keypoints or {}} | dict(options or {})
        wanted = inspect.signature(module.describe).parameters
        own = module.describe(root, categories, places, **{k: v for k, v in told.items() if k in wanted})
    return {root / name: text for name, text in ({classes.NAME: classes.text(categories)} | dict(own)).items()}


def former(root: Path, *, pictures: placement.How = "link") -> list[Path]:
    """What earlier work left in ``root``: all formats' outputs where they lay them out. Nothing without a class map.

    Folders of pictures are among them unless ``pictures`` is "none".
    """
    if not (root / classes.NAME).is_file():
        return []
    found = [root / name for name in _REPORTS]
    for format in registry.names(FORMATS):
        if not hasattr(opening.module(format), "Writer"):
            continue
        try:
            splits = list(opening.module(format).find(root))
        except TltpipeError:
            continue
        if splits:
            found += [output.target for split in splits for output in plan(format, root, split, pictures=pictures)]
            found += texts(format, root, (), splits)
    return [path for path in dict.fromkeys(found) if path.exists() and not links_above(root, [path])]


def replaced(root: Path, old: Sequence[Path], parts: Sequence[Part], small: Iterable[Path]) -> None:
    """Take away of ``old`` what neither ``parts`` nor ``small`` are, so that ``root`` holds one data set.

    Nothing goes that was read, and no picture that has no other name than the one here.
    """
    kept = {output.target for part in parts for output in part.outputs} | set(small)
    read = {path.resolve() for part in parts for path in part.dataset.pictures.inputs}
    for path in old:
        if not any(_overlap(path.resolve(), other) for other in read):
            _prune(path, kept)
            for folder in path.parents:
                if folder == root or not folder.is_dir() or any(folder.iterdir()):
                    break
                folder.rmdir()


def _overlap(path: Path, other: Path) -> bool:
    return path.is_relative_to(other) or other.is_relative_to(path)


def _prune(path: Path, kept: Set[Path]) -> None:
    """Remove ``path`` but for what is in ``kept``, on the way to it or in it."""
    if any(path.is_relative_to(keep) for keep in kept):
        return
    if path.is_dir() and not path.is_symlink():
        for inner in path.iterdir():
            _prune(inner, kept)
        if not any(path.iterdir()):
            path.rmdir()
    elif not _only_copy(path):
        path.unlink(missing_ok=True)


def _only_copy(path: Path) -> bool:
    """Whether with ``path`` a picture would be lost, as far as can be told: it is no link, and the file has no other
    name. Labels can be made again."""
    return path.suffix[1:].lower() in listing.PICTURES and not path.is_symlink() and path.stat().st_nlink == 1


@dataclass(frozen=True)
class FormatWriter:
    """Opens the ``Writer`` of a format with what it wants to know of the data set."""

    format: str
    options: dict[str, Any] = field(default_factory=dict)

    def __call__(self, path: Path, categories: Sequence[str], dataset: Dataset) -> Writer:
        make = opening.module(self.format, writing=True).Writer
        told = {
            "keypoints": dataset.keypoints,
            "supercategories": dataset.supercategories,
            "joint_pairs": dataset.joint_pairs,
            "annotated": dataset.annotated,
            "ids": dataset.ids,
            "attributes": dataset.attributes,
        } | self.options
        wanted = inspect.signature(make).parameters
        writer: Writer = make(path, tuple(categories), **{k: v for k, v in told.items() if k in wanted})
        return writer


def _pictures(path: Path, categories: Sequence[str], dataset: Dataset, *, how: placement.How) -> Writer:
    return placement.Writer(path, categories, dataset, how)
