"""``training.json``: which training a results folder is of, for those who watch it."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from runtime.data.recipe import Recipe
from runtime.tasks import Scores
from runtime.training.loop import Plan
from runtime.training.options import TrainOptions
from tltpipe import __version__
from tltpipe.files import write_text

NAME = "training.json"
FORMAT = "tltpipe training 1"


def write(results: Path, recipe: Recipe, options: TrainOptions, plan: Plan, measured: Scores, **more: Any) -> None:
    """Describe the training that begins in ``results``; ``measured`` are the scores of no images."""
    told: Mapping[str, Any] = {
        "format": FORMAT,
        "version": __version__,
        "network": recipe.network,
        "name": recipe.name,
        "classes": recipe.classes,
        "epochs": plan.epochs.stop - 1,
        "first_epoch": plan.epochs.start,
        "steps": plan.before(plan.epochs.stop),
        "steps_per_epoch": plan.steps,
        "primary": measured.primary,
        "titles": dict(measured.titles),
        "figures": list(measured.plain),
        "per_class": {column: list(values) for column, values in measured.per_class.items()},
        "command": options.command,
        "folder": str(Path.cwd()),
        "host": socket.gethostname(),
        "process": os.getpid(),
        "nodes": options.place.cluster.nodes,
        "began": datetime.now().astimezone().isoformat(timespec="seconds"),
        **more,
    }
    write_text(results / NAME, json.dumps(told, indent=1) + "\n")
