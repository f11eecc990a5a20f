"""Files of a data set that belong to no picture, as findings."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from converters.files import strays
from converters.health.gathering import Split
from converters.model import rules
from converters.model.findings import Findings
from converters.model.splits import Place
from tltpipe.errors import DataError


def orphans(places: Mapping[str, Place], splits: Sequence[Split], root: Path) -> Findings:
    """Look once into every folder of pictures or annotations of ``splits``; names are told below ``root``."""
    findings = Findings()
    read = {path for split in splits for path in split.dataset.pictures.inputs}
    claims = [strays.Claim(places[split.name], split.names, split.paths) for split in splits]
    try:
        for stray in strays.strays(claims):
            path = stray.folder / stray.path
            if path not in read:  # class names and lists may lie among the labels
                findings.add(rules.ORPHAN, os.path.relpath(path, root))
    except DataError as problem:
        findings.add(rules.by_code(problem.code), problem)
    return findings
