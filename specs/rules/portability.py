"""Whether the programs of a toolkit read a spec at all: its generation, its kind, the name of its file."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from specs.checks import Finding, value_at
from specs.extensions import AUTO, dotted
from specs.rulebook import LATER, NVIDIA, Subject, rule

READS: Mapping[str, Mapping[str, str]] = {
    "tlt2": {"ssd": "tlt2", "augment": "tlt2", "dataset_convert": "tlt2"},
    "tlt3": {"ssd": "tlt3", "dssd": "tlt3", "augment": "tlt2", "dataset_convert": "tlt2"},
    "tao5": {"ssd": "tlt3", "dssd": "tlt3", "augment": "tao5", "dataset_convert": "tlt2"},
}
"""By toolkit: the kinds of spec that its programs read, and the dialect of each."""

_SHELL = re.compile(r"[\s'\"`$&|;<>(){}\[\]*?!\\~#]")
"""What a shell takes for something else than a part of a name."""


@rule(
    "S501",
    "error",
    title="a spec of a generation that the toolkit does not read",
    fix="migrate the spec, or choose the toolkit that it is for",
    needs=("toolkit",),
)
def generation(subject: Subject) -> Iterator[Finding]:
    from specs import fields

    spec, toolkit = subject.spec, subject.toolkit or ""
    dialect = READS.get(toolkit, {}).get(spec.kind)
    if dialect is None or spec.dialect == dialect:
        return
    here = fields.generations(spec.kind)[spec.dialect]
    hint = f"tltpipe spec migrate {shlex.quote(str(spec.source))} --to {toolkit}"
    first = min(spec.positions, key=lambda path: spec.positions[path], default="")
    yield Finding(first, f"this spec is one of {here}, which {toolkit} does not read", hint)


@rule(
    "S502",
    "error",
    title="a kind of spec that no program of the toolkit reads",
    fix="use our own programs: --toolkit embedded",
    needs=("toolkit",),
)
def kind(subject: Subject) -> Iterator[Finding]:
    reads = READS.get(subject.toolkit or "")
    if reads is not None and subject.spec.kind not in reads:
        what = f"no program of {subject.toolkit} reads specs of {subject.spec.kind} as tltpipe writes them"
        yield Finding("", what, "use our own programs: --toolkit embedded")


@rule(
    "S503",
    "warning",
    title="the file name of the spec has blanks or characters that a shell takes apart",
    fix="rename the file: NVIDIA's wrapper passes arguments to a shell without quotes",
    toolkits=LATER,
)
def file_name(subject: Subject) -> Iterator[Finding]:
    name = Path(subject.spec.source).name
    if odd := _SHELL.search(name):
        what = f'{subject.toolkit} passes "{name}" to a shell without quotes, which takes it apart at "{odd[0]}"'
        yield Finding("", what, "rename the file: letters, digits, dots, dashes and underscores are safe")


@rule(
    "S504",
    "error",
    title="image_extension: auto, which NVIDIA's programs do not know: they find no images",
    fix="write the extension of the images",
    toolkits=NVIDIA,
)
def extension(subject: Subject) -> Iterator[Finding]:
    for path in ("image_extension", "dataset_config.image_extension", "kitti_config.image_extension"):
        if subject.spec.is_set(path) and dotted(str(value_at(subject.spec, path))) is None:
            yield Finding(path, f'"{AUTO}" is no extension to NVIDIA: no image is found', 'write it: ".jpg"')
