"""A network takes on the widths of a pruned one: the same layers, fewer channels."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from runtime.nn.layers import CONVOLUTIONS, Convolution, filters_axis


def take_on(module: nn.Module, tensors: Mapping[str, Tensor]) -> list[str]:
    """Give the convolutions and batch norms of ``module`` the shapes that they have in the state dict ``tensors``.

    Layers stay the objects they are, with their settings, memory format, device and ``requires_grad``; those whose
    shape changes get new parameters, with the first of their own numbers: what is not loaded afterwards keeps its
    initialisation. Layers that ``tensors`` does not name are left alone. Make the optimiser after this.

    Returns the names of the layers that changed. Raises ValueError, naming the layer and having changed nothing, when
    ``tensors`` cannot be a pruned state of ``module``: another kernel size, more channels than it has, or another
    number of outputs where none is ever pruned: below the submodules that ``module.outputs`` names.
    """
    changes: list[tuple[nn.Module, dict[str, tuple[int, ...]]]] = []
    names = []
    for name, layer in module.named_modules():
        shapes = _changes(name, layer, tensors)
        if not shapes:
            continue
        if isinstance(layer, CONVOLUTIONS):
            _check_convolution(name, layer, tensors, fixed=_is_below(name, outputs(module)))
        elif isinstance(layer, _BatchNorm):
            _check_norm(name, layer, tensors)
        else:
            parameter, shape = next(iter(shapes.items()))
            what = f"{name}: a {type(layer).__name__} whose {parameter} cannot become {_text(shape)}"
            raise ValueError(what)  # noqa: TRY004 (the tensors are at fault, not the module's type)
        changes.append((layer, shapes))
        names.append(name)
    for layer, shapes in changes:
        reshape(layer, shapes)
    return names


def outputs(module: nn.Module) -> tuple[str, ...]:
    """The submodules whose outputs leave ``module``, where it declares them (``runtime.networks.Prunable``)."""
    names: tuple[str, ...] = getattr(module, "outputs", ())
    return names


def reshape(layer: nn.Module, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Cut the parameters and buffers of a convolution or batch norm down to ``shapes``, by their own names."""
    for name, shape in shapes.items():
        old = getattr(layer, name)
        new = old.detach()[tuple(slice(size) for size in shape)].clone(memory_format=torch.contiguous_format)
        if old.dim() == 4 and old.is_contiguous(memory_format=torch.channels_last):
            new = new.contiguous(memory_format=torch.channels_last)
        if isinstance(old, nn.Parameter):
            new = nn.Parameter(new, requires_grad=old.requires_grad)
        setattr(layer, name, new)
    if isinstance(layer, CONVOLUTIONS) and "weight" in shapes:
        out_channels, per_group = _filters_and_inputs(layer, shapes["weight"])
        if is_grouped_by_channel(layer):
            # One group for each input channel, however many filters each has.
            layer.groups = out_channels // (layer.out_channels // layer.groups)
        layer.in_channels, layer.out_channels = per_group * layer.groups, out_channels
    elif isinstance(layer, _BatchNorm):
        layer.num_features = next(shape[0] for shape in shapes.values())


def is_grouped_by_channel(layer: Convolution) -> bool:
    """Whether ``layer`` is a depthwise convolution: every input channel its own group."""
    return layer.groups > 1 and layer.groups == layer.in_channels


def _changes(name: str, layer: nn.Module, tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """The parameters and buffers of ``layer`` itself whose shape differs in ``tensors``, and that shape."""
    own = [*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False)]
    prefix = f"{name}." if name else ""
    found = {key: tuple(tensors[prefix + key].shape) for key, _ in own if prefix + key in tensors}
    return {key: shape for key, shape in found.items() if shape != tuple(getattr(layer, key).shape)}


def _filters_and_inputs(layer: Convolution, shape: tuple[int, ...]) -> tuple[int, int]:
    """How many filters a weight of this shape has, and inputs of each."""
    axis = filters_axis(layer)
    return shape[axis], shape[1 - axis]


def _check_convolution(name: str, layer: Convolution, tensors: Mapping[str, Tensor], *, fixed: bool) -> None:
    weight, own = tuple(tensors[f"{name}.weight"].shape), tuple(layer.weight.shape)
    change = f"weight {_text(own)} cannot become {_text(weight)}"
    if len(weight) != 4 or weight[2:] != own[2:]:
        raise ValueError(f"{name}: {change}: another kernel")
    if weight[0] > own[0] or weight[1] > own[1] or not min(weight):
        raise ValueError(f"{name}: {change}: a pruned layer has fewer channels, not more, and not none")
    filters, _ = _filters_and_inputs(layer, weight)
    if fixed and filters != layer.out_channels:
        raise ValueError(f"{name}: {change}: this layer's outputs are never pruned")
    multiple = layer.out_channels // layer.groups if is_grouped_by_channel(layer) else layer.groups
    if filters % multiple:
        raise ValueError(f"{name}: {change}: not a multiple of {multiple}")
    bias = tensors.get(f"{name}.bias")
    if (layer.bias is not None) and bias is not None and tuple(bias.shape) != (filters,):
        raise ValueError(f"{name}: a bias of {_text(tuple(bias.shape))} for {filters} filters")


def _check_norm(name: str, layer: _BatchNorm, tensors: Mapping[str, Tensor]) -> None:
    keys = [key for key in ("weight", "bias", "running_mean", "running_var") if f"{name}.{key}" in tensors]
    shapes = {tuple(tensors[f"{name}.{key}"].shape) for key in keys}
    if len(shapes) != 1 or len(next(iter(shapes))) != 1:
        raise ValueError(f"{name}: a batch norm of {', '.join(sorted(map(_text, shapes)))} channels at once")
    (width,) = next(iter(shapes))
    if not 0 < width <= layer.num_features:
        raise ValueError(f"{name}: {layer.num_features} channels cannot become {width}: a pruned layer has fewer")


def _is_below(name: str, folders: tuple[str, ...]) -> bool:
    return any(name == folder or name.startswith(f"{folder}.") for folder in folders)


def _text(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "scalar"
