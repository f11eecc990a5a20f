"""The spec of tlt-augment."""

from __future__ import annotations
from collections.abc import Iterator
from specs.checks import Finding
from specs.spec import Spec

MESSAGE = "AugmentorConfig"
SCHEMA = "specs.schema.tlt2.augment_pb2"


def check(spec: Spec) -> Iterator[Finding]:
    yield from ()
