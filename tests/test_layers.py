"""The wall: who may import whom (CONTRIBUTING.md, "The house")."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "tltpipe": {"tltpipe"},
    "converters": {"tltpipe", "converters"},
    "specs": {"tltpipe", "specs"},
    "orchestrator": {"tltpipe", "converters", "specs", "orchestrator"},
    "runtime": {"tltpipe", "converters", "specs", "runtime"},
}


FRONT_DOOR = ROOT / "tltpipe/__init__.py"
"""Names what the rooms above offer: for type checkers only, and looked up when somebody asks (docs/python.md)."""


def imported_rooms(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    if path == FRONT_DOOR:
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
                node.body = []
    modules = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    modules += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
    return {module.split(".")[0] for module in modules} & MAY_IMPORT.keys()


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_room_imports_only_what_it_stands_on(room: str) -> None:
    files = list((ROOT / room).rglob("*.py"))
    assert files
    offending = {str(path.relative_to(ROOT)): imported_rooms(path) - MAY_IMPORT[room] for path in files}
    assert {path: rooms for path, rooms in offending.items() if rooms} == {}
