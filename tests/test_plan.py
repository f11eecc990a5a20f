"""The floor plan: rooms that stand on each other, in no circle, and few enough of them to be seen at a glance.

A room is what lies directly in a package: a module, or a package below it. One that imports another stands on it;
imports for type checkers alone hold nothing up.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOUSE = ("tltpipe", "converters", "specs", "orchestrator", "runtime")
MOST = {"runtime": 17, "converters": 13, "orchestrator": 15}
"""Rooms at the top."""

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path for top in HOUSE for path in (ROOT / top).rglob("*.py")
}
"""Files by the name they are imported by; a package's own ends in ``.__init__``."""
PACKAGES = sorted(name.removesuffix(".__init__") for name in MODULES if name.endswith(".__init__"))


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """The modules that a file imports, wherever in it, and the line."""
    pending: list[ast.AST] = [ast.parse(path.read_text("utf-8"))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            pending += node.orelse
            continue
        pending += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def module(name: str) -> str | None:
    """The file's module that the imported ``name`` is, or is a name in; None for what is not ours."""
    while name:
        if name in MODULES:
            return name
        if f"{name}.__init__" in MODULES:
            return f"{name}.__init__"
        name = name.rpartition(".")[0]
    return None


def arrows() -> dict[tuple[str, str], str]:
    """Which module imports which, and where."""
    found: dict[tuple[str, str], str] = {}
    for own, path in MODULES.items():
        for name, line in imports(path):
            other = module(name)
            if other is not None and other != own:
                found.setdefault((own, other), f"{path.relative_to(ROOT)}:{line}")
    return found


ARROWS = arrows()


def between_rooms(package: str) -> dict[tuple[str, str], list[str]]:
    """Which room in ``package`` imports which, with every place where it does."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (own, other), place in ARROWS.items():
        rooms = room(package, own), room(package, other)
        if all(rooms) and rooms[0] != rooms[1]:
            found[rooms].append(place)  # type: ignore[index]
    return found


def room(package: str, name: str) -> str | None:
    """The room of ``package`` that a module lies in, None for one that lies elsewhere."""
    inside = name.startswith(f"{package}.")
    return name.removeprefix(f"{package}.").split(".")[0] if inside else None


def circles(edges: dict[tuple[str, str], list[str]]) -> dict[str, list[str]]:
    """The arrows from which one comes back to where they start."""
    ahead: dict[str, set[str]] = defaultdict(set)
    for own, other in edges:
        ahead[own].add(other)

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            for other in ahead.get(waiting.pop(), set()) - seen:
                seen.add(other)
                waiting.append(other)
        return seen

    return {f"{own} -> {other}": places for (own, other), places in edges.items() if own in reached(other)}


@pytest.mark.parametrize("package", PACKAGES)
def test_no_room_stands_on_itself(package: str) -> None:
    assert circles(between_rooms(package)) == {}


@pytest.mark.parametrize("package", MOST)
def test_the_plan_is_seen_at_a_glance(package: str) -> None:
    rooms = {room(package, name) for name in MODULES} - {None, "__init__"}
    assert len(rooms) <= MOST[package], sorted(map(str, rooms))


def test_a_circle_is_one_however_long() -> None:
    straight = {("a", "b"): ["1"], ("b", "c"): ["2"], ("a", "c"): ["3"]}
    assert circles(straight) == {}
    assert circles(straight | {("c", "a"): ["4"], ("d", "a"): ["5"]}).keys() == {"a -> b", "b -> c", "a -> c", "c -> a"}
