"""The JSON beside an exported model: all that one must know to use it, so that no spec is needed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.tasks.detection.detections import Thresholds
from tltpipe import inputs
from tltpipe.errors import ModelError

FORMAT = "tltpipe model 1"
PREDICTIONS = "predictions"
USUAL = {"onnx_raw": "anchors", "deepstream": "plugin", "pt2": "dense"}
"""How the outputs of a kind become predictions where its card does not say it; else they are predictions already."""


@dataclass(frozen=True)
class Card:
    """``kind`` is the export format; ``input`` and ``outputs`` describe the program's tensors for people and readers;
    ``batch`` None takes any; ``facts`` are what the export found out: where from, differences, size and speed."""

    kind: str
    network: str
    classes: tuple[str, ...]
    size: tuple[int, int] | None
    """Height and width of the input in pixels; None for images of any size."""
    input: Mapping[str, Any]
    outputs: Mapping[str, str]
    decoder: str = ""
    """How outputs become predictions (``runtime.inference.backends._decoders``); "": as is usual for the kind."""
    data_type: str = "fp32"
    batch: int | None = None
    grey: bool = False
    """The images are seen in grey."""
    background: bool = False
    """The first channel of the logits is the background."""
    thresholds: Thresholds | None = None
    """What was, or is to be, suppressed."""
    variances: tuple[float, ...] = ()
    """Units of the offsets from anchors."""
    channels: tuple[int, ...] = ()
    """The heat map, from 0, of each landmark of a prediction."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What places in the outputs mean, beside the classes (``Recipe.names``)."""

    @property
    def decoding(self) -> str:
        """The name of the decoder."""
        return self.decoder or USUAL.get(self.kind, PREDICTIONS)

    def text(self) -> str:
        told = {
            "format": FORMAT,
            "kind": self.kind,
            "network": self.network,
            "classes": list(self.classes),
            **({"names": {name: list(values) for name, values in self.names.items()}} if self.names else {}),
            "background": self.background,
            **dict(zip(("height", "width"), self.size or (None, None), strict=True)),
            "grey": self.grey,
            "batch": self.batch,
            "data_type": self.data_type,
            "input": dict(self.input),
            "outputs": dict(self.outputs),
            **({"decoder": self.decoder} if self.decoder else {}),
            "thresholds": self.thresholds and {name: round(value, 7) for name, value in vars(self.thresholds).items()},
            "variances": [round(value, 7) for value in self.variances],
            **({"channels": list(self.channels)} if self.channels else {}),
            **self.facts,
        }
        return json.dumps(told, indent=2) + "\n"


def path_of(model: Path) -> Path:
    """``model.onnx.json`` beside ``model.onnx``; ``model.json`` may be a checkpoint's."""
    return model.with_name(f"{model.name}.json")


def read(model: Path) -> Card:
    """The card beside ``model``. Raises ModelError when there is none, or it is not ours."""
    path = path_of(model)
    hint = "tlt-export writes it beside the model; copy both, or export again"
    try:
        told = json.loads(inputs.content(path).decode("utf-8"))
    except FileNotFoundError:
        what = f"{path.name} is missing, which says what this model takes and finds"
        raise ModelError(what, where=model, hint=hint) from None
    except (OSError, ValueError, RecursionError) as problem:
        raise ModelError(f"cannot be read: {problem}", where=path, hint=hint) from None
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise ModelError("does not describe an exported model", where=path, hint=hint)
    try:
        size = (told["height"], told["width"])
        found = Card(
            kind=str(told["kind"]),
            network=str(told["network"]),
            classes=tuple(map(str, told["classes"])),
            background=bool(told["background"]),
            size=None if size == (None, None) else (int(size[0]), int(size[1])),
            grey=bool(told["grey"]),
            thresholds=None if told["thresholds"] is None else Thresholds(**told["thresholds"]),
            variances=tuple(map(float, told["variances"])),
            channels=tuple(map(int, told.get("channels", ()))),
            input=told["input"],
            outputs=told["outputs"],
            decoder=str(told.get("decoder", "")),
            data_type=str(told["data_type"]),
            batch=None if told["batch"] is None else int(told["batch"]),
            names={str(name): tuple(map(str, values)) for name, values in told.get("names", {}).items()},
        )
        if min(*(found.size or (1, 1)), 1 if found.batch is None else found.batch) < 1:
            raise ValueError("sizes and batches are 1 or more")
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as problem:
        raise ModelError(f"is damaged: {problem!r}", where=path, hint=hint) from None
    return found
