"""From a file of weights into a detector that begins with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from runtime.weights import checkpoint
from runtime.weights.checkpoint import Checkpoint
from runtime.weights.pretrained import foreign, reading
from runtime.weights.pretrained.reading import Foreign
from tltpipe import registry
from tltpipe.errors import ModelError


def read(path: Path, key: str | None = None) -> Checkpoint | Foreign:
    """The weights in ``path``, ours or anybody's. Raises ModelError for files that cannot be read and a wrong key."""
    kind = checkpoint.recognise(path)
    if kind == "encrypted" or (kind == "safetensors" and checkpoint.is_ours(path)):
        return checkpoint.load(path, key, resume=False)
    return reading.read(path)


def adopt(
    detector: Any, found: Checkpoint | Foreign, path: Path, *, classes: tuple[str, ...] | None = None
) -> list[str]:
    """Put what fits of ``found``, which ``path`` held, into ``detector``; returns lines that tell what was taken.

    Heads that tell other ``classes`` apart do not fit, though there may be as many of them: their names have numbers.
    A pruned checkpoint makes the detector as narrow as itself: make the optimiser afterwards. Raises ModelError when
    nothing of the backbone fits.
    """
    place, backbone = foreign.backbone_of(detector)
    if isinstance(found, Checkpoint):
        if foreign.family_of(backbone) not in found.network:  # families share some names
            raise _foreign_to(path, f"it holds {found.network}")
        if found.pruned:
            checkpoint.take_on(detector, _widths(detector, found.model), path)
        told = f"{path.name}, {found.network} after {found.epoch} epochs" + (", pruned" if found.pruned else "")
        others = _of_other_classes(detector, found) if classes not in (None, found.classes) else []
        model = {name: tensor for name, tensor in found.model.items() if name not in others}
        report = foreign.by_name(detector, model, told)
        missing = [name for name in report.missing if name not in others]
        report = replace(report, missing=missing, other_classes=others)
    else:
        report = foreign.take(detector, found, path.name)
    gone = {*report.missing, *report.other_shape}
    if all(f"{place}.{name}" in gone for name in backbone.state_dict()):
        holds = f"it holds {found.network}" if isinstance(found, Checkpoint) else f"its names are {_names(found)}"
        raise _foreign_to(path, holds)
    return report.lines()


def _of_other_classes(detector: Any, found: Checkpoint) -> list[str]:
    heads = tuple(f"{name}." for name in getattr(detector, "of_classes", ()))
    return [name for name in found.model if name.startswith(heads)]


def _foreign_to(path: Path, holds: str) -> ModelError:
    known = ", ".join(registry.names("runtime.weights.pretrained.families"))
    hint = f"pass a checkpoint of the same arch, or weights of torchvision or timm ({known})"
    return ModelError(f"no layer in it fits the backbone of this spec: {holds}", where=path, hint=hint)


def _widths(detector: Any, model: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a pruned ``model``, but heads with as many outputs as ``detector`` has classes for."""
    own = detector.state_dict()
    heads = tuple(f"{name}." for name in getattr(detector, "unpruned", ()))
    return {
        name: torch.empty(own[name].shape[0], *tensor.shape[1:]) if name in own and name.startswith(heads) else tensor
        for name, tensor in model.items()
    }


def _names(found: Foreign) -> str:
    first = list(found.tensors)[:3]
    return ", ".join(first) + (", ..." if len(found.tensors) > len(first) else "")
