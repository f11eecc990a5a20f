"""Where the data of a training spec of SSD lie, and which classes of them it trains, in either dialect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from specs.checks import message_at
from specs.data_sources import ClassField, DataSource, Role
from specs.spec import Spec

_HERE = "dataset_config"
_LATER, _EARLIER = "validation_data_sources", "validation_data_source"


def data_sources(spec: Spec) -> Iterator[DataSource]:
    """The data sources of ``spec``, those to validate on last."""
    config: Any = message_at(spec, _HERE)
    if config is None:
        return
    for index, source in enumerate(config.data_sources):
        yield _source(config, f"{_HERE}.data_sources[{index}]", "training", source)
    for index, source in enumerate(getattr(config, _LATER, ())):
        yield _source(config, f"{_HERE}.{_LATER}[{index}]", "validation", source)
    if hasattr(config, _EARLIER) and config.HasField(_EARLIER):
        yield _source(config, f"{_HERE}.{_EARLIER}", "validation", config.validation_data_source)


def class_fields(spec: Spec) -> Iterator[ClassField]:
    """The entries of ``target_class_mapping``, in the order of the file."""
    config: Any = message_at(spec, _HERE)
    mapping = {} if config is None else config.target_class_mapping
    found = [ClassField(f'{_HERE}.target_class_mapping["{name}"]', name, mapping[name]) for name in mapping]
    return iter(sorted(found, key=lambda each: spec.positions.get(each.field, (0, 0))))


def _source(config: Any, field: str, role: Role, source: Any) -> DataSource:
    format, own = ("tfrecord", "tfrecords_path") if source.tfrecords_path else ("kitti", "label_directory_path")
    has_fold = hasattr(config, "validation_fold") and config.HasField("validation_fold")
    return DataSource(
        field,
        role,
        format,
        getattr(source, own, ""),
        source.image_directory_path,
        f"{field}.{own}",
        f"{field}.image_directory_path",
        extension=getattr(config, "image_extension", "") or None,
        held_out=config.validation_fold if has_fold and role == "training" else None,
    )
