"""data_set: data of any other format, of which nothing is counted here."""

from __future__ import annotations

from pathlib import Path

from specs.data_sources import DataSource
from specs.rules.facts import SourceFacts


def read(source: DataSource, annotations: Path, images: Path | None) -> SourceFacts:  # noqa: ARG001
    message = f"{annotations.name} was not read for these checks: `tltpipe check {annotations}` looks at all of it"
    return SourceFacts(source, counted=False, unread=message)
