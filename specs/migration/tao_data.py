"""The data of TAO's detectors: TFRecords and KITTI labels, a fold that validates, classes under other names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from specs.migration.rewriting import Rewriting, Row
from specs.migration.tree import Scalar, Section

DATA = "dataset_config"
DETECTION = (
    Row(f"{DATA}.image_extension", effect=""),
    Row(f"{DATA}.target_class_mapping.key", "dataset.class_mapping"),
    Row(f"{DATA}.target_class_mapping.value", "dataset.classes"),
    Row(f"{DATA}.validation_fold", "dataset.val_data_sources"),
    Row(f"{DATA}.include_difficult_in_training", effect="occluded objects are trained on, too", same=(True,)),
    Row(f"{DATA}.type"),
    Row(f"{DATA}.is_monochrome", effect="images are read in colour", same=(False,)),
    Row(f"{DATA}.dataloader_mode"),
    Row(f"{DATA}.sampling_mode", effect="images of a source are drawn by its weight", same=("USER_DEFINED",)),
    *(
        Row(f"{DATA}.{source}.{name}", f"dataset.{ours}")
        for source, ours in (
            ("data_sources", "train_data_sources"),
            ("validation_data_sources", "val_data_sources"),
            ("validation_data_source", "val_data_sources"),
        )
        for name in (*("tfrecords_path", "label_directory_path", "image_directory_path", "root_path", "source_weight"),)
    ),
)
"""``dataset_config`` of the detectors."""


def detection_data(spec: Rewriting) -> None:
    """Sources of TFRecords and of KITTI labels, the fold that validates, the classes."""
    training = spec.sections(f"{DATA}.data_sources")
    held_out = spec.sections(f"{DATA}.validation_data_sources") or spec.sections(f"{DATA}.validation_data_source")
    fold = None if held_out else _number_of_fold(spec)
    if spec.data is None:
        sources = [_source(each) for each in training]
        if not sources or not all(sources):
            spec.need("dataset.train_data_sources", "the data to train on, or --data DATASET fills it in")
            sources = [{"image_dir": "/workspace/data/images/train", "json_file": "/workspace/data/train.json"}]
        trained = [_fold(each, fold, others=True) or {} for each in sources] if fold is not None else sources
        spec.listed("dataset.train_data_sources", trained, *training)
        if fold is not None:
            held = [each for source in sources if (each := _fold(source, fold)) is not None]
            if held:
                spec.listed("dataset.val_data_sources", held)
                told = f"the record files of fold {fold} validate, the others are trained on"
                spec.moved(f"{DATA}.validation_fold", "dataset.val_data_sources", told)
        elif held_out:
            named = [source for each in held_out if (source := _source(each))]
            spec.listed("dataset.val_data_sources", named, *held_out)
    else:
        replaced(spec, *training, *held_out)
        spec.drop(f"{DATA}.validation_fold", "--data has its own validation data")
    classes(spec)


def _number_of_fold(spec: Rewriting) -> int | None:
    fold = spec.number(f"{DATA}.validation_fold")
    if fold is not None and not (isinstance(fold, int) and 0 <= fold <= 9):
        raise spec.error(f"{DATA}.validation_fold", f"validation_fold must be 0 to 9 to be migrated, not {fold}",
                         hint="--data DATASET names other data to train and to validate on")  # fmt: skip
    return fold


def replaced(spec: Rewriting, *theirs: Section) -> None:
    """The data set of ``--data`` in place of the sources ``theirs``."""
    assert spec.data is not None
    spec.listed("dataset.train_data_sources", [spec.data.train], *theirs, effect="the data of --data are trained on")
    if spec.data.validation is not None:
        spec.listed("dataset.val_data_sources", [spec.data.validation])
    else:
        spec.need("dataset.val_data_sources", "data to validate on; the data set of --data has none")
    for line in spec.data.notes:
        spec.note("the data of --data", line)


def classes(spec: Rewriting) -> None:
    """The classes to train, in NVIDIA's order, and those of the data that are trained as one of another name."""
    entries = f"{DATA}.target_class_mapping"
    pairs = [*dict(_pairs(spec.sections(entries))).items()]
    if spec.data is not None:
        pairs = _there(spec, pairs, spec.data.classes)
    names = sorted({value for _, value in pairs})
    if not names and spec.data is not None:
        names = list(spec.data.classes)
    elif not names:
        spec.need("dataset.classes", "the names of the classes")
        names = ["object"]
    spec.put("dataset.classes", names, f"{entries}.value")
    merged = [{"name": key, "mapping_class": value} for key, value in pairs if key.lower() != value.lower()]
    if merged:
        spec.listed("dataset.class_mapping", merged)
    spec.moved(f"{entries}.key", "dataset.class_mapping" if merged else "dataset.classes")
    if unnamed := [name for name in names if pairs and name.lower() not in {key.lower() for key, _ in pairs}]:
        told = f"what the data call {', '.join(unnamed)} is trained on, too: no key of the mapping names it"
        spec.note("the classes", told)


def _there(spec: Rewriting, pairs: list[tuple[str, str]], known: Sequence[str]) -> list[tuple[str, str]]:
    """Those of ``pairs`` whose class the data of ``--data`` have."""
    have = {name.lower() for name in known}
    there = [(key, value) for key, value in pairs if key.lower() in have]
    lost = [key for key, _ in pairs if key.lower() not in have]
    if lost:
        rest = "" if there else f"; its own are trained: {', '.join(known)}"
        spec.note("the data of --data", f"the data set has no class {', '.join(lost)}{rest}")
    return there


def _fold(source: Mapping[str, Any], fold: int, *, others: bool = False) -> dict[str, Any] | None:
    """The record files of ``source`` that are of this fold, or with ``others`` of any other; None where there are
    none: of KITTI labels."""
    if source.get("format") != "tfrecord":
        return {**source} if others else None
    path = source["path"]
    stem = path[:-1] if path.endswith("*") else f"{path.rstrip('/')}/"
    number = f"00[!{fold}]" if others else f"{fold:03d}"
    return {**source, "path": f"{stem}*-fold-{number}-of-*"}


def _pairs(entries: list[Section]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        key, value = entry.value("key"), entry.value("value")
        if isinstance(key, Scalar) and isinstance(value, Scalar):
            yield key.text, value.text


def _source(section: Section) -> dict[str, Any]:
    """A source of theirs as one of ours; empty where it names no annotations."""
    root = section.text("root_path")

    def path(name: str) -> str:
        text = section.text(name)
        return str(PurePosixPath(root) / text) if text and root else text

    records, labels = path("tfrecords_path"), path("label_directory_path")
    if not records and not labels:
        return {}
    if labels.endswith(".json"):
        found: dict[str, Any] = {"image_dir": path("image_directory_path"), "json_file": labels}
    else:
        found = {"image_dir": path("image_directory_path"), "format": "tfrecord" if records else "kitti"}
        found["path"] = records or labels
    weight = section.value("source_weight")
    if isinstance(weight, Scalar) and float(weight.text) > 0:
        found["weight"] = float(weight.text)
    return found
