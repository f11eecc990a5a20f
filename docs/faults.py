"""Writes the table of faults in docs/scale.md: what tests caused, what came of it, and after how many seconds.

pytest tests --run-slurm --run-ray --faults faults.jsonl; python docs/faults.py faults.jsonl
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("scale.md")
HEAD = "| where | fault | what comes of it | seconds | test |\n| --- | --- | --- | --- | --- |\n"
TABLE = re.compile(rf"(?<={re.escape(HEAD)})(?:\|.*\n)*")


def rows(records: Iterable[dict[str, Any]]) -> list[str]:
    """A row for each fault; seconds of several runs, or of several cases, are a range."""
    seconds: dict[tuple[str, ...], list[float]] = {}
    for record in records:
        key = tuple(record[name] for name in ("engine", "fault", "outcome", "test"))
        seconds.setdefault(key, []).append(record["seconds"])
    order = list(dict.fromkeys(key[0] for key in seconds))
    return [
        f"| {engine} | {fault} | {outcome} | {_range(seconds[engine, fault, outcome, test])} | `{test}` |\n"
        for engine, fault, outcome, test in sorted(seconds, key=lambda key: (order.index(key[0]), key[3], key[1]))
    ]


def _range(seconds: list[float]) -> str:
    low, high = (f"{each:.0f}" if each >= 10 else f"{each:.1f}" for each in (min(seconds), max(seconds)))
    return low if low == high else f"{low} to {high}"


if __name__ == "__main__":
    lines = Path(sys.argv[1]).read_text("utf-8").splitlines()
    table = "".join(rows(map(json.loads, lines)))
    PAGE.write_text(TABLE.sub(lambda _: table, PAGE.read_text("utf-8")), "utf-8")
