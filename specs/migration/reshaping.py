"""Values and comments of trees, on their way from the fields of one network to those of another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from specs.migration.tree import Field, Scalar, Section, Value, written


def plain(value: Value) -> Any:
    """A value as Python has it: text, a number, true or false, or the name of an enum's value; a list of these."""
    if not isinstance(value, Scalar):
        return [plain(each) for each in value]
    text = value.text
    if value.quoted:
        return text
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text.lower().removesuffix("f"))
        except ValueError:
            continue
    return text


_WORD = re.compile(r"(?!(?:on|off|yes|no|true|false|null|y|n)$)[a-z_][\w-]*")


def of_ours(value: Any) -> Value:
    """``value`` in a tree; one word, the name of a choice, without quotes."""
    from specs.templating import Word

    return written(Word(value) if isinstance(value, str) and _WORD.fullmatch(value) else value)


def shown(value: Value) -> str:
    """A value in a line of a report."""
    text = value.shown if isinstance(value, Scalar) else f"[{', '.join(map(shown, value))}]"
    return text if len(text) <= 60 else f"{text[:57]}..."


def field_name(path: str) -> str:
    """The last of its names."""
    return path.rpartition(".")[2]


def carry_comments(field: Field, to: Field) -> None:
    """Give the comments of ``field`` to one of ours."""
    to.comments.above += [line for line in field.comments.above if line]
    if field.comments.behind and to.comments.behind:
        to.comments.above.append(field.comments.behind)
    else:
        to.comments.behind = to.comments.behind or field.comments.behind


def has_comments(field: Field) -> bool:
    return any(field.comments.above) or bool(field.comments.behind)


def first_field(tree: Section, path: str) -> Field | None:
    """The field at ``path``, of a list of sections the first field of the first; None where there is none."""
    above, _, name = path.rpartition(".")
    home = tree.find(above) if above else tree
    found = home.named(name) if isinstance(home, Section) else []
    if not found or isinstance(found[0], Field):
        return found[0] if found and isinstance(found[0], Field) else None
    return next(_leaves(found[0]), None)


def take_head(tree: Section) -> list[str]:
    """Comments at the top that a blank line parts from the first field, taken from it."""
    if not tree.fields:
        return []
    above = tree.fields[0].comments.above
    end = max((number for number, line in enumerate(above, start=1) if not line), default=0)
    head, tree.fields[0].comments.above = above[:end], above[end:]
    return head


def move(tree: Section, old: str, new: str) -> None:
    """Put the field or section at ``old`` where ``new`` says, under that name."""
    above, _, _ = old.rpartition(".")
    home = tree.find(above) if above else tree
    node = tree.find(old)
    if node is None or not isinstance(home, Section):
        return
    home.fields.remove(node)
    above, _, node.name = new.rpartition(".")
    target = tree.section(above)
    if isinstance(node, Section) and (there := [each for each in target.named(node.name) if isinstance(each, Section)]):
        there[0].fields += node.fields
    else:
        target.fields.append(node)


def lower_comments(section: Section) -> None:
    """Give the comments of sections, which come apart, to the first and last of their fields."""
    for each in section.fields:
        if not isinstance(each, Section):
            continue
        lower_comments(each)
        leaves = list(_leaves(each))
        before, after = each.comments.lines, each.last_lines
        if leaves:
            leaves[0].comments.above = [*before, *leaves[0].comments.above]
            leaves[-1].comments.above += after
        else:
            section.below += [*before, *after]


def _leaves(section: Section) -> Iterator[Field]:
    return (each for _, each in section.walk() if isinstance(each, Field))
