"""Text specs through protobuf's own parser (what NVIDIA's programs use), its complaints put in the reader's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from google.protobuf.text_format import ParseError

from specs import codes, layout
from specs.checks import together
from specs.spec import Spec
from tltpipe.errors import Location, SpecError

MARK = "\N{BYTE ORDER MARK}"


def read(path: Path) -> str:
    """The text of a spec file. Raises SpecError: missing, a folder, unreadable, not UTF-8."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise SpecError("there is no such spec file", where=path, hint=_neighbours(path)) from None
    except IsADirectoryError:
        raise SpecError("this is a folder, a spec file is needed", where=path) from None
    except (OSError, ValueError) as refusal:
        reason = getattr(refusal, "strerror", None) or refusal
        raise SpecError(f"the spec file cannot be read: {reason}", where=path) from refusal
    return decoded(content, path)


def decoded(content: bytes, path: Path) -> str:
    """The text that ``content``, of the file at ``path``, is. Raises SpecError where it is not UTF-8."""
    try:
        return content.decode()
    except UnicodeDecodeError as refusal:
        before = content[: refusal.start]
        line, column = before.count(b"\n") + 1, len(before.rpartition(b"\n")[2].decode()) + 1
        raise SpecError(
            f"this is not UTF-8 text (byte 0x{content[refusal.start]:02x})",
            where=Location(path, line, column),
            hint="a spec is a text file; save it as UTF-8",
        ) from None


def parse(text: str, message: Any, *, source: Path | str, elsewhere: Mapping[str, str] = MappingProxyType({})) -> Spec:
    """Merge ``text`` into ``message``, as ``text_format.Merge`` does, and note where every field stands.

    ``elsewhere``: hints about field names that other generations have.

    Raises SpecError with line and column: all fields that are unknown and all values that do not fit.
    """
    spec, errors = walk(text, message, source=source, elsewhere=elsewhere)
    if spec is None or errors:
        raise together(errors)
    return spec


def walk(
    text: str, message: Any, *, source: Path | str, elsewhere: Mapping[str, str] = MappingProxyType({})
) -> tuple[Spec | None, list[SpecError]]:
    """``parse`` that hands over the errors, beside a spec of the fields that fit; None where there is no telling."""
    from google.protobuf import text_format

    if text.startswith(MARK):
        spec, errors = walk(f" {text[1:]}", message, source=source, elsewhere=elsewhere)
        what = "the file starts with a byte order mark, which protobuf refuses"
        hint = "save it as UTF-8 without a byte order mark"
        marked = SpecError(what, where=Location(source, 1, 1), hint=hint, code=codes.SYNTAX, instead=(MARK, ""))
        return spec, [marked, *errors]
    refusal: ParseError | None = None
    try:
        text_format.Merge(text, message)
    except text_format.ParseError as error:
        refusal = error
    except (ValueError, OverflowError, RecursionError) as error:
        return None, [SpecError(f"this is not a spec: {error}", where=source, code=codes.SYNTAX)]
    layers = layout.Walk(text, message.DESCRIPTOR, elsewhere)
    broken: list[layout.Misfit] = []
    try:
        layers.run()
    except layout.Structure as misfit:
        broken.append(misfit)
    dialect = str(message.DESCRIPTOR.file.package.rpartition(".")[2])
    spec = Spec(message, source, layers.positions, dialect=dialect, text=text)
    # protobuf is the judge: what it accepted stands, and only positions further down are lost.
    if refusal is None:
        return spec, []
    if misfits := [*layers.misfits, *broken]:
        return None if broken else _rest(spec, layers), [_error(misfit, source) for misfit in misfits]
    where = Location(source, refusal.GetLine(), refusal.GetColumn())
    return None, [SpecError(_bare(refusal), where=where, code=codes.SYNTAX)]


def _error(misfit: layout.Misfit, source: Path | str) -> SpecError:
    where = Location(source, misfit.line, misfit.column)
    instead = (misfit.token.text, misfit.meant) if misfit.meant else None
    return SpecError(misfit.what, where=where, hint=misfit.hint, code=misfit.code, instead=instead)


def _rest(spec: Spec, layers: layout.Walk) -> Spec | None:
    """``spec`` without the fields that do not fit; None where what is left is none."""
    from google.protobuf import text_format

    message = type(spec.message)()
    try:
        text_format.Merge(layers.rest(), message)
    except (ValueError, OverflowError, RecursionError, text_format.ParseError):
        return None
    return replace(spec, message=message)


def _bare(refusal: ParseError) -> str:
    """protobuf's message without the place and the quoted line in front of it."""
    said = str(refusal)
    place = f"{refusal.GetLine()}:{refusal.GetColumn()} : "
    said = said.removeprefix(place)
    if said.startswith("'") and "': " in said:
        said = said.partition("': ")[2]
    return said[:1].lower() + said[1:].rstrip(".")


def _neighbours(path: Path) -> str | None:
    import difflib

    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.is_file()]
    except OSError:
        return f"there is no folder {path.parent}"
    near = difflib.get_close_matches(path.name, names, n=1)
    return f'did you mean "{path.parent / near[0]}"?' if near else None
