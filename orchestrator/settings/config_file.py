"""tltpipe.yaml as text: every value with the line that it stands in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tltpipe import inputs
from tltpipe.errors import ConfigError, Location

Place = Location | Path | str


@dataclass(frozen=True)
class Given:
    """A value somebody gave, and where; ``derived`` from what was given for another setting."""

    value: object
    where: Place
    derived: bool = False

    @property
    def in_file(self) -> bool:
        """Whether it stands in tltpipe.yaml; else it is of this call alone."""
        return isinstance(self.where, Location)


def read(path: Path, settings: Collection[str], sections: Collection[str]) -> dict[str, Given]:
    """The values of the file by dotted name; nothing where there is no such file.

    ``settings`` are the keys at the top that take a value, ``sections`` those known to have keys below them.
    Raises ConfigError.
    """
    try:
        text = inputs.content(path).decode("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", where=path) from error
    import yaml

    from specs.yaml_nodes import bounded

    try:
        node = bounded(text)
        if node is None:
            return {}
        if not isinstance(node, yaml.MappingNode):
            raise ConfigError("must hold keys and values", where=path, hint="`tltpipe init` writes an example")
        return _walk(node, path, settings, sections)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = Location(path, mark.line + 1, mark.column + 1) if mark else Location(path)
        raise ConfigError(f"is not YAML: {error.problem or error.context}", where=where) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"is not YAML: {error}", where=path) from error


def _walk(top: Any, path: Path, settings: Collection[str], sections: Collection[str]) -> dict[str, Given]:
    import yaml

    loader = yaml.SafeLoader("")
    values: dict[str, Given] = {}

    def put(dotted: str, key: Any, value: Any) -> None:
        where = Location(path, key.start_mark.line + 1, key.start_mark.column + 1)
        if dotted in values:
            raise ConfigError(f"{dotted} stands here twice", where=where)
        try:
            values[dotted] = Given(loader.construct_object(value, deep=True), where)
        except yaml.YAMLError:
            raise
        except (ValueError, TypeError, AttributeError, OverflowError, LookupError) as problem:
            # PyYAML's, of a date with month 99, ``!!int x`` or a number of 5,000 digits
            raise ConfigError(f"the value of {dotted} cannot be read", where=where, hint=str(problem)[:120]) from None

    for key, value in top.value:
        name = str(key.value)
        if isinstance(value, yaml.MappingNode):
            for inner, leaf in value.value:
                put(f"{name}.{inner.value}", inner, leaf)
        elif name in settings or not _is_null(value):  # ``augment:`` with nothing below is an empty section
            if name in sections:
                where = Location(path, key.start_mark.line + 1, key.start_mark.column + 1)
                what = f'"{name}" is a section, with its settings indented below it, each as "key: value"'
                raise ConfigError(what, where=where, hint="`tltpipe init` writes an example")
            put(name, key, value)
    return values


def _is_null(value: Any) -> bool:
    return str(value.tag) == "tag:yaml.org,2002:null"
