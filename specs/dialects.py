"""Which dialect a text is written in: told from the names of its fields, before anything else is asked of it.

A text is read without its schema for this, so that one with mistakes in it is still refused in the terms of the
dialect that it was meant in.
"""

from __future__ import annotations

import functools
import importlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from google.protobuf.descriptor import Descriptor

from specs import codes, values
from specs.layout import Token, tokens
from tltpipe.errors import Location, SpecError


def of(folder: ModuleType) -> list[ModuleType]:
    """The modules with SCHEMA, ELSEWHERE, IMAGE_SIZE and check() of a folder of specs, the oldest dialect first."""
    names: Sequence[str] = getattr(folder, "DIALECTS", ())
    return [importlib.import_module(f"{folder.__name__}.{name}") for name in names] or [folder]


def name(module: ModuleType) -> str:
    """The dialect of a module's messages: "tlt2"."""
    return str(module.SCHEMA.split(".")[-2])


def named(folder: ModuleType, dialect: str) -> ModuleType:
    """The module of ``folder`` whose messages are of this dialect."""
    return next((each for each in of(folder) if name(each) == dialect), folder)


def message(module: ModuleType, name: str) -> Any:
    """An empty message of a dialect."""
    return getattr(importlib.import_module(module.SCHEMA), name)()


def choose(folder: ModuleType, text: str) -> tuple[ModuleType, Token | None]:
    """The dialect that most of the fields belong to which only one has, and the first of these; else the oldest."""
    candidates = of(folder)
    if len(candidates) == 1:
        return candidates[0], None
    known = [_names(message(module, folder.MESSAGE).DESCRIPTOR) for module in candidates]
    witnesses: list[list[Token]] = [[] for _ in candidates]
    for token in written(text):
        holders = [index for index, names in enumerate(known) if token.text in names]
        if len(holders) == 1:
            witnesses[holders[0]].append(token)
    most = max(range(len(candidates)), key=lambda index: (len(witnesses[index]), -index))
    return candidates[most], witnesses[most][0] if witnesses[most] else None


def likely(folders: Sequence[ModuleType], text: str) -> list[ModuleType]:
    """The folders that know the most of the names written in ``text``: one, several that cannot be told apart, none.

    Of those that have a SECTION of their own, the others are no longer asked where that is written.
    """
    found = Counter(token.text for token in written(text))
    scores = []
    for folder in folders:
        descriptors = [message(module, folder.MESSAGE).DESCRIPTOR for module in of(folder)]
        # Sections tell more than what stands in them: "dataset_config" is in several, "nms_config" in one.
        top = {field.name for descriptor in descriptors for field in descriptor.fields}
        below = set().union(*map(_names, descriptors))
        score = sum(count for name, count in found.items() if name in below) + len(top & found.keys())
        scores.append((getattr(folder, "SECTION", None) in found, score))
    best = max(scores, default=(False, 0))
    return [folder for folder, score in zip(folders, scores, strict=True) if best[1] and score == best]


def unplaced(folders: Sequence[ModuleType], known: list[str], text: str, source: Path | str) -> SpecError:
    """Why ``text`` is of none of ``folders``, or of several (``known``): where it goes astray, what may be meant."""
    first = next(written(text), None)
    if first is None:
        if next(tokens(text)).kind == "end":
            return SpecError("the spec is empty", where=source, code=codes.EMPTY)
        what = 'this is not a spec: it has no field, neither "name: value" nor "name { ... }"'
        return SpecError(what, where=source, code=codes.SYNTAX)
    if known:
        what = f"no telling what this is a spec for: its fields fit {values.choice(known)}"
        return SpecError(what, where=source, code=codes.UNPLACED)
    descriptors = [message(module, folder.MESSAGE).DESCRIPTOR for folder in folders for module in of(folder)]
    meant = values.did_you_mean(first.text, sorted({field.name for each in descriptors for field in each.fields}))
    what = f'no telling what this is a spec for: none has a field "{first.text}"'
    where = Location(source, first.line, first.column)
    return SpecError(f"{what}; {meant}" if meant else what, where=where, code=codes.UNPLACED)


def written(text: str) -> Iterator[Token]:
    """The words of ``text`` that stand where names of fields do: before a colon or a brace."""
    before: Token | None = None
    for token in tokens(text):
        if before is not None and before.kind == "word" and token.kind == "symbol" and token.text in ":{<":
            yield before
        before = token


@functools.cache
def _names(descriptor: Descriptor) -> frozenset[str]:
    """Names of all fields in a message and in the messages below it."""
    found = {field.name for field in descriptor.fields}
    for field in descriptor.fields:
        if field.message_type is not None:
            found |= _names(field.message_type)
    return frozenset(found)
