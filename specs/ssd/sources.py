"""Where the data of a training spec of SSD lie, in either dialect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from specs.checks import message_at
from specs.data_sources import DataSource, Role
from specs.spec import Spec

_HERE = "dataset_config"
_VALIDATION = ("validation_data_source", "validation_data_sources")
"""Of TLT 2.0, and of later ones."""


def named(spec: Spec) -> Iterator[DataSource]:
    """The data sources of ``spec``, those to validate on last."""
    config = message_at(spec, _HERE)
    if config is None:
        return
    lists: list[tuple[Role, str, Any]] = [("training", "data_sources", config.data_sources)]
    for name in _VALIDATION:
        found = getattr(config, name, None)
        if found is not None and (name == _VALIDATION[1] or config.HasField(name)):
            lists.append(("validation", name, found if name == _VALIDATION[1] else None))
    for role, name, sources in lists:
        single = sources is None
        for index, source in enumerate([getattr(config, name)] if single else sources):
            yield _source(config, f"{_HERE}.{name}" if single else f"{_HERE}.{name}[{index}]", role, source)


def _source(config: Any, field: str, role: Role, source: Any) -> DataSource:
    recorded = bool(source.tfrecords_path)
    own = "tfrecords_path" if recorded else "label_directory_path"
    fold = getattr(config, "WhichOneof", lambda _: None)
    has_fold = "dataset_split_type" in config.DESCRIPTOR.oneofs_by_name
    held_out = role == "training" and has_fold and fold("dataset_split_type") == "validation_fold"
    return DataSource(
        field,
        role,
        "tfrecord" if recorded else "kitti",
        getattr(source, own),
        source.image_directory_path,
        f"{field}.{own}",
        f"{field}.image_directory_path",
        extension=getattr(config, "image_extension", "") or None,
        held_out=config.validation_fold if held_out else None,
    )
