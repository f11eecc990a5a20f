"""The card of an exported model, held against what else is said about it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.data.recipe import Recipe
from runtime.imaging.views.cut import Cut
from runtime.imaging.views.framing import KeepAspect, Letterbox, ObjectCrop
from runtime.inference.backends import ModelRequest
from runtime.inference.backends._seeing import ByObject, BySize, BySpec
from runtime.shell import program
from runtime.tasks.detection.detections import HasThresholds, Thresholds
from runtime.weights import card
from runtime.weights.card import Card
from runtime.weights.classes import require_same_classes, require_same_names
from tltpipe import registry
from tltpipe.errors import ModelError


def read(path: Path, request: ModelRequest, *decoders: str) -> Card:
    """The card of the model ``path``, whose outputs must be such as one of ``decoders`` reads.

    Raises ModelError where there is none, it is of another kind or network, or of other classes than the spec's.
    """
    found = card.read(path)
    if found.decoding not in decoders:
        what = f"its JSON says that it is a {found.kind} model, which is no {path.suffix} file"
        raise ModelError(what, where=path, hint="were files renamed? Export it again")
    if registry.family(found.network, [request.network]) is None:
        what = f"this model is of the network {found.network}, not of {request.network}"
        raise ModelError(what, where=path, hint=f"name its network in place of {request.network}")
    if (recipe := request.recipe) is not None:
        hint = "leave the spec out (-e), or pass the one it was trained with"
        require_same_classes(found.classes, recipe.classes, path, holder="model", hint=hint)
        require_same_names(found.names, recipe.names, path, holder="model", hint=hint)
        _compare(found, recipe, path)
    return found


def thresholds(found: Card) -> Thresholds:
    """Those of a model whose outputs are to be suppressed. Raises ModelError where its card has none."""
    if found.thresholds is None:
        raise ModelError("its JSON lacks the thresholds for suppression", hint="export it again")
    return found.thresholds


def _compare(found: Card, recipe: Recipe[Any], path: Path) -> None:
    """Raise ModelError where ``recipe`` is of another size; tell where it would suppress otherwise."""
    size = recipe.size
    if size is not None and found.size is not None and size != found.size:
        what = f"this model takes pictures of {found.size[1]}x{found.size[0]}, the spec says {size[1]}x{size[0]}"
        raise ModelError(what, where=path, hint="pass the spec it was exported with, or export it again")
    if found.thresholds is None or not isinstance(recipe.model, HasThresholds):
        return
    pairs = zip(vars(found.thresholds).items(), vars(recipe.model.thresholds).values(), strict=True)
    other = [f"{name} {has:g}, not {asked:g}" for (name, has), asked in pairs if abs(has - asked) > 1e-6]
    if other:
        program.warn(f"{path.name} was exported with other thresholds than the spec's: {'; '.join(other)}")


def require_classes(scores: NDArray[np.float32], classes: Sequence[str]) -> NDArray[np.float32]:
    """``scores`` [A, N]. Raises ValueError where N is not the number of ``classes``."""
    if scores.shape[1] != len(classes):
        raise ValueError(f"it tells {scores.shape[1]} classes apart, {len(classes)} are named")
    return scores


def input_size(found: Card) -> tuple[int, int]:
    """Height and width. Raises ModelError for a model of images of any size."""
    if found.size is None:
        raise ModelError("its JSON lacks the size of its images", hint="export it again")
    return found.size


def require_names(text: str | None, found: Card, path: Path) -> None:
    """Raise ModelError where ``text``, the names inside the model ``path``, are others than the card's.

    None, and what is no list, is of a file without names: it says nothing.
    """
    try:
        names = json.loads(text or "null")
    except (ValueError, RecursionError):
        return
    if not isinstance(names, list) or tuple(names[-len(found.classes) :]) == found.classes:
        return
    what = f"its JSON names the classes {', '.join(found.classes)}; the file itself says {', '.join(map(str, names))}"
    raise ModelError(what, where=path, hint="is that JSON another model's, or was it changed? Export it again")


def image_loader(found: Card) -> BySize | BySpec | ByObject:
    """How a model takes images from files. Raises ModelError where its card does not say it."""
    try:
        return _loader(found)
    except (KeyError, TypeError, ValueError) as problem:
        raise ModelError(f"its JSON is damaged: {problem!r}", hint="export it again") from None


def _loader(found: Card) -> BySize | BySpec | ByObject:
    if found.size is None:
        resize = {name: int(found.input["resize"][name]) for name in ("min_size", "max_size")}
        return BySpec(KeepAspect(min_sizes=(resize["min_size"],), max_size=resize["max_size"]))
    height, width = found.size
    match found.input:
        case {"object": said}:
            margin, fill = float(said["margin"]), _fill(said)
            return ByObject(ObjectCrop(width=width, height=height, margin=margin, fill=fill))
        case {"letterbox": said}:
            centred, fill = bool(said["centred"]), _fill(said)
            return BySpec(Letterbox(width=width, height=height, fill=fill, centred=centred))
        case {"cut_out_of": said}:
            stretched = int(said["width"]), int(said["height"])
            return BySpec(Cut(width=width, height=height, stretched=stretched))
    return BySize(found.size, found.grey)


def _fill(said: Any) -> tuple[int, int, int]:
    red, green, blue = map(int, said["fill"])
    return red, green, blue
