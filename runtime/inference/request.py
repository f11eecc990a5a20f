"""What one inference is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime import networks, tasks
from runtime.inference.backends import ModelRequest
from runtime.inference.crops import Crops
from runtime.inference.result_names import ResultName
from runtime.tasks import Presents


@dataclass(frozen=True)
class FirstStage:
    """The model whose objects go to that of a request; ``threshold`` None: what its spec says."""

    model: Path
    opening: ModelRequest
    threshold: float | None
    crops: Crops


@dataclass(frozen=True)
class InferRequest:
    """The command line once it is known to make sense. Paths are None for what is not wanted."""

    opening: ModelRequest
    model: Path
    names: Mapping[Path, ResultName]
    """The pictures, in order, and what their results are called."""
    threshold: float | None
    batch: int | None
    """None: what the spec says, the model's own where none is given."""
    drawn: Path | None
    labels: Path | None
    coco: Path | None
    coco_ids: Path | None
    class_maps: tuple[Path, ...]
    sheet: Path | None
    json: bool
    first: FirstStage | None = None
    ten_crop: bool = False
    """Even where the spec does not say so."""
    cutouts: Path | None = None

    @property
    def task(self) -> Presents:
        """How results are shown and written."""
        from runtime.inference import cascade_task

        own = task_of(self.opening)
        return own if self.first is None else cascade_task.presented(own)

    @property
    def pictures(self) -> Sequence[Path]:
        return tuple(self.names)

    @property
    def outputs(self) -> Mapping[str, Path]:
        """What is written, and where."""
        places = {"annotated copies": self.drawn, "labels": self.labels, "cut-outs": self.cutouts}
        places |= {"COCO results": self.coco, "sheet": self.sheet}
        return {what: path for what, path in places.items() if path}


def task_of(opening: ModelRequest) -> Presents:
    """The task of a model that ``opening`` opens."""
    return tasks.load(networks.load(opening.network).TASK)
