"""The processes of a training on several nodes: ``ranks/N.json``, one file for each."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from orchestrator.trainings import reading
from orchestrator.trainings.description import names

FOLDER = "ranks"
_NAME = re.compile(r"\d{1,6}\.json")


class Rank(msgspec.Struct):
    """Process ``rank`` of ``world`` is on ``node``; ``step`` (from 0) is its last as of ``time`` (seconds since
    1970), None before the first."""

    rank: int
    world: int
    node: str
    step: int | None = None
    time: float = 0.0


def read(folder: Path) -> list[Rank]:
    """The processes of the training in ``folder``, in their order; none where it runs on one node. What a run with
    another number of them left does not count."""
    found = [rank for name in names(folder / FOLDER) if _NAME.fullmatch(name) and (rank := _parse(folder, name))]
    world = max(found, key=lambda rank: rank.time).world if found else 0
    return sorted((rank for rank in found if rank.world == world), key=lambda rank: rank.rank)


def _parse(folder: Path, name: str) -> Rank | None:
    try:
        return msgspec.json.decode(reading.content(folder, FOLDER, name) or b"", type=Rank)
    except msgspec.DecodeError:
        return None
