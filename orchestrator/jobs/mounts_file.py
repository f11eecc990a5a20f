"""The mounts file of NVIDIA's launcher (``~/.tao_mounts.json``): how its users' folders are called in its containers.

The launcher itself is not needed. What it does without a word and spoils a run is refused here, each with its line:
a source that does not exist, keys it does not know, two sources for one destination.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.jobs import Mount
from orchestrator.jobs.mounts import SECRETS
from tltpipe import launcher_mounts
from tltpipe.launcher_mounts import Object

VARIABLES, OPTIONS = "Envs", "DockerOptions"
_SECRET = re.compile(r"(?i)key|token|secret|passw|credential")
_USER = re.compile(r"\d+(:\d+)?")
_SIZE = re.compile(r"\d+(\.\d+)?\s*[bkmgBKMG]?[bB]?")


@dataclass(frozen=True)
class ContainerOptions:
    """What the file asks of the container; None: as we start it without the file. ``user``: (uid, gid).

    ``ports`` and ``tty`` mean nothing to a job: it listens nowhere and has no terminal.
    """

    user: tuple[int, int] | None = None
    shm_size: str | None = None
    ulimits: Mapping[str, int] = field(default_factory=dict)
    privileged: bool | None = None
    network: str | None = None


@dataclass(frozen=True)
class MountsFile:
    """What the file says. Sources exist and are absolute, links resolved; destinations are absolute."""

    mounts: tuple[Mount, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    options: ContainerOptions = ContainerOptions()
    path: Path | None = None


def is_secret(variable: str) -> bool:
    """Whether a variable of the file is one whose value nobody may see, by its name."""
    return _SECRET.search(variable) is not None


def load(names: Sequence[str], *, environment: Mapping[str, str] | None = None) -> MountsFile:
    """The file that LAUNCHER_MOUNTS names, else the first of ``names`` in the home folder; an empty one if none is
    there. Nothing is read where ``names`` is empty: a toolkit without a launcher.

    Raises ConfigError with the place of what is wrong.
    """
    path = launcher_mounts.find(names, environment) if names else None
    return MountsFile() if path is None else read(path)


def read(path: Path) -> MountsFile:
    """The file at ``path``. Raises ConfigError."""
    top = launcher_mounts.read(path)
    top.allow((launcher_mounts.MOUNTS, VARIABLES, OPTIONS))
    mounts: dict[str, Mount] = {}
    for source, target, entry in launcher_mounts.mounts(top):
        entry.allow(("source", "destination"))
        if not source.exists():
            entry.fail("source", f"{entry.text('source')} not found", "create this folder, or remove the entry")
        real = target.removeprefix("/var") if target.startswith("/var/run") else target  # a link in every image
        if f"{SECRETS}/".startswith(f"{real}/") or real.startswith(f"{SECRETS}/"):
            what = f"{entry.text('destination')} is where the key of a job lies in its container"
            entry.fail("destination", what, "such as /workspace/tao-experiments")
        mounts[target] = Mount(source, target)
    variables = dict(_variable(entry) for entry in top.objects(VARIABLES, required=("variable", "value")))
    options = _options(top.object(OPTIONS)) if OPTIONS in top.fields else ContainerOptions()
    return MountsFile(tuple(mounts.values()), variables, options, path)


def _variable(entry: Object) -> tuple[str, str]:
    entry.allow(("variable", "value"))
    name = entry.text("variable")
    if "=" in name:
        entry.fail("variable", f'"{name}" is no name of a variable')
    value = entry.value("value")
    if not isinstance(value, str) or "\0" in value:
        entry.fail("value", f'"value" of {name} must be a text', "put it in quotes")
    return name, value


def _options(given: Object) -> ContainerOptions:
    given.allow(_OPTIONS)
    values = {name: _OPTIONS[name](given, name) for name in given.fields}
    return ContainerOptions(**{name: value for name, value in values.items() if name not in ("ports", "tty")})


def _user(given: Object, name: str) -> tuple[int, int]:
    value = given.text(name)
    if not _USER.fullmatch(value):
        given.fail(name, f'"{value}" is no user as UID or UID:GID', 'such as "1000:1000"; `id` shows yours')
    uid, _, gid = value.partition(":")
    return int(uid), int(gid or 0)  # the engine's group for a number that has no account in the image


def _size(given: Object, name: str) -> str:
    value = given.text(name)
    if not _SIZE.fullmatch(value):
        given.fail(name, f'"{value}" is no size', 'such as "16G"')
    return value


def _limits(given: Object, name: str) -> dict[str, int]:
    limits = given.object(name)
    limits.allow(_LIMITS)
    return {limit: _whole(limits, limit) for limit in limits.fields}


def _whole(given: Object, name: str) -> int:
    value = given.value(name)
    if type(value) is not int:
        given.fail(name, f'"{name}" must be a whole number', "-1: no limit")
    return value


def _flag(given: Object, name: str) -> bool:
    value = given.value(name)
    if not isinstance(value, bool):
        given.fail(name, f'"{name}" must be true or false')
    return value


def _network(given: Object, name: str) -> str:
    return given.text(name)


def _ports(given: Object, name: str) -> None:
    """Taken note of by nobody: see ContainerOptions."""


_LIMITS = (
    *("core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio"),
    *("rttime", "sigpending", "stack"),
)
_OPTIONS: Mapping[str, Callable[[Object, str], Any]] = {
    "user": _user,
    "shm_size": _size,
    "ulimits": _limits,
    "ports": _ports,
    "privileged": _flag,
    "network": _network,
    "tty": _flag,
}
