"""Training specs of SSD: TLT 2.0 to TLT 3.0 and later, whose message is TAO 5's, too, and back."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import TYPE_CHECKING

import specs
from specs import dialects
from specs.migration import notes, portable, reading, writing
from specs.migration.changes import Change
from specs.migration.kinds import ssd_moves
from specs.migration.moving import Moving, normalise, paths
from specs.migration.targets import OURS, Options, Target
from specs.migration.tree import Field, Scalar, Section
from specs.spec import Spec
from specs.ssd.sections import DATA, VALIDATION
from tltpipe.errors import UsageError

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

OPTIONS: Mapping[str, tuple[Target, ...]] = {"validation": ("tlt3", "tao5"), "records": ("tlt2",)}
DIALECTS: Mapping[Target, str] = {"tlt2": "tlt2", "tlt3": "tlt3", "tao5": "tlt3"}
"""What the programs of a target read; ours read both."""
LABELS, IMAGES, RECORDS = "label_directory_path", "image_directory_path", "tfrecords_path"


def migrate(spec: Spec, text: str, *, to: Target, options: Options) -> tuple[str, list[Change]]:
    """See ``specs.migration.Kind``."""
    root = reading.proto_text(text, source=spec.source)
    normalise(root, spec.message.DESCRIPTOR)
    changes: list[Change] = []
    dialect = DIALECTS.get(to, spec.dialect)
    message = spec.message
    if dialect != spec.dialect:
        folder = specs.load(spec.kind)
        if dialect not in folder.DIALECTS:
            what = f"TLT 2.0 has no {spec.kind.upper()}"
            raise spec.error(folder.SECTION, what, hint="it is a network of TLT 3.0 and later")
        message = dialects.message(dialects.named(folder, dialect), folder.MESSAGE)
        root = _moved(spec, root, message.DESCRIPTOR, options, changes)
    effects = {VALIDATION: _on_folder(options)} if options.validation else {}
    root = portable.change(root, paths(message.DESCRIPTOR), to, changes, effects)
    if options.validation:
        _validate_on(root, options.validation, spec, changes)
    return writing.proto_text(root), changes


def _on_folder(options: Options) -> str:
    return f"it validates on {options.validation}"


def _moved(spec: Spec, root: Section, new: Descriptor, options: Options, changes: list[Change]) -> Section:
    dialect = new.file.package.rpartition(".")[2]
    effects = ssd_moves.EFFECTS[dialect]
    taken = notes.take(root, dialect, changes, renamed=ssd_moves.renamed(dialect))
    if dialect == "tlt2":
        folders = _to_records(root, options, changes)
    else:
        folders = _to_folders(root, changes)
        if options.validation:
            effects = {**effects, **dict.fromkeys(ssd_moves.VALIDATION, _on_folder(options))}
    moves = ssd_moves.moves(dialect, folders=folders)
    generations = (spec.dialect, dialect)
    return Moving(root, paths(spec.message.DESCRIPTOR), paths(new), generations, moves, taken, effects, changes).run()


def _sources(root: Section, name: str) -> list[Section]:
    data = root.find(DATA)
    found = data.named(name) if isinstance(data, Section) else []
    return [each for each in found if isinstance(each, Section)]


def _to_records(root: Section, options: Options, changes: list[Change]) -> bool:
    """Name TFRecords where there are folders of labels; whether there were."""
    folders = False
    for index, source in enumerate(_sources(root, "data_sources")):
        path = f"{DATA}.data_sources[{index}]"
        if source.text(RECORDS):
            effect = (
                "TLT 2.0 reads no records with images in them, which TAO's conversion for SSD writes: convert again"
            )
            changes.append(Change(f"{path}.{RECORDS}", f"{path}.{RECORDS}", source.line, "stays", effect))
            continue
        folders = True
        field = source.put(RECORDS, Scalar("", quoted=True))
        notes.attach(field, notes.note("tlt3", f"{path}.{RECORDS}", notes.UNSET))
        _as_records(source, path, options.records, changes)
    if options.records and not folders:
        raise UsageError("--records has no effect: the spec names TFRecords", hint="leave it out")
    validation = _sources(root, "validation_data_sources")[:1]
    for first in validation:
        made = Section("validation_data_source", [Field(IMAGES, Scalar(first.text(IMAGES), quoted=True))])
        notes.attach(made, notes.note("tlt3", f"{DATA}.validation_data_source", notes.UNSET))
        made.put(RECORDS, Scalar(first.text(RECORDS), quoted=True))
        root.section(DATA).fields.append(made)
        _as_records(made, f"{DATA}.validation_data_source", None, changes)
    return folders


def _as_records(source: Section, path: str, records: str | None, changes: list[Change]) -> None:
    """The folder of images of ``source`` as conversion sees it: from the folder above, whose name its frames have."""
    named = source.text(IMAGES)
    images = named.rstrip("/")
    if not source.text(RECORDS):
        source.put(RECORDS, Scalar(records or f"{images}-tfrecords/*", quoted=True))
    root = _above(named)
    field = source.put(IMAGES, Scalar(root, quoted=True))
    if source.line:
        notes.attach(field, notes.note("tlt3", f"{path}.{IMAGES}", Scalar(named, quoted=True).shown))
    what = f"{RECORDS}: {source.text(RECORDS)}, {IMAGES}: {root}"
    effect = f"TLT 2.0 trains on records: convert the labels, with image_dir_name {posixpath.basename(images)}"
    changes.append(Change(f"{path}.{IMAGES}", f"{path}.{RECORDS}", source.line, what, effect))


def _above(folder: str) -> str:
    return posixpath.dirname(folder.rstrip("/")) or "/"


def _to_folders(root: Section, changes: list[Change]) -> bool:
    """Whether the spec will name folders of labels again, by its notes; else say what becomes of its records."""
    held = notes.held(root)
    for index, source in enumerate(_sources(root, "data_sources")):
        path = f"{DATA}.data_sources[{index}]"
        if f"{path}.{LABELS}" not in held:
            effect = "NVIDIA's SSD reads records of its own conversion alone: convert again, with target_class_mapping"
            if source.text(RECORDS).endswith("/*"):
                effect += ", and name the prefix in the pattern (/train*), which else matches index files, too"
            changes.append(Change(f"{path}.{RECORDS}", f"{path}.{RECORDS}", source.line, "stays", effect))
        elif (images := held.get(f"{path}.{IMAGES}")) is not None:
            _follow(images, source.text(IMAGES))
    return any(path.endswith(LABELS) for path in held)


def _follow(images: notes.Restored, root: str) -> None:
    """Let a folder of images that a note holds be in ``root``, where somebody may have moved it."""
    earlier = notes.value(images.text)
    if isinstance(earlier, Scalar) and _above(earlier.text) != root:
        moved = posixpath.join(root, posixpath.basename(earlier.text.rstrip("/")))
        images.value = Scalar(Scalar(moved, quoted=True).shown)


def _validate_on(root: Section, folder: str, spec: Spec, changes: list[Change]) -> None:
    if root.find(VALIDATION) is not None:
        raise UsageError("--validation has no effect: the spec names folders to validate on", hint="leave it out")
    made = Section("validation_data_sources")
    made.put(IMAGES, Scalar(posixpath.join(folder, "images"), quoted=True))
    made.put(LABELS, Scalar(posixpath.join(folder, "labels"), quoted=True))
    notes.attach(made, notes.note("tlt2" if spec.dialect == "tlt2" else OURS, VALIDATION, notes.UNSET))
    root.section(DATA).fields.append(made)
    changes.append(Change("", VALIDATION, 0, f"{VALIDATION} is written: {folder}/images and {folder}/labels"))
