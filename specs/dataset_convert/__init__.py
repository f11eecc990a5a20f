"""The spec of tlt-dataset-convert."""

from __future__ import annotations
from collections.abc import Iterator
from specs.checks import Finding
from specs.spec import Spec

MESSAGE = "DatasetExportConfig"
SCHEMA = "specs.schema.tlt2.dataset_export_pb2"


def check(spec: Spec) -> Iterator[Finding]:
    yield from ()
