"""The training spec of Faster R-CNN."""

from __future__ import annotations

from specs.faster_rcnn.settings import FasterRcnn
from specs.rcnn import DATA, MAKING, SHORTHANDS, Experiment
from specs.yaml_spec import measuring, more_epochs, training

__all__ = ["DATA", "MAKING", "SHORTHANDS", "measuring", "more_epochs", "training"]

EXPERIMENT = Experiment
TUNABLES = FasterRcnn
