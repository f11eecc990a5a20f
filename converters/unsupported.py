"""Files among the images of a data set that no decoder here reads: HEIC, raw photos, video, PDF."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from converters import listing, rules
from converters.findings import Findings
from converters.model import Pictures


def unsupported(pictures: Pictures, keys: Sequence[Any], *, counted: set[Path] | None = None) -> Findings:
    """What lies in the folders of ``pictures`` in formats that cannot be read, counted by extension.

    A file whose name is one of ``keys`` is left to that: annotations without a readable image are an error of their
    own. Nor are the folders in ``counted`` looked into, to which these are added: several splits may share one.
    Raises DataError for a folder that cannot be read.
    """
    findings, known, counted = Findings(), frozenset[str](), counted if counted is not None else set()
    folders = dict.fromkeys(path.resolve() for path in pictures.inputs if path.is_dir())
    for folder in (folder for folder in folders if folder not in counted):
        counted.add(folder)
        for extension, paths in listing.unsupported(folder).items():
            known = known or frozenset(map(pictures.name, keys))
            if rest := [path for path in paths if path.rpartition(".")[0] not in known]:
                findings.add(rules.UNSUPPORTED, f"{rest[0]} ({len(rest)} .{extension})", count=len(rest))
    return findings
