"""Rules about the text of a spec and its schema. Most are kept by whoever reads the text, which stamps its code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from specs import codes, comments, layout
from specs.checks import Finding, unknown_enum_numbers
from specs.rulebook import RULES, Subject, rule


def _read(code: str, *, title: str, fix: str) -> None:
    """An error that is reported where a text is read."""

    def reported(subject: Subject) -> Iterable[Finding]:  # noqa: ARG001
        return ()

    reported.__qualname__ = f"reported_{code}"
    rule(code, "error", title=title, fix=fix)(reported)


_read(codes.UNREADABLE, title="the file cannot be read", fix="name a text file in UTF-8")
_read(codes.SYNTAX, title="the text breaks the syntax", fix="close braces and quotes; write name: value")
_read(codes.EMPTY, title="the spec is empty", fix="write one: tltpipe spec new")
_read(codes.UNKNOWN, title="there is no such field", fix="correct its name, or move it to the section it belongs in")
_read(codes.VALUE, title="the field takes another kind of value", fix="write a value of the kind that the field takes")
_read(codes.TWICE, title="a key is written twice", fix="leave one of the two out")
_read(codes.MISSING, title="a key is missing", fix="write it")
_read(
    codes.OTHER_KIND, title="this is a spec of another kind, or of another network", fix="name the spec that is needed"
)
_read(
    codes.UNPLACED, title="there is no telling what the spec is for", fix="name its kind: tltpipe spec check --as KIND"
)
_read(
    codes.REFERENCE, title="a reference ${...} leads nowhere", fix="refer to a key that has a value, or write the value"
)
_read(codes.STRICT, title="strict-tlt has no meaning for this network", fix="leave --strict-tlt out")


@rule(
    "S010",
    "warning",
    title="a comment # tltpipe: is not understood",
    fix="correct it: strict-tlt, or ignore with the codes of rules",
)
def misread_comment(subject: Subject) -> Iterator[Finding]:
    """Misspelt, it would be taken for a comment."""
    yield from comments.misread(subject.spec.text)
    for code, line in comments.codes(subject.spec.text):
        if not _names_a_rule(code):
            yield Finding("", f"there is no rule {code} to ignore", place=line)


def _names_a_rule(code: str) -> bool:
    """Whether ``code`` is that of a rule, of any kind of spec, or the beginning of some."""
    if not any(known.startswith(code) for known in RULES):
        from specs import rules

        rules.catalogue()
    return any(known.startswith(code) for known in RULES)


@rule(
    "S015",
    "warning",
    title="a field is written twice, and the last one counts",
    fix="leave one of the two out",
)
def written_twice(subject: Subject) -> Iterator[Finding]:
    """protobuf says nothing of it."""
    descriptor = getattr(subject.spec.message, "DESCRIPTOR", None)
    if descriptor is None:
        return
    walk = layout.Walk(subject.spec.text, descriptor, {})
    with suppress(layout.Misfit):
        walk.run()
    for name, line in walk.again:
        what = f"{name.text} is written twice, first in line {line}; this one counts"
        yield Finding("", what, place=(name.line, name.column))


@rule("S011", "error", title="a number stands for no name of its field", fix="write one of the names")
def enum_numbers(subject: Subject) -> Iterator[Finding]:
    """protobuf takes any number for an enum; only the named ones mean something."""
    if hasattr(subject.spec.message, "DESCRIPTOR"):
        yield from unknown_enum_numbers(subject.spec)
