"""Where TLT 3.0 and later take pictures and labels from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from specs.checks import Finding, message_at, warn, without_effect
from specs.spec import Spec

TRAINING, VALIDATION = "dataset_config.data_sources", "dataset_config.validation_data_sources"


def check(spec: Spec) -> Iterator[Finding]:
    """Findings about data_sources and validation_data_sources."""
    config = message_at(spec, "dataset_config")
    if config is None:
        return
    for index, source in enumerate(config.data_sources):
        yield from _source(spec, f"{TRAINING}[{index}]", source, lenient=False)
    recorded = [bool(source.tfrecords_path) for source in config.data_sources]
    if len(set(recorded)) > 1:
        odd = recorded.index(not recorded[0])
        what = "data_sources are TFRecords in one place and folders in another: all must be of one kind"
        yield Finding(f"{TRAINING}[{odd}]", what)
    for index, source in enumerate(config.validation_data_sources):
        path = f"{VALIDATION}[{index}]"
        yield from _source(spec, path, source, lenient=spec.strict)
        if spec.strict and source.tfrecords_path:
            what = "TFRecords do not validate under strict-tlt: NVIDIA's program takes folders only"
            yield Finding(f"{path}.tfrecords_path", what, "write label_directory_path and image_directory_path")
    if not config.validation_data_sources:
        yield warn("dataset_config", 'no "validation_data_sources": training will not be validated')
    yield from without_effect(spec, "dataset_config.type")
    if spec.strict and recorded and recorded[0]:
        yield from _records_to_the_letter(spec)


def _source(spec: Spec, path: str, source: Any, *, lenient: bool) -> Iterator[Finding]:
    name = path.rpartition(".")[2].partition("[")[0]
    yield from without_effect(spec, f"{path}.root_path")
    if source.tfrecords_path:
        if source.label_directory_path:
            yield warn(f"{path}.label_directory_path", "label_directory_path has no effect beside tfrecords_path")
        return
    missing = [each for each in ("label_directory_path", "image_directory_path") if not getattr(source, each)]
    if missing and lenient:
        yield warn(path, f'{name} lacks "{missing[0]}": NVIDIA\'s program leaves this source out')
    elif len(missing) == 2:
        what = f'{name} needs "label_directory_path" and "image_directory_path", or "tfrecords_path"'
        yield Finding(path, what)
    elif missing:
        yield Finding(f"{path}.{missing[0]}", f'{name} needs "{missing[0]}"')


def _records_to_the_letter(spec: Spec) -> Iterator[Finding]:
    """What NVIDIA's pipeline for TFRecords leaves undone."""
    for name in ("pos_iou_thresh", "neg_iou_thresh"):
        if spec.is_set(f"ssd_config.{name}"):
            yield warn(f"ssd_config.{name}", f"{name} is ignored with TFRecords under strict-tlt: 0.5 is used")
    for name in ("zoom_out_min_scale", "zoom_out_max_scale"):
        value = getattr(spec.message.augmentation_config, name)
        if value % 1:
            what = f"{name} {value:g} is cut to {int(value)} with TFRecords under strict-tlt"
            yield warn(f"augmentation_config.{name}", what)
