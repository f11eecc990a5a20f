"""From a checkpoint into a detector and its optimiser, with a word on what does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from runtime.weights.checkpoint.state import Checkpoint
from runtime.weights.checkpoint.storing import load
from runtime.weights.classes import require_same_classes, require_same_names
from tltpipe.errors import ModelError

if TYPE_CHECKING:
    import torch

    from runtime.data.recipe import Recipe
    from runtime.networks import Model


@dataclass(frozen=True)
class Opened:
    """A checkpoint as a ``model`` of its ``recipe``."""

    model: Model
    recipe: Recipe[Any]
    checkpoint: Checkpoint


def open_model(
    path: Path,
    *,
    key: str | None,
    network: str | None = None,
    recipe: Recipe[Any] | None = None,
    spec: Path | None = None,
) -> Opened:
    """The model of ``recipe`` with the weights in ``path``, narrowed as they were where they are pruned; in evaluation
    mode, on the CPU.

    Without one that of the file ``spec`` serves, or of the spec that it was trained with; without ``network`` it says
    itself what it is. Raises ModelError as ``load`` does, and where network, architecture, classes or shapes are others
    than asked for.
    """
    import specs
    from runtime import networks

    loaded = load(path, key, resume=False)
    name = network_of(loaded, path, expected=network)
    if recipe is None and spec is not None:
        recipe = networks.recipe(specs.parse(spec, name))
    elif recipe is None:
        recipe = networks.recipe(specs.parse_text(loaded.spec, name, source=f"{path}, its spec"))
    check(loaded, path, network=recipe.name, classes=recipe.classes)
    if recipe.names:
        own = networks.recipe(specs.parse_text(loaded.spec, name, source=f"{path}, its spec"))
        require_same_names(own.names, recipe.names, path, holder="checkpoint", hint="pass the spec it was trained with")
    model = networks.load(name).build(recipe)
    module = cast("torch.nn.Module", model).eval()
    if loaded.pruned:
        take_on(module, loaded.model, path)
    restore(module, loaded, path)
    return Opened(model, recipe, loaded)


def take_on(detector: torch.nn.Module, tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    """Make the layers of ``detector`` as narrow as ``tensors`` are.

    Raises ModelError where they cannot be, or where either has layers that the other lacks: layers of the full width
    beside narrow ones would not fit each other.
    """
    from runtime.nn import widths

    hint = "pass the spec it was trained with: check sizes, anchors and arch"
    own = detector.state_dict()
    if others := [name for name in (*own, *tensors) if (name in own) != (name in tensors)]:
        first = others[0]
        what = f"it has no {first}" if first in own else f"the network of this spec has no {first}"
        raise ModelError(f"the pruned layers do not fit: {what}", where=path, hint=hint)
    try:
        widths.take_on(detector, tensors)
    except ValueError as mismatch:
        raise ModelError(f"the pruned layers do not fit: {mismatch}", where=path, hint=hint) from None


def network_of(checkpoint: Checkpoint, path: Path, *, expected: str | None = None) -> str:
    """The module in ``runtime.networks`` that ``checkpoint`` is of: known before its spec is read.

    Raises ModelError where there is none, or it is not the ``expected`` one.
    """
    from runtime import networks

    name = networks.family(checkpoint.network, path)
    if expected not in (None, name):
        what = f"this checkpoint holds {checkpoint.network}, a model of {name}, not of {expected}"
        raise ModelError(what, where=path, hint=f"name {name} in place of {expected}, or pass another checkpoint")
    return name


def check(checkpoint: Checkpoint, path: Path, *, network: str, classes: tuple[str, ...]) -> None:
    """Raise ModelError unless ``checkpoint`` holds this network and these classes, saying what differs."""
    if checkpoint.network != network:
        raise ModelError(
            f"the checkpoint holds {checkpoint.network}, the spec describes {network}",
            where=path,
            hint="pass the spec it was trained with, or another checkpoint",
        )
    hint = "give the spec the classes it was trained with, or start anew with --initial_epoch 1"
    require_same_classes(checkpoint.classes, classes, path, holder="checkpoint", hint=hint)


def restore(detector: torch.nn.Module, checkpoint: Checkpoint, path: Path) -> None:
    """Copy every weight of ``checkpoint`` into ``detector``; raises ModelError unless all names and shapes agree."""
    own = detector.state_dict()
    model = checkpoint.model
    others = [name for name in own if name not in model or model[name].shape != own[name].shape]
    others += [name for name in model if name not in own]
    if others:
        what = f"{len(others)} of its layers do not fit the network of this spec, among them {', '.join(others[:3])}"
        raise ModelError(what, where=path, hint="pass the spec it was trained with: check sizes, anchors and arch")
    detector.load_state_dict(dict(model))


def restore_optimizer(optimizer: Any, checkpoint: Checkpoint, path: Path) -> None:
    """Give ``optimizer`` the momenta of ``checkpoint``.

    Raises ModelError when it learns other layers, and when the checkpoint has none.
    """
    if checkpoint.resume is None:
        hint = "start from its weights with --initial_epoch 1"
        raise ModelError("this checkpoint is for inference: it cannot be resumed", where=path, hint=hint)
    try:
        optimizer.load_state_dict(dict(checkpoint.resume.optimizer))
    except (KeyError, ValueError) as mismatch:
        hint = "keep freeze_blocks as it was, or start anew with --initial_epoch 1"
        raise ModelError("its optimiser learned other layers than this spec's", where=path, hint=hint) from mismatch
