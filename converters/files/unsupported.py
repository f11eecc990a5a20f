"""Files among the images of a data set that no decoder here reads: HEIC, raw photos, video, PDF."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from converters.files import listing
from converters.model import Pictures, rules
from converters.model.findings import Findings


def unsupported(pictures: Pictures, keys: Sequence[Any], *, counted: set[Path] | None = None) -> Findings:
    """``unsupported_files``, counted by extension."""
    findings = Findings()
    for extension, paths in unsupported_files(pictures, keys, counted=counted).items():
        findings.add(rules.UNSUPPORTED, f"{paths[0]} ({len(paths)} .{extension})", count=len(paths))
    return findings


def unsupported_files(
    pictures: Pictures, keys: Sequence[Any], *, counted: set[Path] | None = None
) -> dict[str, list[str]]:
    """What lies in the folders of ``pictures`` in formats that cannot be read: paths below them, by extension.

    A file whose name is one of ``keys`` is left to that: annotations without a readable image are an error of their
    own. Nor are the folders in ``counted`` looked into, to which these are added: several splits may share one.
    Raises DataError for a folder that cannot be read.
    """
    found: dict[str, list[str]] = {}
    known, counted = frozenset[str](), counted if counted is not None else set()
    folders = dict.fromkeys(path.resolve() for path in pictures.inputs if path.is_dir())
    for folder in (folder for folder in folders if folder not in counted):
        counted.add(folder)
        for extension, paths in listing.unsupported(folder).items():
            known = known or frozenset(map(pictures.name, keys))
            if rest := [path for path in paths if path.rpartition(".")[0] not in known]:
                found.setdefault(extension, []).extend(rest)
    return found
