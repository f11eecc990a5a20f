"""Recipes: settings of a published or proven training, a file each in ``specs/<kind>/recipes``.

A recipe holds the settings of its kind that are not the default, and its first line of comment says what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from specs import templating, yaml_nodes
from tltpipe.errors import Location, UsageError


@dataclass(frozen=True)
class Recipe:
    """``settings`` are those that ``specs.tunables`` of the kind has, ``places`` where each is written."""

    name: str
    about: str
    settings: Mapping[str, object]
    places: Mapping[str, Location]


def names(kind: str) -> list[str]:
    """The recipes of a kind of spec."""
    return sorted(path.stem for path in _folder(kind).glob("*.yaml"))


def read(kind: str, name: str) -> Recipe:
    """The recipe ``name``. Raises UsageError where there is none."""
    import yaml

    if name not in names(kind):
        raise unknown(kind, name)
    text = (_folder(kind) / f"{name}.yaml").read_text(encoding="utf-8")
    node = yaml_nodes.bounded(text)
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    loader, source = yaml.SafeLoader(""), f"recipe {name} of {kind}"
    return Recipe(
        name=name,
        about=text.partition("\n")[0].removeprefix("# "),
        settings={key.value: loader.construct_object(value, deep=True) for key, value in pairs},
        places={key.value: Location(source, key.start_mark.line + 1, key.start_mark.column + 1) for key, _ in pairs},
    )


def unknown(kind: str, name: str) -> UsageError:
    """What to say of a recipe that there is not."""
    from specs.values import did_you_mean

    known = names(kind)
    hint = did_you_mean(name, known) or (f"recipes of {kind}: {', '.join(known)}" if known else "leave it out")
    return UsageError(f'{kind} has no recipe "{name}"', hint=hint)


def _folder(kind: str) -> Path:
    return templating.templates(kind) / "recipes"
