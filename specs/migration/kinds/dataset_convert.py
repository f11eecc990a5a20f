"""Conversion specs: one message for all generations; that of TAO's SSD numbers classes by a mapping of its own."""

from __future__ import annotations

from collections.abc import Mapping

from specs.migration import notes, reading, writing
from specs.migration.changes import Change
from specs.migration.moving import Moving, normalise, paths
from specs.migration.targets import OURS, Options, Target
from specs.migration.tree import Scalar, Section
from specs.spec import Spec
from tltpipe.errors import UsageError

OPTIONS: Mapping[str, tuple[Target, ...]] = {"mapping": ("tlt3", "tao5")}
MAPPING = "target_class_mapping"
OLD = "tlt2"
EFFECTS = {
    MAPPING: "TLT 2.0's conversion has no mapping: records hold the classes of the labels, and training maps them"
}
UNUSED = {
    "sample_modifier_config": "TAO's conversion for SSD drops and doubles no images by their classes",
    "kitti_config.point_clouds_dir": "TAO's conversion for SSD leaves point clouds out",
    "kitti_config.calibrations_dir": "TAO's conversion for SSD leaves calibrations out",
}


def migrate(spec: Spec, text: str, *, to: Target, options: Options) -> tuple[str, list[Change]]:
    """See ``specs.migration.Kind``."""
    mapped = bool(spec.message.target_class_mapping)
    if to == OURS or mapped == (to != OLD):
        return text, []
    root = reading.proto_text(text, source=spec.source)
    normalise(root, spec.message.DESCRIPTOR)
    fields, changes = paths(spec.message.DESCRIPTOR), list[Change]()
    generations = (OLD, "tlt3") if to != OLD else ("tlt3", OLD)
    taken = notes.take(root, generations[1], changes)
    noted = any(path.startswith(MAPPING) for path in notes.held(root))
    gone = frozenset([MAPPING]) if to == OLD else frozenset()
    made = Moving(root, fields, fields, generations, [], taken, EFFECTS, changes, gone).run()
    if to != OLD:
        if noted and options.mapping:
            raise UsageError("--mapping has no effect: comments of the spec have its classes", hint="leave it out")
        if not noted:
            _map(made, options, changes)
        for path, effect in UNUSED.items():
            if (section := made.find(path)) is not None:
                changes.append(Change(path, path, section.line, "stays", effect))
    return (writing.proto_text(made) if mapped or noted or options.mapping else text), changes


def _map(root: Section, options: Options, changes: list[Change]) -> None:
    """Write the mapping, if it is known."""
    if not options.mapping:
        effect = "TAO's conversion for SSD ends without it: --mapping TRAINING_SPEC writes it; other networks need none"
        changes.append(Change("", None, 0, f"{MAPPING} is missing", effect))
        return
    for source, target in options.mapping.items():
        entry = Section(MAPPING)
        notes.attach(entry, notes.note(OLD, MAPPING, notes.UNSET))
        entry.put("key", Scalar(source, quoted=True))
        entry.put("value", Scalar(target, quoted=True))
        root.fields.append(entry)
    effect = "records hold the numbers of these classes alone: others are left out of them"
    changes.append(Change("", MAPPING, 0, f"{MAPPING} of {len(options.mapping)} classes is written", effect))
