"""The classes of TAO's Unet: values of masks, and what they are trained as."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from specs.migration.reshaping import plain
from specs.migration.rewriting import Rewriting
from specs.migration.tree import Field
from tltpipe.errors import Location, SpecError

DATA = "dataset_config"
CLASSES = f"{DATA}.data_class_config.target_classes"
VOID = 255
"""Pixels that nobody says anything about here."""


@dataclass(frozen=True)
class Target:
    """A class of their masks: its name, the value of its pixels, the class that it is trained as."""

    name: str
    value: int
    trained: str
    weight: float | None


def _targets(spec: Rewriting) -> list[Target]:
    """The classes of the spec; with ``--data`` those that its data set has."""
    have = {name.lower() for name in spec.data.classes} if spec.data is not None else None
    found, lost = list[Target](), list[str]()
    for section in spec.sections(CLASSES):
        said = {each.name: (plain(each.value), each) for each in section.fields if isinstance(each, Field)}
        value, field = said.get("label_id", (0, None))
        if not isinstance(value, int) or not 0 <= value <= VOID:
            where = Location(spec.source, field.line, field.column) if field else spec.source
            raise SpecError(f"label_id must be from 0 to {VOID}, not {value}", where=where)
        name = str(said.get("name", (f"label_{value}", None))[0])
        name = f"{name}_{value}" if name in {each.name for each in found} else name
        trained = str(said.get("mapping_class", (name, None))[0])
        target = Target(_called(name, value), value, trained, said.get("class_weight", (None, None))[0])
        if have is None or not value or name.lower() in have:
            found.append(target)
        else:
            lost.append(name)
    if lost:
        spec.note("the data of --data", f"the data set has no class {', '.join(lost)}")
    return found


def classes(spec: Rewriting) -> None:
    """Classes by the values of masks. 0 is the background here, 255 what nobody says anything about."""
    targets = sorted(_targets(spec), key=lambda target: target.value)
    background = next((target.trained for target in targets if target.value == 0), "background")
    names = {
        each.trained: _called(each.trained, each.value) for each in reversed(targets) if each.trained != background
    }
    trained = list(dict.fromkeys(names[each.trained] for each in targets if each.trained in names))
    if not trained and spec.data is not None:
        trained = list(spec.data.classes)
    elif not trained:
        spec.need("dataset.classes", "the names of the classes")
        trained = ["object"]
    effect = f"{background}, the class of value 0, is the background here, and not named"
    for each in targets:
        if each.name == f"label_{each.value}" and each.value:
            effect += f"; the class of value {each.value} is called {each.name}"
    spec.put("dataset.classes", trained, f"{CLASSES}.mapping_class", effect=effect)
    merged = [(each.name, names[each.trained]) for each in targets if each.trained in names]
    if merged := [pair for pair in merged if pair[0].lower() != pair[1].lower()]:
        rows = [{"name": name, "mapping_class": mapped} for name, mapped in merged]
        spec.listed("dataset.class_mapping", rows)
    spec.moved(f"{CLASSES}.name", "dataset.class_mapping" if merged else "dataset.classes")
    _weights(spec, targets, {**names, background: ""}, trained)
    if targets and spec.data is None:
        _values(spec, targets)
    spec.drop(f"{CLASSES}.label_id", "label_mapping.json says so here")


def _called(name: str, value: int) -> str:
    """A class of another value than 0 is never called background here."""
    return f"label_{value}" if value and name.lower() == "background" else name


def _weights(spec: Rewriting, targets: Sequence[Target], names: Mapping[str, str], trained: Sequence[str]) -> None:
    """Those of the background ("" in ``names``) and of each class."""
    path = f"{CLASSES}.class_weight"
    if spec.has(path):
        spec.numbers(path)
        said = {names[each.trained]: each.weight for each in reversed(targets)}
        weights = [float(said.get(name) or 1.0) for name in ("", *trained)]
        spec.put("loss.class_weights", weights, path, effect="of the background first")


def _values(spec: Rewriting, targets: Sequence[Target]) -> None:
    """What the values of masks mean: a file beside them, since no field of ours says it."""
    rows: list[dict[str, object]] = [{"id": 0, "name": "background"}]
    rows += [{"id": each.value, "name": each.name} for each in targets if each.value not in (0, VOID)]
    paths = [str(spec.value(f"{DATA}.train_{kind}_path", "")) for kind in ("images", "masks")]
    folder = posixpath.commonpath(paths) if all(path.startswith("/") for path in paths) else "the folder of the masks"
    path = f"{folder}/label_mapping.json"
    told = "which says what the values of masks mean: grep -o '{\"id\": .*' FILE takes its lines from the new spec"
    spec.need("dataset.train_data_sources", f"{path}, {told}")
    spec.files[path] = [json.dumps(row, ensure_ascii=False) for row in rows]
    if ignored := [each.name for each in targets if each.value == VOID]:
        what = f"masks with another value than {VOID} for {', '.join(ignored)}: such pixels are not learnt from here"
        spec.need("dataset.classes", what)
