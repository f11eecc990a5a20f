"""The training spec of DSSD: that of SSD from TLT 3.0 on, whose section of the network is called dssd_config."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from specs.sections import STRICT
from specs.ssd import (
    MAKING,
    MESSAGE,
    SHORTHANDS,
    SIZE,
    class_fields,
    data_sources,
    measuring,
    more_epochs,
    pretrained,
    training,
)
from specs.ssd.settings import CropsSettings, NetworkSettings, TrainingSettings

__all__ = [
    "MAKING",
    "MESSAGE",
    "SHORTHANDS",
    "SIZE",
    "class_fields",
    "data_sources",
    "measuring",
    "more_epochs",
    "pretrained",
    "training",
]

DIALECTS = ("tlt3",)
SECTION = "dssd_config"
DATA = "kitti"
"""What it is trained on within the pipeline: the folders that specs of this dialect were made for."""


@dataclass(frozen=True, kw_only=True)
class Dssd(CropsSettings, TrainingSettings, NetworkSettings):
    """Training, validation and online augmentation of a DSSD detector; the defaults serve DeepFashion2."""

    __pydantic_config__: ClassVar = STRICT


TUNABLES = Dssd
