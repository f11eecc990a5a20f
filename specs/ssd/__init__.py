"""The spec of tlt-train ssd."""

from __future__ import annotations
from collections.abc import Iterator
from specs.checks import Finding
from specs.spec import Spec

MESSAGE = "Experiment"
SCHEMA = "specs.schema.tlt2.experiment_pb2"


def check(spec: Spec) -> Iterator[Finding]:
    yield from ()
