"""A training spec for a data set: where its pictures and labels are, its classes, anchors that fit its boxes."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from converters.model.splits import Place
from specs.drafting import Drafting, Usual
from tltpipe.errors import DataError, UsageError
from tltpipe.progress import Progress

HELD_OUT = ("validation", "val", "test")
NOWHERE = Path("/workspace/data")
"""Stands for a data set that is not there yet."""
WANTED = "0.5"


@dataclass(frozen=True)
class Contents:
    """What a spec has to know of its data; ``notes`` are lines for its head.

    ``paths`` are variables of the templates; ``fitted`` settings that suit the boxes; ``anchors`` the figures behind.
    ``absent``: classes that the data set knows and has no box of.
    """

    dialect: str
    classes: Sequence[str]
    paths: Mapping[str, object]
    notes: Sequence[str] = ()
    fitted: Mapping[str, object] = field(default_factory=dict)
    anchors: Mapping[str, Any] | None = None
    absent: Sequence[str] = ()

    def require(self, classes: Sequence[str]) -> None:
        """Raise UsageError unless the data set knows all ``classes``."""
        from specs.values import did_you_mean

        known = [*self.classes, *self.absent]
        if unknown := [name for name in classes if name not in known]:
            what = f"--classes: the data set has no {', '.join(unknown)}"
            raise UsageError(what, hint=did_you_mean(unknown[0], known) or f"it has {', '.join(known)}")


def kind_of(network: str) -> Drafting:
    """How specs of ``network`` are written. Raises UsageError for one that there is not."""
    from orchestrator.settings import config
    from specs import drafting
    from specs.values import did_you_mean

    known = config.networks()
    if network not in known:
        hint = did_you_mean(network, known) or f"networks: {', '.join(known)}"
        raise UsageError(f'there is no network "{network}"', hint=hint)
    return drafting.load(network)


UNFILLED = "Put in the paths of your data and your classes; --from DATASET has tltpipe do that."


def placeholder(kind: Drafting, dialect: str | None, classes: Sequence[str]) -> Contents:
    """Paths to be filled in by hand."""
    chosen = next(iter(kind.FORMATS)) if dialect is None else dialect
    format = kind.FORMATS[chosen]
    paths = _paths(format, _converted(format, NOWHERE, ["train", "validation"]), ".jpg")
    return Contents(chosen, classes, paths, [UNFILLED])


def describe(
    dataset: Path,
    kind: Drafting,
    *,
    dialect: str | None,
    format: str | None,
    size: tuple[int, int] | None,
    progress: Progress,
    skip_bad: bool = False,
) -> Contents:
    """What to write of the data set at ``dataset``; ``size`` is (width, height) of the network's input, if it has one.

    Reads all of its annotations. Raises UsageError and DataError as ``converters.splits`` does, DataError where there
    is no box to train on.
    """
    from converters.statistics import INPUT, measure
    from converters.transfer import opening

    path = dataset.resolve()
    format, places = opening.find(path, format)
    datasets = opening.read_all(path, places, format)
    usual = next((name for name, own in kind.FORMATS.items() if own == format), next(iter(kind.FORMATS)))
    chosen = usual if dialect is None else dialect
    report = measure(datasets, fit=kind.fit, progress=progress, size=size or INPUT, skip_bad=skip_bad)
    anchors, main = report.numbers["anchors"], report.main
    if anchors is None:
        raise DataError("there is no box to train on", where=dataset, hint="tltpipe stats shows what there is")
    counts = {name: told["items"] for name, told in report.numbers["splits"][main]["classes"].items()}
    missing = [name for name, count in counts.items() if not count]
    notes = [_coverage(anchors)] if anchors else []
    if missing:
        notes.append(f"Left out, since {main} has none of them: {', '.join(missing)}.")
    splits = [main, *(name for name in HELD_OUT if name in places and name != main)][:2]
    own = {name: places[name] for name in splits}
    read_as_it_is = _whole(path, splits, kind) if format not in kind.FORMATS.values() else None
    newest = chosen == next(iter(kind.FORMATS))  # which takes whatever one of them takes
    trained_on = format if newest and format in kind.FORMATS.values() else kind.FORMATS[chosen]
    if format != trained_on and read_as_it_is is None:
        target = path.with_name(f"{path.stem}-{trained_on}")
        make = ("tltpipe", "convert", str(dataset), str(target), "--to", trained_on)
        notes.append(f"Make what it trains on: {shlex.join(make)}")
        own = _converted(trained_on, target, splits)
    first = next(iter(datasets[main]), None)
    extension = Path(first.image).suffix if first is not None else ".jpg"
    return Contents(
        chosen,
        kind.classes([name for name, count in counts.items() if count]),
        read_as_it_is or _paths(trained_on, own, extension),
        notes,
        kind.fitted(report.anchors["suggested"]) if anchors else {},
        anchors or None,
        kind.classes(missing),
    )


def _whole(path: Path, splits: Sequence[str], kind: Drafting) -> dict[str, object] | None:
    """The variables of a template that names the data set itself, which programs with YAML specs read in any format;
    None where ``kind`` has no such template, or they would train on other splits than these."""
    if not isinstance(kind, Usual) or not {*splits} <= {"train", "validation"}:
        return None
    return {"path": path, "val_path": path if len(splits) > 1 else None}


def _coverage(anchors: Mapping[str, Any]) -> str:
    shares = {title: 100 * anchors[title]["all"]["recall"][WANTED] for title in ("suggested", "default")}
    told = f"Anchors fitted to the {anchors['boxes']:,} boxes of {anchors['split']}"
    best = f"{shares['suggested']:.1f} % of them overlap one by {WANTED} (IoU) or more"
    return f"{told}: {best}, {shares['default']:.1f} % with the usual ones."


def _converted(format: str, root: Path, splits: Sequence[str]) -> dict[str, Place]:
    """Where ``tltpipe convert`` will put the splits."""
    from converters.transfer import opening

    return {name: opening.module(format).layout(root, name) for name in splits}


def _paths(format: str, places: Mapping[str, Place], extension: str) -> dict[str, object]:
    """The variables of the templates: of the first split to train on, of a second one to validate on."""
    if format == "coco":
        (_, train), *others = places.items()
        held_out = others[0][1] if others else None
        return {
            "json_file": train.annotations,
            "image_dir": train.images,
            "val_json_file": held_out and held_out.annotations,
            "val_image_dir": held_out and held_out.images,
        }
    paths: dict[str, object] = {"image_extension": extension.removeprefix(".")}
    for prefix, (name, place) in zip(("", "validation_"), places.items(), strict=False):
        if format == "tfrecord":
            paths[f"{prefix}tfrecords_path"] = _records(name, place)
            paths[f"{prefix}image_directory_path"] = place.root
        else:
            paths[f"{prefix}label_directory_path"] = place.annotations
            paths[f"{prefix}image_directory_path"] = place.images
    return paths


def _records(split: str, place: Place) -> Path:
    """A glob of the record files that catches no other file beside them: NVIDIA keeps an index of each there."""
    from converters.tfrecords import records

    if place.annotations.is_file():
        return place.annotations
    if place.annotations.is_dir():
        stem, fold, _ = records.shards(place.annotations)[0].name.partition("-fold-")
        return place.annotations / (f"{stem}-fold-*" if fold else "*")
    return place.annotations / f"{split}-fold-*"
