"""Where the data of a spec lie, and which classes of them it trains, as the spec says it: one form for all kinds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from specs.spec import Spec

Role = Literal["training", "validation"]


@dataclass(frozen=True)
class DataSource:
    """A part of the data as a spec names it, its paths as the job sees them.

    ``field`` is the message or section that names it; ``annotations_field`` and ``images_field`` those of the two
    paths. ``format`` is "tfrecord", a module of ``converters.formats``, or "auto". ``extension``: that of the images as
    the spec writes it, None where it does not. ``held_out``: the fold of these records that validates. ``below_data``:
    paths are relative to the folder that the command line names.
    """

    field: str
    role: Role
    format: str
    annotations: str
    images: str = ""
    annotations_field: str = ""
    images_field: str = ""
    extension: str | None = None
    held_out: int | None = None
    below_data: bool = False


@dataclass(frozen=True)
class ClassField:
    """``field`` of the spec names the class ``name`` of the data, which is trained as ``target``."""

    field: str
    name: str
    target: str


def classes_in_sections(spec: Spec) -> Iterator[ClassField]:
    """Those of a training spec in YAML: ``dataset.classes``."""
    for index, name in enumerate(getattr(getattr(spec.message, "dataset", None), "classes", ())):
        field = f"dataset.classes[{index}]"
        yield ClassField(field if spec.is_set(field) else "dataset.classes", name, name)


def in_sections(spec: Spec) -> Iterator[DataSource]:
    """Those of a training spec in YAML: ``dataset.train_data_sources`` and ``val_data_sources``."""
    dataset: Any = getattr(spec.message, "dataset", None)
    lists: dict[Role, str] = {"training": "train_data_sources", "validation": "val_data_sources"}
    for role, name in lists.items():
        for index, source in enumerate(getattr(dataset, name, ())):
            field = f"dataset.{name}[{index}]"
            own = "json_file" if source.json_file else "path"
            annotations, format = (source.json_file, "coco") if source.json_file else (source.path, source.format)
            if annotations:
                yield DataSource(
                    field, role, format, annotations, source.image_dir, f"{field}.{own}", f"{field}.image_dir"
                )
