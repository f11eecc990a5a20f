"""Where the data of a training spec of SSD lie, and which classes of them it trains, in either dialect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from specs.checks import message_at
from specs.data_sources import ClassField, DataSource, Role
from specs.spec import Spec
from specs.ssd.sections import DATA, MAPPING, TRAINING, VALIDATION


def data_sources(spec: Spec) -> Iterator[DataSource]:
    """The data sources of ``spec``, those to validate on last."""
    config: Any = message_at(spec, DATA)
    for field, source in messages(spec):
        yield _source(config, field, "training" if field.startswith(f"{TRAINING}[") else "validation", source)


def messages(spec: Spec) -> Iterator[tuple[str, Any]]:
    """The messages of the sources with their paths, those to validate on last."""
    config = message_at(spec, DATA)
    if config is None:
        return
    yield from ((f"{TRAINING}[{index}]", source) for index, source in enumerate(config.data_sources))
    several = getattr(config, "validation_data_sources", ())
    yield from ((f"{VALIDATION}[{index}]", source) for index, source in enumerate(several))
    single = message_at(spec, f"{DATA}.validation_data_source")
    if single is not None:
        yield f"{DATA}.validation_data_source", single


def class_fields(spec: Spec) -> Iterator[ClassField]:
    """The entries of ``target_class_mapping``, in the order of the file."""
    config: Any = message_at(spec, DATA)
    mapping = {} if config is None else config.target_class_mapping
    result = [ClassField(f'{MAPPING}["{name}"]', name, mapping[name]) for name in mapping]
    return iter(sorted(result, key=lambda each: spec.positions.get(each.field, (0, 0))))


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
