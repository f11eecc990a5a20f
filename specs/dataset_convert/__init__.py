"""The spec of tlt-dataset-convert: KITTI or COCO in, TFRecord shards out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Lt

from specs.extensions import AUTO

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
