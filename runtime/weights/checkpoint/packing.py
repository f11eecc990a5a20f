"""Nested values such as an optimiser's state as JSON, with the tensors in them put aside under names: nothing is lost.

Numbers keep every bit, keys and tuples their kind, 4-dimensional tensors the order of their memory. Unlike pickle
nothing in it can be executed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor


def pack(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """What JSON can hold of ``value``; its tensors go into ``tensors`` under ``name/...``.

    Plain values are None, bool, int, float, str and bytes; containers list, tuple, dict, tensor and NumPy array.
    Raises TypeError for anything else.
    """
    match value:
        case None | bool() | str():
            return value
        case int():
            return int(value)
        case float():
            return float(value) if math.isfinite(value) else {"float": repr(float(value))}
        case bytes():
            return {"bytes": value.hex()}
        case np.generic():
            return pack(value.item(), name, tensors)
        case list():
            return [pack(each, f"{name}/{i}", tensors) for i, each in enumerate(value)]
        case tuple():
            return {"tuple": [pack(each, f"{name}/{i}", tensors) for i, each in enumerate(value)]}
        case Mapping():
            return {
                "dict": [[pack(key, name, {}), pack(each, f"{name}/{key}", tensors)] for key, each in value.items()]
            }
        case Tensor():
            kind = "channels_last" if _is_channels_last(value) else "tensor"
            return {kind: _put(value, name, tensors)}
        case np.ndarray():
            return {"array": _put(torch.from_numpy(value), name, tensors)}
    raise TypeError(f"{name}: a checkpoint cannot hold a {type(value).__name__}")


def unpack(packed: Any, tensors: Mapping[str, Tensor]) -> Any:
    """What ``pack`` was given."""
    if isinstance(packed, list):
        return [unpack(each, tensors) for each in packed]
    if not isinstance(packed, dict):
        return packed
    ((kind, content),) = packed.items()
    match kind:
        case "float":
            return float(content)
        case "bytes":
            return bytes.fromhex(content)
        case "tuple":
            return tuple(unpack(each, tensors) for each in content)
        case "dict":
            return {unpack(key, tensors): unpack(each, tensors) for key, each in content}
        case "tensor":
            return tensors[content]
        case "channels_last":
            return tensors[content].contiguous(memory_format=torch.channels_last)
        case "array":
            return tensors[content].numpy()
    raise ValueError(f"unknown kind of value: {kind}")


def _put(tensor: Tensor, name: str, tensors: dict[str, Tensor]) -> str:
    while name in tensors:
        name += "'"
    tensors[name] = tensor
    return name


def _is_channels_last(tensor: Tensor) -> bool:
    """Sums over pixels of numbers that lie in another order may differ in their last bits."""
    if tensor.dim() != 4 or tensor.is_contiguous():
        return False
    return tensor.is_contiguous(memory_format=torch.channels_last)
