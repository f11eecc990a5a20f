"""The image that an annotation file names, in whatever way that was written down."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from converters import listing, rules
from converters.filenames import ImageNames, UnclearName
from converters.findings import Findings


def locate(folder: Path, *names: str) -> str | None:
    """The path below ``folder`` of the first of ``names``, as a file spells them, that is there.

    Else that of the one image that the first may mean (``converters.filenames``); None where there is none, or several.
    """
    for name in names:
        own = name.removeprefix("./")
        if listing.is_below(own) and (folder / own).is_file():
            return own
    try:
        match = _names(folder).match(names[0])
    except UnclearName:
        return None
    return match.path if match is not None else None


def note(findings: Findings, below: str, *names: str) -> None:
    """Say that the image ``below`` is spelled otherwise than all of ``names``."""
    if below not in [name.removeprefix("./") for name in names]:
        findings.add(rules.OTHER_FILE_NAME, f"{names[0]} -> {below}")


@lru_cache(maxsize=8)
def _names(folder: Path) -> ImageNames:
    return ImageNames(folder)


def forget() -> None:
    """Folders may have changed: list them anew."""
    _names.cache_clear()
