"""Spec files on their way to a job: rendered, checked at once, and never written over a user's own edits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.settings.config_file import Given
from orchestrator.settings.origins import Origins
from specs.spec import Spec
from tltpipe import files, inputs, plain
from tltpipe.errors import ConfigError

NOTES = "specs"
"""Name of the file among the receipts that remembers what we rendered."""


@dataclass(frozen=True)
class Draft:
    """A spec to be: its file name, the folder of ``specs/`` it comes from, and what fills the template."""

    name: str
    folder: str
    tunables: object
    paths: Mapping[str, Any]


@dataclass(frozen=True)
class Settled:
    """A spec that stands: ``edited`` tells that it lies as its user wrote it; ``remarks`` are lines to show."""

    path: Path
    text: str
    spec: Spec
    edited: bool
    remarks: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    """The settings that its fields come from; of an edited one the fields say it themselves."""


class Notes:
    """What we rendered: a hash and the workspace as the job saw it, by file name.

    A file whose hash is not the noted one was written by hand.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"{NOTES}.json"
        try:
            self.known = plain.from_json(inputs.content(self.path), dict[str, dict[str, str]])
        except (OSError, plain.NotPlain):
            self.known = {}

    def by_hand(self, name: str, text: str) -> bool:
        return self.known.get(name, {}).get("hash") != _hash(text)

    def root(self, name: str) -> str | None:
        return self.known.get(name, {}).get("root")

    def remember(self, name: str, text: str | None, root: str) -> None:
        """``text`` None keeps the hash (the file is still its user's) and notes the new root only."""
        old = self.known.get(name, {})
        new = {"hash": _hash(text) if text is not None else old.get("hash", ""), "root": root}
        if new != old:
            self.known[name] = new
            files.write_text(self.path, json.dumps(self.known, indent=2) + "\n")


def settle(
    draft: Draft,
    template: str,
    folder: Path,
    notes: Notes,
    *,
    root: str,
    overwrite: bool,
    section: str,
    given: Mapping[str, Given],
) -> Settled:
    """The spec for ``draft`` in ``folder``: as its user edited it, else as rendered; parsed, nothing written yet.

    ``root`` is the workspace as the job sees it; ``given`` holds the settings of ``section`` that are not the default.
    An edited file keeps its edits when the place changes: only its paths move. Raises SpecError for an edited spec,
    ConfigError for settings that make no sense and for those that an edited spec has otherwise.
    """
    import specs

    path = folder / draft.name
    origins = Origins(
        section=section,
        given=given,
        tunables=draft.tunables,
        template=(draft.folder, template),
        fill=lambda tunables: specs.render(draft.folder, template, tunables, **draft.paths),
        parse=lambda text: specs.parse_text(text, draft.folder, source=path),
    )
    text, spec = origins.spec()
    lying = _lying(path)
    edited = lying is not None and lying != text and not overwrite and notes.by_hand(draft.name, lying)
    if not edited or lying is None:
        remarks = (f"{name} has no effect beside the other settings" for name in origins.without_effect(text))
        return Settled(path, text, spec, edited=False, remarks=tuple(remarks), settings=origins.keys())
    moved = _moved(lying, notes.root(draft.name), root)
    spec = specs.parse_text(moved, draft.folder, source=path)
    overruled = _overruled(origins, text, spec, unchanged=not notes.by_hand(draft.name, text))
    return Settled(path, moved, spec, edited=True, remarks=tuple(overruled))


def _overruled(origins: Origins, text: str, edited: Spec, *, unchanged: bool) -> list[str]:
    """What to say of settings that a spec edited by hand has otherwise.

    An edit that is newer than the settings, which are ``unchanged`` since the spec was written, counts; for any other
    raises ConfigError, which names both.
    """
    found = []
    for name, given, there in origins.overruled(text, edited):
        if given.in_file and unchanged:
            found.append(f"{name}: {given.value} ({given.where}) is not used: {there}")
            continue
        hint = "change the spec, or let --render write it anew from the settings, without the edits"
        raise ConfigError(f"{name}: {given.value} would be ignored: {there}", where=given.where, hint=hint)
    return found


def write(settled: Settled, notes: Notes, *, root: str) -> None:
    """Put the spec where the job will look for it, and note what is ours."""
    if _lying(settled.path) != settled.text:
        files.write_text(settled.path, settled.text)
    notes.remember(settled.path.name, None if settled.edited else settled.text, root)


def sizes_apart(settled: Iterable[Settled]) -> list[str]:
    """A line for every spec whose images are not of the size that an earlier one gives them."""
    import specs

    sized = [(one.path.name, size) for one in settled if (size := specs.image_size(one.spec)) is not None]
    if not sized:
        return []
    (first, (width, height)), *others = sized
    return [
        f"{name} takes images of {size[0]}x{size[1]}, but {first} makes them {width}x{height}: "
        "give both one size, as TLT 2.0 expects images of the network's"
        for name, size in others
        if size != (width, height)
    ]


def _lying(path: Path) -> str | None:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None


def _moved(text: str, old: str | None, new: str) -> str:
    if old is None or old == new:
        return text
    for quote in ('"', "'"):
        text = text.replace(f"{quote}{old}/", f"{quote}{new}/").replace(f"{quote}{old}{quote}", f"{quote}{new}{quote}")
    return text


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
