"""From a file of weights into a model that begins with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from runtime.networks import HasBackbone, Inseparable
from runtime.nn import widths
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
    model: nn.Module, found: Checkpoint | Foreign, path: Path, *, classes: tuple[str, ...] | None = None
) -> list[str]:
    """Put what fits of ``found``, which ``path`` held, into ``model``; returns lines that tell what was taken.

    Layers for other ``classes`` do not fit, though there may be as many of them: their names have numbers. A pruned
    checkpoint makes the model as narrow as itself: make the optimiser afterwards. Raises ModelError when nothing fits,
    or nothing of the backbone that the model declares, or not all of what is inseparable.
    """
    if isinstance(found, Checkpoint):
        if isinstance(model, HasBackbone) and model.arch not in found.network:  # families share some names
            raise _unfit(path, model, found)
        if found.pruned:
            checkpoint.take_on(model, _widths(model, found.model), path)
        told = f"{path.name}, {found.network} after {found.epoch} epochs" + (", pruned" if found.pruned else "")
        others = _of_other_classes(model, found) if classes not in (None, found.classes) else []
        tensors = {name: tensor for name, tensor in found.model.items() if name not in others}
        report = foreign.by_name(model, tensors, told)
        missing = [name for name in report.missing if name not in others]
        report = replace(report, missing=missing, other_classes=others)
    elif isinstance(model, HasBackbone):
        report = foreign.take(model, found, path.name)
    else:
        report = foreign.by_name(model, found.tensors, path.name)
    lost = {*report.missing, *report.other_shape, *report.other_classes}
    if lost.issuperset(_kernels(model)):
        raise _unfit(path, model, found, report.other_shape)
    if isinstance(model, Inseparable) and (lacking := _beginning_with(model.inseparable, lost)):
        raise _unfit(path, model, found, report.other_shape, lacking)
    return report.lines()


def _beginning_with(start: str, names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if name.startswith(start))


def _kernels(model: nn.Module) -> list[str]:
    """Weights without which nothing was taken, of the backbone where the model declares one: others, of one axis or
    none, fit models of any size."""
    within = f"{model.backbone_name}." if isinstance(model, HasBackbone) else ""
    own = {name: tensor for name, tensor in model.state_dict().items() if name.startswith(within)}
    kernels = [name for name, tensor in own.items() if tensor.ndim > 1]
    return kernels or [name for name in own if not name.endswith(foreign.COUNTER)]


def _of_other_classes(model: nn.Module, found: Checkpoint) -> list[str]:
    heads = tuple(f"{name}." for name in getattr(model, "of_classes", ()))
    return [name for name in found.model if name.startswith(heads)]


def _unfit(
    path: Path,
    model: nn.Module,
    found: Checkpoint | Foreign,
    other_shape: Sequence[str] = (),
    lacking: Sequence[str] = (),
) -> ModelError:
    """``other_shape``: tensors of the model that the file has, in another shape; ``lacking``: those without which
    nothing is taken."""
    holds = f"it holds {found.network}" if isinstance(found, Checkpoint) else f"its names are {_names(found)}"
    if len(other_shape) > len(model.state_dict()) / 4:
        what = f"it is of a network of another size: its layers have other shapes, such as {other_shape[0]}"
        return ModelError(
            what, where=path, hint="pass weights of the size that the spec has, or write theirs in the spec"
        )
    if not isinstance(model, HasBackbone):
        hint = "pass a checkpoint of the same network, or weights whose names are its own"
        lacks = f"it lacks {len(lacking)} of the tensors of" if lacking else "no tensor in it fits"
        return ModelError(f"{lacks} the network of this spec: {holds}", where=path, hint=hint)
    known = ", ".join(registry.names("runtime.weights.pretrained.families"))
    hint = f"pass a checkpoint of the same arch, or weights of torchvision or timm ({known})"
    return ModelError(f"no layer in it fits the backbone of this spec: {holds}", where=path, hint=hint)


def _widths(model: nn.Module, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The ``tensors`` of a pruned model, but heads with as many outputs as ``model`` has classes for."""
    own = model.state_dict()
    heads = tuple(f"{name}." for name in widths.outputs(model))
    return {
        name: torch.empty(own[name].shape[0], *tensor.shape[1:]) if name in own and name.startswith(heads) else tensor
        for name, tensor in tensors.items()
    }


def _names(found: Foreign) -> str:
    first = list(found.tensors)[:3]
    return ", ".join(first) + (", ..." if len(found.tensors) > len(first) else "")
