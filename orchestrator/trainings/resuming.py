"""The command line that goes on with a training that ended before its time."""

from __future__ import annotations

import shlex
from pathlib import Path

from orchestrator.trainings.description import Description, checkpoints

SPEC, KEY = "SPEC", "KEY"
"""What has to be filled in where no file says it."""


def command(folder: Path, workspace: Path | None, described: Description) -> str:
    """For the training in ``folder``, of the pipeline in ``workspace`` or not; "" where nothing is known to go on
    with."""
    if workspace is not None:
        words = ["tltpipe", "train"]
        return shlex.join(words if workspace == Path.cwd() else [*words, "--workspace", str(workspace)])
    if described.command:
        there = f"cd {shlex.quote(described.folder)} && " if described.folder not in ("", str(Path.cwd())) else ""
        return there + described.command
    return _of_nvidia(folder, described)


def _of_nvidia(folder: Path, described: Description) -> str:
    known = checkpoints(folder)
    if not known or not described.network:
        return ""
    newest = max(known)
    words = ["tlt-train", described.network, "-e", SPEC, "-r", str(folder), "-k", KEY]
    return shlex.join([*words, "-m", str(folder / "weights" / known[newest]), "--initial_epoch", str(newest + 1)])
