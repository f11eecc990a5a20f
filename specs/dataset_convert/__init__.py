"""The spec of tlt-dataset-convert: KITTI or COCO in, TFRecord shards out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Lt

from specs.checks import message_at
from specs.data_sources import ClassField, DataSource
from specs.extensions import AUTO
from specs.spec import Spec

MESSAGE = "DatasetExportConfig"
SCHEMA = "specs.schema.tlt2.dataset_export_pb2"


@dataclass(frozen=True, kw_only=True)
class Convert:
    """Conversion of one KITTI folder; with the defaults all of it goes into one fold."""

    __pydantic_config__: ClassVar = {"extra": "forbid", "allow_inf_nan": False, "use_attribute_docstrings": True}

    val_split: Annotated[float, Ge(0), Lt(100)] = 0.0
    """Percentage of the images, first by name, that go into fold 0 for validation; 0 makes one fold of all."""
    num_shards: Annotated[int, Ge(0)] = 10
    """Files per fold; 0 writes one without a number."""
    image_extension: str = AUTO
    """auto: every image that can be read. An extension with its dot: those images alone, in all stages."""


TUNABLES = Convert

ELSEWHERE: Mapping[str, str] = {}

IMAGE_SIZE = None
SIZE = None


def data_sources(spec: Spec) -> Iterator[DataSource]:
    """The KITTI folders, or the COCO files with theirs."""
    if (kitti := message_at(spec, "kitti_config")) is not None:
        root, here = kitti.root_directory_path.rstrip("/"), "kitti_config"
        labels, images = f"{root}/{kitti.label_dir_name}", f"{root}/{kitti.image_dir_name}"
        fields = (f"{here}.label_dir_name", f"{here}.image_dir_name")
        yield DataSource(
            here, "training", "kitti", labels, images, *fields, extension=kitti.image_extension or EXTENSION
        )
    if (coco := message_at(spec, "coco_config")) is not None:
        root, here = coco.root_directory_path.rstrip("/"), "coco_config"
        for index, (file, folder) in enumerate(zip(coco.annotation_files, coco.img_dir_names, strict=False)):
            fields = (f"{here}.annotation_files[{index}]", f"{here}.img_dir_names[{index}]")
            yield DataSource(here, "training", "coco", f"{root}/{file}", f"{root}/{folder}", *fields)


EXTENSION = ".png"
"""Of images, where a spec names none: what NVIDIA's converter takes."""


def class_fields(spec: Spec) -> Iterator[ClassField]:
    """The entries of ``target_class_mapping``, which records for DALI are made by."""
    for name, target in sorted(spec.message.target_class_mapping.items()):
        yield ClassField(f'target_class_mapping["{name}"]', name, target)
