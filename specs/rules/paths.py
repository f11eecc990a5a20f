"""Paths as the job sees them: what a spec names must be there, where the job looks for it."""

from __future__ import annotations

import difflib
import glob
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from specs import kinds
from specs.checks import Finding, rewritten
from specs.rulebook import NVIDIA, TRAINED, Subject, rule
from specs.rules.facts import Paths
from specs.spec import generic

_SHOWN = 6


@dataclass(frozen=True)
class NamedPath:
    """A ``text`` in the spec at ``field`` that names a file, a folder or, with ``many``, files by a glob."""

    field: str
    text: str
    folder: bool = False
    many: bool = False


def named(subject: Subject) -> Iterator[NamedPath]:
    """The paths of the data that the spec names in full."""
    for source in kinds.data_sources(subject.spec):
        if source.below_data:
            continue
        records = source.format == "tfrecord"
        yield NamedPath(source.annotations_field, source.annotations, folder=source.format == "kitti", many=records)
        if source.images:
            yield NamedPath(source.images_field, source.images, folder=True)


def _whole(subject: Subject) -> Iterator[tuple[NamedPath, Paths]]:
    """Those that can be judged, with how they lie on this host."""
    for each in named(subject):
        if subject.paths is not None and each.text and not _unexpanded(each.text, subject.paths):
            yield each, subject.paths


def _unexpanded(text: str, paths: Paths | None) -> bool:
    """Whether ``text`` has a home folder or a variable in it, and is not called so to the letter."""
    if not text.startswith("~") and "$" not in text:
        return False
    host = paths.host(text) if paths is not None else None
    return host is None or not _is_there(host)


def _is_there(path: Path) -> bool:
    return path.exists() or (glob.has_magic(str(path)) and bool(glob.glob(str(path))))


@rule(
    "S301",
    "error",
    title="a path of this machine that the job does not see",
    fix="write the path that the job sees, or mount the folder there",
    needs=("paths",),
)
def host_path(subject: Subject) -> Iterator[Finding]:
    for each, paths in _whole(subject):
        if paths.host(each.text) is None:
            seen = paths.job(Path(each.text))
            hint = f'the job sees it as "{seen}"' if seen else "mount its folder, or copy it into the workspace"
            what = f"{each.text} is not in any folder that the job sees"
            if _is_there(Path(each.text)):
                what = f"{each.text} is a path of this machine, which the job does not see"
            edit = rewritten(subject.spec, each.field, json.dumps(str(seen))) if seen else None
            yield Finding(each.field, what, hint, edit=edit)


@rule(
    "S302",
    "error",
    title="a file or folder that is not there",
    fix="correct the path, or make what it names first",
    needs=("paths",),
)
def missing(subject: Subject) -> Iterator[Finding]:
    for each, paths in _whole(subject):
        host = paths.host(each.text)
        if host is not None and not glob.has_magic(each.text) and not each.many and not host.exists():
            yield Finding(each.field, f"{each.text} not found{_on_host(each.text, host)}", _nearest(host))


@rule(
    "S303",
    "error",
    title="a pattern or prefix of record files that matches nothing",
    fix="correct it, or convert the data first",
    needs=("paths",),
)
def no_match(subject: Subject) -> Iterator[Finding]:
    for each, paths in _whole(subject):
        host = paths.host(each.text)
        if host is not None and (each.many or glob.has_magic(each.text)) and not _is_there(host):
            yield Finding(each.field, f"no file matches {each.text}{_on_host(each.text, host)}", _in_folder(host))


@rule(
    "S304",
    "error",
    title="a file where a folder is needed, or a folder where a file is",
    fix="name the one that is needed",
    needs=("paths",),
)
def other_kind(subject: Subject) -> Iterator[Finding]:
    for each, paths in _whole(subject):
        host = paths.host(each.text)
        if host is None or each.many or not host.exists():
            continue
        if each.folder and not host.is_dir():
            yield Finding(each.field, f"{each.text} is a file; a folder is needed here", "name the folder it is in")
        elif generic(each.field).endswith((".json_file", ".annotation_files")) and host.is_dir():
            yield Finding(each.field, f"{each.text} is a folder; a file is needed here", _in_folder(host / "*"))


@rule(
    "S305",
    "error",
    title="~ or a variable in a path, which no program expands",
    fix="write the path in full",
    needs=("paths",),
)
def unexpanded(subject: Subject) -> Iterator[Finding]:
    for each in named(subject):
        if _unexpanded(each.text, subject.paths):
            yield Finding(each.field, f'"{each.text}" is taken literally: ~ and $ are not expanded in specs')


@rule(
    "S306",
    "warning",
    title="a relative path, which means another place in a container",
    fix="write the path as the container has it, from / on",
    kinds=("augment", *TRAINED),
    toolkits=NVIDIA,
    needs=("paths",),
)
def relative(subject: Subject) -> Iterator[Finding]:
    for each in named(subject):
        if each.text and not each.text.startswith("/") and not _unexpanded(each.text, subject.paths):
            what = f'"{each.text}" is relative to the folder that the container starts in, not to the spec'
            yield Finding(each.field, what)


@rule(
    "S307",
    "error",
    title="a link that leads out of what the job sees",
    fix="mount the folder that it leads to, or copy the data",
    needs=("paths",),
)
def link_outside(subject: Subject) -> Iterator[Finding]:
    for each, paths in _whole(subject):
        host = paths.host(each.text)
        if host is None:
            continue
        there = next(iter(sorted(glob.glob(str(host)))), None) if each.many else str(host)
        if there is not None and Path(there).exists() and paths.job(real := Path(there).resolve()) is None:
            yield Finding(each.field, f"{each.text} is or lies in a link to {real}, which the job does not see")


@rule(
    "S308",
    "warning",
    title="the same annotations for training and validation",
    fix="name other data to validate on",
    needs=("paths",),
)
def same_source(subject: Subject) -> Iterator[Finding]:
    sources = kinds.data_sources(subject.spec)
    trained = {source.annotations for source in sources if source.role == "training"}
    for source in sources:
        whole = source.format != "auto"  # a data set that is named as a whole has splits of its own
        if whole and source.role == "validation" and source.annotations in trained:
            what = f"{source.annotations} is trained on, too: what is measured on it says nothing of new images"
            yield Finding(source.annotations_field, what)


def _on_host(text: str, host: Path) -> str:
    return "" if text == str(host) else f" (here {host})"


def _nearest(path: Path) -> str | None:
    """The name beside ``path`` that may be meant, or what is there instead."""
    lacking = path
    while not lacking.parent.is_dir() and lacking.parent != lacking:
        lacking = lacking.parent
    there = sorted(each.name for each in lacking.parent.iterdir() if not each.name.startswith("."))[:10_000]
    by_case = {name.casefold(): name for name in there}
    near = difflib.get_close_matches(lacking.name.casefold(), by_case, n=1)
    if near and lacking == path:
        return f'did you mean "{by_case[near[0]]}"?'
    if near:
        return f'{lacking} is not there: make it first, or did you mean "{by_case[near[0]]}"?'
    return f"{lacking.parent} has {', '.join(there[:_SHOWN])}" if there else f"{lacking.parent} is empty"


def _in_folder(pattern: Path) -> str | None:
    """What is in the folder of ``pattern``, or where it might be."""
    folder = pattern.parent
    if not folder.is_dir():
        return _nearest(folder)
    there = sorted(each.name for each in folder.iterdir() if not each.name.startswith("."))
    return f"{folder} has {', '.join(there[:_SHOWN])}" if there else f"{folder} is empty"
