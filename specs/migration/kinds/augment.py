"""Augmentation specs: the proto-text of TLT 2.0 to TAO 4, and the YAML of TAO 5, which names its data, too."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping

from specs import augment, dialects
from specs.augment import tao5
from specs.augment.tao5_keys import KEYS
from specs.migration import notes, reading, writing
from specs.migration.changes import Change
from specs.migration.kinds import augment_moves
from specs.migration.moving import Convert, Move, Moving, normalise, paths
from specs.migration.targets import DATASET, OURS, OUTPUT, Options, Target
from specs.migration.tree import Scalar, Section
from specs.spec import Spec
from specs.templating import quoted

OPTIONS: Mapping[str, tuple[Target, ...]] = {"dataset": ("tao5",), "results": ("tao5",)}
YAML: Target = "tao5"
FOLDERS = {"dataset_config.image_path": "data.image_dir", "dataset_config.label_path": "data.ann_path"}
KIND, KITTI = "data.dataset_type", "kitti"
OUTPUTS = ("results_dir", "data.output_dataset")


def migrate(spec: Spec, text: str, *, to: Target, options: Options) -> tuple[str, list[Change]]:
    """See ``specs.migration.Kind``."""
    yaml = spec.dialect == tao5.DIALECT
    if to == OURS or yaml == (to == YAML):
        return text, []
    return _to_proto_text(spec, text) if yaml else _to_yaml(spec, text, options)


def _to_yaml(spec: Spec, text: str, options: Options) -> tuple[str, list[Change]]:
    config = spec.message
    root = reading.proto_text(text, source=spec.source)
    normalise(root, config.DESCRIPTOR)
    folders = {key: str(_value(config, path)) for path, key in FOLDERS.items()}
    moves = [*augment_moves.to_yaml(spec), *_whole_folders(folders, options.dataset or DATASET)]
    changes: list[Change] = []
    taken = notes.take(root, tao5.DIALECT, changes, renamed={move.new for move in moves})
    if options.dataset:
        taken = {path: value for path, value in taken.items() if path not in folders}
    effects = {**augment_moves.EFFECTS}
    if config.output_image_channel == 1:
        effects["output_image_channel"] = "images are written in colour"
    fields = (paths(config.DESCRIPTOR), _yaml_paths())
    moving = Moving(root, *fields, (spec.dialect, tao5.DIALECT), moves, taken, effects, changes, yaml=True)
    made = moving.run()
    _add(made, {KIND: KITTI}, changes, None)
    if options.results or all(made.find(path) is None for path in OUTPUTS):
        effect = "-o of tlt-augment, which proto-text does not hold"
        _add(made, dict.fromkeys(OUTPUTS, options.results or OUTPUT), changes, effect)
    order = list(dict.fromkeys(key.partition(".")[0] for key in KEYS))
    made.fields.sort(key=lambda each: order.index(each.name))
    return writing.yaml_text(made), changes


def _value(message: object, path: str) -> object:
    for name in path.split("."):
        message = getattr(message, name)
    return message


def _add(root: Section, values: Mapping[str, str], changes: list[Change], effect: str | None) -> None:
    for path, value in values.items():
        root.put(path, Scalar(value, quoted=True))
        changes.append(Change("", path, 0, f"{path}: {value} is written", effect))


def _yaml_paths() -> dict[str, bool]:
    """The keys, and their sections."""
    sections = (key.split(".")[:length] for key in KEYS for length in range(1, key.count(".") + 1))
    return dict.fromkeys([*KEYS, *map(".".join, sections)], False)


def _whole_folders(folders: Mapping[str, str], dataset: str) -> list[Move]:
    """The moves of folders, each below ``dataset``, which YAML names as a whole."""
    whole = {key: posixpath.join(dataset, folder).rstrip("/") or "/" for key, folder in folders.items()}
    root = _common(whole.values())

    def move(path: str, key: str) -> Move:
        def back(text: str | None) -> str | None:
            """What the way back makes of our folder; of another one what is written, if it is the end of that."""
            folder = _bare(text)
            if folder == whole[key]:
                return quoted(posixpath.relpath(folder, root))
            return quoted(folders[key]) if f"/{folder}".endswith(f"/{folders[key]}") else None

        effect = "-d of tlt-augment and the folder below it"
        return Move(path, key, lambda _: quoted(whole[key]), back, effect)

    return [move(path, key) for path, key in FOLDERS.items()]


def _to_proto_text(spec: Spec, text: str) -> tuple[str, list[Change]]:
    if spec.message[KIND] != KITTI:
        hint = "`tltpipe convert SRC DST --to kitti` makes such folders of COCO data"
        raise spec.error(KIND, "proto-text augments KITTI folders alone", hint=hint)
    root = reading.yaml_text(text.removeprefix("\N{BYTE ORDER MARK}"), source=spec.source)
    moves = augment_moves.to_proto_text(spec)
    changes: list[Change] = []
    taken = notes.take(root, "tlt2", changes, renamed={*(move.new for move in moves), *FOLDERS})
    whole = {key: posixpath.normpath(str(spec.message[key])) for key in FOLDERS.values()}
    dataset, folders = _as_noted(whole, taken) or _relative(whole)
    if dataset is None:
        what = "image_dir and ann_path have no folder in common, in which proto-text could name them"
        raise spec.error("data.ann_path", what, hint="write both as whole paths")
    for path, key in FOLDERS.items():
        moves.append(Move(key, path, _constant(folders[key]), _constant(None)))
        taken.pop(path, None)
    _take_out(root, KIND)
    fields = (_yaml_paths(), paths(dialects.message(augment, augment.MESSAGE).DESCRIPTOR))
    moving = Moving(root, *fields, (tao5.DIALECT, "tlt2"), moves, taken, augment_moves.LOSSES, changes)
    made = moving.run()
    line = f"-d {dataset} -o {tao5.output(spec) or 'OUTPUT'}"
    changes.append(Change("data", None, 0, "folders are options of the program", f"run tlt-augment with {line}"))
    return writing.proto_text(made), changes


Folders = tuple[str | None, Mapping[str, str | None]]
"""The root of a data set, None where there is none, and folders below it as proto-text has them."""


def _as_noted(whole: Mapping[str, str], taken: Mapping[str, str]) -> Folders | None:
    """The root of the data set and the folders as they were, by their notes; None where they are others now."""
    roots, folders = set[str](), dict[str, str | None]()
    for path, key in FOLDERS.items():
        if path not in taken:
            return None
        noted = None if taken[path] == notes.UNSET else taken[path]
        end = posixpath.normpath(_bare(noted)) if _bare(noted) else ""
        if end and end != whole[key] and not whole[key].endswith(f"/{end}"):
            return None
        if end != whole[key]:
            roots.add(whole[key].removesuffix(f"/{end}") if end else whole[key])
        folders[key] = noted
    return (roots.pop() if roots else _common(whole.values()), folders) if len(roots) < 2 else None


def _relative(whole: Mapping[str, str]) -> Folders:
    root = _common(whole.values())
    return root, {} if root is None else {key: quoted(posixpath.relpath(path, root)) for key, path in whole.items()}


def _constant(text: str | None) -> Convert:
    return lambda _: text


def _common(folders: Iterable[str]) -> str | None:
    """The nearest folder above all of ``folders``; None where there is none."""
    try:
        return posixpath.commonpath([posixpath.dirname(folder) for folder in folders]) or "."
    except ValueError:
        return None


def _bare(text: str | None) -> str:
    value = notes.value(text, yaml=True) if text else None
    return value.text if isinstance(value, Scalar) else ""


def _take_out(root: Section, path: str) -> None:
    """Remove the field at ``path``; its comments stay."""
    parent, _, name = path.rpartition(".")
    section = root.find(parent)
    for each in section.named(name) if isinstance(section, Section) else []:
        assert isinstance(section, Section)
        place = section.fields.index(each)
        del section.fields[place]
        after = section.fields[place].comments.above if place < len(section.fields) else section.below
        after[:0] = each.comments.lines
