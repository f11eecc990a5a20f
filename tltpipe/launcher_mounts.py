"""The mounts file of NVIDIA's launcher (``~/.tao_mounts.json``), every value with its place.

``{"Mounts": [{"source": HOST, "destination": CONTAINER}, ...]}``; what else the launcher takes is the orchestrator's.
"""

from __future__ import annotations

import json
import os
import posixpath
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from tltpipe import inputs
from tltpipe.errors import ConfigError, Location

if TYPE_CHECKING:
    import yaml

VARIABLE = "LAUNCHER_MOUNTS"
"""Environment variable that names another file."""
MOUNTS = "Mounts"


def find(names: Sequence[str], environment: Mapping[str, str] | None = None) -> Path | None:
    """The file that LAUNCHER_MOUNTS names, else the first of ``names`` in the home folder; None where none is there.

    Raises ConfigError for a variable that names no file.
    """
    given = (os.environ if environment is None else environment).get(VARIABLE)
    paths = [given] if given else [f"~/{name}" for name in names]
    found = next(filter(os.path.exists, map(os.path.expanduser, paths)), None)
    if given and found is None:
        raise ConfigError(f"{given} not found", where=VARIABLE, hint="correct the variable, or unset it")
    return None if found is None else Path(found)


def read(path: Path) -> Object:
    """The file at ``path``: JSON by Python's own reader, places by that of YAML, which JSON is a part of but for tabs.

    Raises ConfigError.
    """
    import yaml

    try:
        text = inputs.content(path).decode("utf-8-sig")
        json.loads(text)
        node = yaml.compose(text.replace("\t", " "), yaml.SafeLoader)
    except json.JSONDecodeError as problem:
        hint = f'it should hold {{"{MOUNTS}": [{{"source": HOST, "destination": CONTAINER}}]}}'
        where = Location(path, problem.lineno, problem.colno)
        raise ConfigError(f"not JSON: {problem.msg}", where=where, hint=hint) from None
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as problem:
        raise ConfigError(f"cannot be read: {str(problem)[:200]}", where=path) from None
    assert node is not None, "JSON holds a value"
    return Object(path, node, "the file", required=(MOUNTS,))


class Object:
    """One object of the file; its fields are taken with their types checked."""

    def __init__(self, path: Path, node: yaml.Node, what: str, required: Collection[str] = ()) -> None:
        import yaml

        self.path, self.node, self.what = path, node, what
        self.fields: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        if not isinstance(node, yaml.MappingNode):
            raise ConfigError(f"{what} must be an object: {{...}}", where=self._place(node))
        for key, value in node.value:
            name = _text(key)
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

    def allow(self, names: Collection[str]) -> None:
        """Raises ConfigError for a field that is none of ``names``."""
        for name, (key, _) in self.fields.items():
            if name not in names:
                what = f'{self.what} has no field "{name}"'
                raise ConfigError(what, where=self._place(key), hint=f"known: {', '.join(names)}")

    def objects(self, name: str, required: Collection[str]) -> Iterator[Object]:
        """The objects in the list ``name``, which have the fields ``required``; none where there is no list."""
        import yaml

        if name not in self.fields:
            return
        _, value = self.fields[name]
        if not isinstance(value, yaml.SequenceNode):
            self.fail(name, f'"{name}" must be a list: [...]')
        for entry in value.value:
            yield Object(self.path, entry, f'an entry of "{name}"', required)

    def object(self, name: str) -> Object:
        return Object(self.path, self.fields[name][1], f'"{name}"')

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


def mounts(top: Object) -> Iterator[tuple[Path, str, Object]]:
    """Source, destination and entry of every mount: the source absolute with links resolved, as the launcher does, and
    it need not exist; the destination absolute, the same for no two sources."""
    sources: dict[str, Path] = {}
    for entry in top.objects(MOUNTS, required=("source", "destination")):
        source = Path(os.path.realpath(entry.folder("source")))
        target = posixpath.normpath(str(entry.folder("destination")))
        if not target.startswith("/") or target == "/":
            what = f"{entry.text('destination')} is no absolute path below /"
            entry.fail("destination", what, "such as /workspace/tao-experiments")
        if sources.setdefault(target, source) != source:
            entry.fail("destination", f"{target} is the destination of {sources[target]}, too")
        yield source, target, entry


def _text(node: yaml.Node) -> str:
    """A string of JSON, in which YAML's reader leaves characters beyond U+FFFF in two halves."""
    return str(node.value).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
