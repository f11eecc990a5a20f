"""The mounts file of NVIDIA's launcher (``~/.tao_mounts.json``): how its users' folders are called in its containers.

The launcher itself is not needed. What it does without a word and spoils a run is refused here, each with its line:
a source that does not exist, keys it does not know, two sources for one destination.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from orchestrator.jobs import Mount
from orchestrator.jobs.mounts import SECRETS
from tltpipe import inputs
from tltpipe.errors import ConfigError, Location

if TYPE_CHECKING:
    import yaml

VARIABLE = "LAUNCHER_MOUNTS"
"""Environment variable that names another file."""
MOUNTS, VARIABLES, OPTIONS = "Mounts", "Envs", "DockerOptions"
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


def load(names: Sequence[str], *, environment: Mapping[str, str] | None = None) -> MountsFile:
    """The file that LAUNCHER_MOUNTS names, else the first of ``names`` in the home folder; an empty one if none is
    there. Nothing is read where ``names`` is empty: a toolkit without a launcher.

    Raises ConfigError with the place of what is wrong.
    """
    if not names:
        return MountsFile()
    given = (os.environ if environment is None else environment).get(VARIABLE)
    if given:
        path = Path(given).expanduser()
        if not path.exists():
            raise ConfigError(f"{given} not found", where=VARIABLE, hint="correct the variable, or unset it")
        return read(path)
    try:
        home = Path.home()
    except RuntimeError:  # a user without an account
        return MountsFile()
    found = next((home / name for name in names if (home / name).exists()), None)
    return MountsFile() if found is None else read(found)


def read(path: Path) -> MountsFile:
    """The file at ``path``. Raises ConfigError."""
    top = _Object(path, _node(path), "the file", allowed=(MOUNTS, VARIABLES, OPTIONS), required=(MOUNTS,))
    mounts: dict[str, Mount] = {}
    for entry in top.objects(MOUNTS, allowed=("source", "destination")):
        mount = _mount(entry)
        if mounts.setdefault(mount.target, mount).source != mount.source:
            entry.fail("destination", f"{mount.target} is the destination of {mounts[mount.target].source}, too")
    variables = dict(_variable(entry) for entry in top.objects(VARIABLES, allowed=("variable", "value")))
    options = top.object(OPTIONS, allowed=_OPTIONS)
    chosen = ContainerOptions() if options is None else _options(options)
    return MountsFile(tuple(mounts.values()), variables, chosen, path)


def _node(path: Path) -> yaml.Node:
    """The file's values with their places: JSON by Python's own reader, places by that of YAML, which JSON is a part
    of but for tabs."""
    import yaml

    from specs.yaml_nodes import bounded

    try:
        text = inputs.content(path).decode("utf-8-sig")
        json.loads(text)
        node = bounded(text.replace("\t", " "))
    except json.JSONDecodeError as problem:
        raise ConfigError(f"not JSON: {problem.msg}", where=Location(path, problem.lineno, problem.colno)) from None
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as problem:
        raise ConfigError(f"cannot be read: {str(problem)[:200]}", where=path) from None
    assert node is not None, "JSON holds a value"
    return node


class _Object:
    """One object of the file; its fields are taken with their types checked."""

    def __init__(
        self,
        path: Path,
        node: yaml.Node,
        what: str,
        *,
        allowed: Collection[str],
        required: Collection[str] = (),
    ) -> None:
        import yaml

        self.path, self.node, self.what = path, node, what
        self.fields: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        if not isinstance(node, yaml.MappingNode):
            raise ConfigError(f"{what} must be an object: {{...}}", where=self._place(node))
        for key, value in node.value:
            name = _text(key)
            if name not in allowed:
                raise ConfigError(
                    f'{what} has no field "{name}"', where=self._place(key), hint=f"known: {', '.join(allowed)}"
                )
            if name in self.fields:
                raise ConfigError(f'"{name}" is given twice', where=self._place(key))
            self.fields[name] = key, value
        for name in required:
            if name not in self.fields:
                value = "[...]" if name == MOUNTS else '"..."'
                raise ConfigError(f'{what} has no "{name}"', where=self._place(node), hint=f'add "{name}": {value}')

    def _place(self, node: yaml.Node) -> Location:
        return Location(self.path, node.start_mark.line + 1, node.start_mark.column + 1)

    def fail(self, name: str, what: str, hint: str | None = None) -> NoReturn:
        raise ConfigError(what, where=self._place(self.fields[name][1]), hint=hint)

    def objects(self, name: str, *, allowed: Sequence[str]) -> Iterator[_Object]:
        """The objects in the list ``name``, which all have the fields ``allowed``; none where there is no list."""
        import yaml

        if name not in self.fields:
            return
        _, value = self.fields[name]
        if not isinstance(value, yaml.SequenceNode):
            self.fail(name, f'"{name}" must be a list: [...]')
        for entry in value.value:
            yield _Object(self.path, entry, f'an entry of "{name}"', allowed=allowed, required=allowed)

    def object(self, name: str, *, allowed: Collection[str]) -> _Object | None:
        """The object ``name``, None where there is none."""
        found = self.fields.get(name)
        return None if found is None else _Object(self.path, found[1], f'"{name}"', allowed=allowed)

    def text(self, name: str) -> str:
        """The string ``name``, which is not empty."""
        value = self.value(name)
        if not isinstance(value, str) or not value:
            self.fail(name, f'"{name}" must be a text in quotes that is not empty')
        if not value.isprintable():
            self.fail(name, f'"{name}" has a character in it that cannot be printed')
        return value

    def folder(self, name: str) -> Path:
        """The path ``name``, with ``~`` for a home folder."""
        try:
            return Path(self.text(name)).expanduser()
        except RuntimeError:
            self.fail(name, f"{self.text(name)}: there is no such user, and so no home folder")

    def value(self, name: str) -> Any:
        """A number, a string, true, false or null; the node of anything else."""
        import yaml

        _, node = self.fields[name]
        if not isinstance(node, yaml.ScalarNode):
            return node
        return _text(node) if node.style == '"' else json.loads(node.value)


def _text(node: yaml.Node) -> str:
    """A string of JSON, in which YAML's reader leaves characters beyond U+FFFF in two halves."""
    return str(node.value).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _mount(entry: _Object) -> Mount:
    """One mount, its source with links resolved, as the launcher does."""
    source = Path(os.path.realpath(entry.folder("source")))
    if not source.exists():
        entry.fail("source", f"{entry.text('source')} not found", "create this folder, or remove the entry")
    target = posixpath.normpath(str(entry.folder("destination")))
    if not target.startswith("/") or target == "/":
        what = f"{entry.text('destination')} is no absolute path below /"
        entry.fail("destination", what, "such as /workspace/tao-experiments")
    real = target.removeprefix("/var") if target.startswith("/var/run") else target  # a link in every image
    if f"{SECRETS}/".startswith(f"{real}/") or real.startswith(f"{SECRETS}/"):
        what = f"{entry.text('destination')} is where the key of a job lies in its container"
        entry.fail("destination", what, "such as /workspace/tao-experiments")
    return Mount(source, target)


def _variable(entry: _Object) -> tuple[str, str]:
    name = entry.text("variable")
    if "=" in name:
        entry.fail("variable", f'"{name}" is no name of a variable')
    value = entry.value("value")
    if not isinstance(value, str) or "\0" in value:
        entry.fail("value", f'"value" of {name} must be a text', "put it in quotes")
    return name, value


def _options(given: _Object) -> ContainerOptions:
    values = {name: _OPTIONS[name](given, name) for name in given.fields}
    return ContainerOptions(**{name: value for name, value in values.items() if name not in ("ports", "tty")})


def _user(given: _Object, name: str) -> tuple[int, int]:
    value = given.text(name)
    if not _USER.fullmatch(value):
        given.fail(name, f'"{value}" is no user as UID or UID:GID', 'such as "1000:1000"; `id` shows yours')
    uid, _, gid = value.partition(":")
    return int(uid), int(gid or 0)  # the engine's group for a number that has no account in the image


def _size(given: _Object, name: str) -> str:
    value = given.text(name)
    if not _SIZE.fullmatch(value):
        given.fail(name, f'"{value}" is no size', 'such as "16G"')
    return value


def _limits(given: _Object, name: str) -> dict[str, int]:
    _, node = given.fields[name]
    limits = _Object(given.path, node, f'"{name}"', allowed=_LIMITS)
    return {limit: _whole(limits, limit) for limit in limits.fields}


def _whole(given: _Object, name: str) -> int:
    value = given.value(name)
    if type(value) is not int:
        given.fail(name, f'"{name}" must be a whole number', "-1: no limit")
    return value


def _flag(given: _Object, name: str) -> bool:
    value = given.value(name)
    if not isinstance(value, bool):
        given.fail(name, f'"{name}" must be true or false')
    return value


def _network(given: _Object, name: str) -> str:
    return given.text(name)


def _ports(given: _Object, name: str) -> None:
    """Taken note of by nobody: see ContainerOptions."""


_LIMITS = (
    *("core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio"),
    *("rttime", "sigpending", "stack"),
)
_OPTIONS: Mapping[str, Callable[[_Object, str], Any]] = {
    "user": _user,
    "shm_size": _size,
    "ulimits": _limits,
    "ports": _ports,
    "privileged": _flag,
    "network": _network,
    "tty": _flag,
}
