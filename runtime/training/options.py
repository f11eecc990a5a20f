"""What the command line asks of a training, beyond its spec."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runtime.machine.device import Place


@dataclass(frozen=True)
class TrainOptions:
    """``weights`` with ``initial_epoch`` 1 are pretrained layers, else the state to go on from.

    ``fresh``: what an unfinished run has left is not gone on with. ``clip_norm`` and ``ema`` (the decay) None: neither.
    ``save_minutes``: how often to save within an epoch. ``gpus`` is the number that was asked for.
    ``threads`` None: as many as prove fastest on the CPU. ``elastic``: going on with another number of processes is
    meant. ``command`` is the line that resumes this training, without
    its key.
    """

    place: Place
    gpus: int = 1
    weights: Path | None = None
    initial_epoch: int = 1
    fresh: bool = False
    key: str | None = None
    clip_norm: float | None = None
    ema: float | None = None
    compile: bool = False
    deterministic: bool = False
    threads: int | None = None
    save_minutes: float = 10.0
    elastic: bool = False
    command: str = ""
