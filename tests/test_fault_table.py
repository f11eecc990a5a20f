"""The table of faults in docs/scale.md has the faults that tests cause, all of them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from faults import Fault

ROOT = Path(__file__).parents[1]
FIXTURE = "record_fault"


def recorded() -> dict[str, list[tuple[str, ...]]]:
    """For each test that records faults, what it calls them, as far as that is written out."""
    calls: dict[str, list[tuple[str, ...]]] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        text = path.read_text("utf-8")
        for node in ast.walk(ast.parse(text)) if FIXTURE in text else ():
            if isinstance(node, ast.FunctionDef) and FIXTURE in [argument.arg for argument in node.args.args]:
                calls[node.name] = [
                    tuple(word.value for word in call.args if isinstance(word, ast.Constant))
                    for call in ast.walk(node)
                    if isinstance(call, ast.Call) and getattr(call.func, "id", None) == FIXTURE
                ]
    return calls


def test_the_table_is_in_step_with_the_tests() -> None:
    text = (ROOT / "docs" / "scale.md").read_text("utf-8")
    shown: dict[str, set[tuple[str, ...]]] = {}
    for *words, seconds, test in re.findall(r"^\| (.+) \| (.+) \| (.+) \| ([\d. to]+) \| `(test_\w+)` \|$", text, re.M):
        shown.setdefault(test, set()).add(tuple(words))
        assert re.fullmatch(r"[\d.]+( to [\d.]+)?", seconds)
    calls = recorded()
    assert shown.keys() == calls.keys(), "docs/faults.py writes the table"
    assert len(calls) > 10
    for test, faults in calls.items():
        for words in faults:
            assert any(set(words) <= set(row) for row in shown[test]), (test, words)


def test_what_a_fault_came_to_is_a_line(tmp_path: Path) -> None:
    fault = Fault("Slurm", "a node dies", "requeued", "test_x", tmp_path / "faults")
    fault.occurs()
    fault.over()
    fault.over()
    assert (tmp_path / "faults").read_text().count('"fault": "a node dies", "outcome": "requeued"') == 2
