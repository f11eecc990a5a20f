"""Weight files of others, read without executing anything that is in them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from runtime.weights import checkpoint
from tltpipe import inputs
from tltpipe.errors import HostError, ModelError

# Where trainers put the weights among other things; averaged ones first, as timm does.
PLACES = ("state_dict_ema", "model_ema", "state_dict", "best_state_dict", "model")
WRAPPERS = ("module.", "_orig_mod.")
_SCALAR: Any = np.float64().__reduce__()[0]
# Reference scripts save their command line with the weights, and figures as numbers of NumPy, of 1 or of 2.
HARMLESS: list[Any] = [
    argparse.Namespace,
    np.dtype,
    np.dtypes.Float64DType,
    (_SCALAR, "numpy.core.multiarray.scalar"),
    (_SCALAR, "numpy._core.multiarray.scalar"),
]


@dataclass(frozen=True)
class Foreign:
    """A state dict of someone else's. ``place`` is the key it lay under, ``architecture``, ``mean`` and ``deviation``
    (of RGB from 0 to 1) what a ``config.json`` of timm beside it says."""

    tensors: Mapping[str, Tensor]
    place: str | None = None
    architecture: str = ""
    mean: tuple[float, ...] | None = None
    deviation: tuple[float, ...] | None = None


def read(path: Path) -> Foreign:
    """The weights in a .safetensors or torch file.

    Raises ModelError for files that hold no tensors by name, more than tensors, or are damaged.
    """
    content = _safetensors(path) if checkpoint.recognise(path) == "safetensors" else _torch(path)
    tensors, place = _state_dict(content)
    if not tensors:
        hint = "save model.state_dict() with torch.save"
        raise ModelError("there are no tensors by name in this file", where=path, hint=hint)
    return Foreign(tensors, place, *_config(path))


def _safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, ValueError, RuntimeError) as failure:
        what = f"this safetensors file cannot be read: {failure}"
        raise ModelError(what, where=path, hint="the file may be cut short or damaged") from None
    except OSError as refusal:
        raise HostError(f"cannot be read: {refusal.strerror or refusal}", where=path) from None


def _torch(path: Path) -> Any:
    try:
        with torch.serialization.safe_globals(HARMLESS):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as failure:  # torch raises whatever its archive reader and unpickler came upon
        if "Unsupported global" in str(failure) or "weights_only" in str(failure).lower():
            what = "this file holds more than tensors, and what is in it could be a program: it is not loaded"
            hint = "where it came from: torch.save(model.state_dict(), 'weights.pth')"
            raise ModelError(what, where=path, hint=hint) from None
        raise ModelError("this torch file cannot be read: it may be damaged or cut short", where=path) from None


def _state_dict(content: Any) -> tuple[dict[str, Tensor], str | None]:
    place = None
    if isinstance(content, Mapping):
        place = next((key for key in PLACES if isinstance(content.get(key), Mapping)), None)
        content = content[place] if place else content
    if not isinstance(content, Mapping):
        return {}, None
    tensors = {_bare(str(name)): value for name, value in content.items() if isinstance(value, Tensor)}
    return tensors, place


def _bare(name: str) -> str:
    """``name`` without what data parallelism and compilation put before it."""
    while wrapper := next((wrapper for wrapper in WRAPPERS if name.startswith(wrapper)), None):
        name = name.removeprefix(wrapper)
    return name


def _config(path: Path) -> tuple[str, tuple[float, ...] | None, tuple[float, ...] | None]:
    """What a ``config.json`` of timm in the same folder says; nothing of it is needed."""
    try:
        told = json.loads(inputs.content(path.parent / "config.json"))
        seen = told["pretrained_cfg"]
        return str(told["architecture"]), _three(seen["mean"]), _three(seen["std"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "", None, None


def _three(values: Any) -> tuple[float, ...]:
    red, green, blue = map(float, values)
    return red, green, blue
