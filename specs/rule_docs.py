"""The page docs/spec-rules.md, made from the rules: ``python -m specs.rule_docs`` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from specs import rules
from specs.rulebook import SpecRule

PAGE = Path(__file__).parents[1] / "docs" / "spec-rules.md"
BLOCKS = (
    ("S0", "Text and schema"),
    ("S1", "Training specs of SSD and DSSD"),
    ("S20", "Augmentation"),
    ("S21", "Augmentation in YAML (TAO 5)"),
    ("S22", "Conversion"),
    ("S23", "Conversion, further rules"),
    ("S2", "Training specs in YAML"),
    ("S3", "Paths"),
    ("S4", "Data"),
    ("S5", "Portability"),
)
"""Beginnings of codes, the more telling first, and what they are about."""
HEAD = """# Rules about specs

`tltpipe spec check FILE...` examines specs of any kind by these rules, and every stage does before anything starts.
Each finding has a place, the line with a caret, and what to do; errors end the check with exit code 2.

| option | does |
| --- | --- |
| `--toolkit tao5` | adds the rules of portability (S5): what this toolkit ignores, lacks or reads otherwise |
| `--data WORKSPACE` | adds those about paths (S3) and data (S4), by what is there |
| `--select S4`, `--ignore S401` | these rules alone, or not these |
| `--fix` | mends what can be mended without a choice: slips in names, quotes, fields without effect, host paths |
| `--json` | the same as one JSON object ([JSON](json.md)) |

`-` in place of FILE is standard input. A comment `# tltpipe: ignore S401` behind a field silences a rule there, on a
line of its own in the whole file. Errors of S0 to S2 cannot be silenced: such a spec is of no use to any program.

This page is written by `python -m specs.rule_docs`.
"""


def page() -> str:
    """The whole page."""
    return HEAD + "".join(_block(title, list(found)) for title, found in _blocks() if found)


def _blocks() -> Iterator[tuple[str, list[SpecRule]]]:
    """The rules of each block, in the order of their codes."""
    left = list(rules.catalogue())
    sections: dict[str, list[SpecRule]] = {}
    for each in left:
        title = next(title for prefix, title in BLOCKS if each.code.startswith(prefix))
        sections.setdefault(title.partition(",")[0], []).append(each)
    yield from sections.items()


def _block(title: str, found: list[SpecRule]) -> str:
    lines = [f"\n## {title}\n", "| code | | what is wrong | what to do | for |", "| --- | --- | --- | --- | --- |"]
    for each in found:
        scope = ", ".join((*each.kinds, *each.toolkits)) or "all"
        cells = (each.code, each.severity, each.title, each.fix, scope)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
