"""The stages in the order of the work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from orchestrator.stages import Stage
from tltpipe import registry

STAGES = "orchestrator.stages"


def load(name: str) -> Stage:
    return cast("Stage", registry.load(STAGES, name))


def order(names: Iterable[str]) -> list[str]:
    """``names`` so that every stage follows those it needs; ties by name. Raises UsageError for an unknown one."""
    wanted = set(names)
    stages = {name: load(name) for name in wanted | set(registry.names(STAGES))}
    placed: list[str] = []

    def place(name: str) -> None:
        if name not in placed:
            for needed in sorted(stages[name].NEEDS):
                place(needed)
            placed.append(name)

    for name in sorted(stages):
        place(name)
    return [name for name in placed if name in wanted]


def every() -> list[str]:
    """The stages of a whole run, in order: all but those that wait to be asked for."""
    return order(name for name in registry.names(STAGES) if not load(name).ON_REQUEST)


def before(name: str) -> list[str]:
    """The stages that ``name`` needs, and those that they need, in order."""
    earlier: set[str] = set()
    waiting = list(load(name).NEEDS)
    while waiting:
        needed = waiting.pop()
        if needed not in earlier:
            earlier.add(needed)
            waiting += load(needed).NEEDS
    return order(earlier)
