"""The image that an annotation file names, and its size held against the recorded one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from converters import images, listing, rules
from converters.findings import Findings
from converters.orientation import turned_size
from tltpipe.errors import DataError, Location


def locate(folder: Path, *names: str, where: Location | Path) -> str:
    """The path below ``folder`` of the first of ``names``, as a file spells them, that is there.

    Else that of the one image with the base name of the first, wherever it lies; else the first as it stands. Raises
    DataError, with the place ``where``, for a name that leaves the folder.
    """
    below = [clean for name in names if listing.is_below(clean := _clean(name))]
    for name in below:
        if (folder / name).is_file():
            return name
    last = _clean(names[0]).rpartition("/")[2]
    others = _by_base_name(folder).get(last, ()) if listing.is_below(last) else ()
    if len(others) == 1:
        return others[0]
    if not below:
        raise DataError(
            f'an image cannot be called "{names[0][:80]}"', where=where, hint="write a path below the folder"
        )
    return below[0]


def _clean(name: str) -> str:
    """``name`` with slashes, without a start of this folder, and without the folders of another machine."""
    name = name.replace("\\", "/")
    while name.startswith("./"):
        name = name[2:]
    return name.rpartition("/")[2] if name.startswith("/") or name[1:3] == ":/" else name


@lru_cache(maxsize=8)
def _by_base_name(folder: Path) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    if folder.is_dir():
        for path in listing.files(folder, listing.PICTURES):
            base = path.rpartition("/")[2]
            found[base] = (*found.get(base, ()), path)
    return found


def forget() -> None:
    """Folders may have changed: look again."""
    _by_base_name.cache_clear()


def measured(image: Path, recorded: tuple[int, int] | None, findings: Findings, *, where: Location) -> tuple[int, int]:
    """Width and height that the annotations of ``image`` are on: ``recorded``, or those of the image.

    Raises DataError, with the place ``where``, when the image has another size, however it is turned.
    """
    size = images.look(image, findings)
    if recorded is None or recorded == size:
        return size
    orientation = findings.looked[1].orientation if findings.looked is not None else 1
    if recorded == turned_size(*size, orientation):
        return recorded  # annotated as EXIF shows it
    what = f"this says {recorded[0]} x {recorded[1]} pixels, but {image.name} has {size[0]} x {size[1]}"
    hint = "annotate the image as it is, or leave it out with --skip-bad"
    raise DataError(what, where=where, hint=hint, code=rules.OTHER_SIZE.code)
