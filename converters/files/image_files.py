"""The image that an annotation file names, in whatever way that was written down."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from pathlib import Path

from converters.files import listing
from converters.files.filenames import ImageNames, UnclearName
from converters.model import rules
from converters.model.findings import Findings


def locate(folder: Path, *names: str, among: Hashable = None, every: Callable[[], Iterable[str]] = tuple) -> str | None:
    """The path below ``folder`` of the first of ``names``, as a file spells them, that is there.

    Else that of the one image that the first may mean (``converters.files.filenames``); None where there is none, or
    several, or where another of ``every`` name means it, too. ``among`` tells apart the files that such names are from.
    """
    if (own := literal(folder, *names)) is not None:
        return own
    if (folder, among) not in _KNOWN:
        _KNOWN[folder, among] = ImageNames(folder, every)
    try:
        match = _KNOWN[folder, among].match(names[0])
    except UnclearName:
        return None
    return match.path if match is not None else None


def literal(folder: Path, *names: str) -> str | None:
    """The path below ``folder`` of the first of ``names`` that is one."""
    every = (name.removeprefix("./") for name in names)
    return next((name for name in every if listing.is_below(name) and (folder / name).is_file()), None)


def note(findings: Findings, below: str, *names: str) -> None:
    """Say that the image ``below`` is spelled otherwise than all of ``names``."""
    if below not in [name.removeprefix("./") for name in names]:
        findings.add(rules.OTHER_FILE_NAME, f"{names[0]} -> {below}")


_KNOWN: dict[tuple[Path, Hashable], ImageNames] = {}


def forget() -> None:
    """Folders may have changed: list them anew."""
    _KNOWN.clear()
