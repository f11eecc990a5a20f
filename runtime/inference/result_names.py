"""What the results of each picture are called: none replaces another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tltpipe.errors import UsageError


@dataclass(frozen=True)
class ResultName:
    """Of one picture, below the output folders: its annotated copy and its label file, with "/"."""

    image: str
    label: str


def result_names(
    pictures: Sequence[Path], given: Sequence[Path] = (), *, suffix: str = ".txt"
) -> dict[Path, ResultName]:
    """The names for ``pictures``, which were found in, or are, the files and folders ``given``.

    A label file has the picture's name with ``suffix`` for its extension: a/1.jpg has a/1.txt. Pictures that differ in
    their extension alone keep that: 1.jpg.txt and 1.png.txt. Raises UsageError where two have one name all the same.
    """
    folders = [folder for folder in given if folder.is_dir()]
    images = {path: _below(path, folders) for path in pictures}
    _require_different(images)
    stems = Counter(_stem(name) for name in images.values())
    labels = {path: f"{name if stems[_stem(name)] > 1 else _stem(name)}{suffix}" for path, name in images.items()}
    _require_different(labels)
    return {path: ResultName(images[path], labels[path]) for path in images}


def _below(path: Path, folders: Sequence[Path]) -> str:
    folder = next((each for each in folders if path.is_relative_to(each)), None)
    return path.name if folder is None else path.relative_to(folder).as_posix()


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))


def _require_different(names: Mapping[Path, str]) -> None:
    first: dict[str, Path] = {}
    for path, name in names.items():
        if first.setdefault(name, path) != path:
            what = f"{first[name]} and {path} have the same name, and so would their results ({name})"
            raise UsageError(what, hint="infer one folder at a time, with an output of its own")
