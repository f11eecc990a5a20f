"""Whether this machine has what it takes: one line a thing, each with what to do."""

from __future__ import annotations

import platform
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from orchestrator import session
from orchestrator.commands import versions
from orchestrator.run import Run
from orchestrator.runners import Check
from tltpipe import machine, registry
from tltpipe.errors import TltpipeError

ROOM = 5 * 2**30
"""Bytes that a small data set, its copies and a model need."""


def examine(run: Run) -> list[Check]:
    """All checks; those of runners that were not chosen are for information only."""
    checks = [_python(), _writable(run.workspace.root), _room(run.workspace.root)]
    checks += [*versions.checks(), _weights(run), *_fit(run)]
    for name in registry.names("orchestrator.runners"):
        try:
            runner = session.open_runner(name, run.config, run.workspace, run.toolkit)
            found = runner.checks()
        except TltpipeError as error:
            found = [Check(name, ok=False, found=error.what, hint=error.hint)]
        chosen = name == run.config.runner
        checks += [replace(c, name=f"{name}: {c.name}", needed=c.needed and chosen) for c in found]
    return checks


def _fit(run: Run) -> list[Check]:
    """Whether the chosen runner can serve the chosen toolkit."""
    what = session.misfit(run.config, run.toolkit, run.runner)
    return (
        [] if what is None else [Check("toolkit", ok=False, found=what, hint="--runner docker, or toolkit: embedded")]
    )


def _weights(run: Run) -> Check:
    """The pretrained weights that training starts from; without any it takes far more pictures and epochs."""
    import specs
    from orchestrator.stages.train import Training

    given, network = run.config.section(Training).weights, run.config.network
    advice = specs.pretrained(network, run.config.tunables[network])
    hint = advice and f"for a better detector from fewer pictures: {advice}"
    if given is None:
        return Check("pretrained weights", ok=False, found="none: training starts at random", hint=hint, needed=False)
    there = (run.workspace.root / given).is_file()
    return Check("pretrained weights", ok=there, found=given if there else f"{given} is not there", hint=hint)


def _python() -> Check:
    ok = sys.version_info >= (3, 11)
    return Check("Python", ok, f"{platform.python_version()}, {sys.executable}", "tltpipe needs Python 3.11 or newer")


def _writable(root: Path) -> Check:
    try:
        with tempfile.TemporaryFile(dir=root):
            return Check("workspace", ok=True, found=f"{root} can be written")
    except OSError as refusal:
        found = f"{root} cannot be written: {refusal.strerror}"
        return Check("workspace", ok=False, found=found, hint="check its owner, or choose another with --workspace")


def _room(root: Path) -> Check:
    free = shutil.disk_usage(root).free
    told = f"{free / 2**30:.1f} GiB free, {machine.cpu_count()} cores"
    return Check("disk", free >= ROOM, told, f"{ROOM / 2**30:.0f} GiB are wise", needed=False)
