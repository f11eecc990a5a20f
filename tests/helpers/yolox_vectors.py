"""Weights, images and objects made by formula, for which ``tests/golden/yolox`` holds what YOLOX answers."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

SIZES = {"wide": (64, 96), "square": (96, 96)}
"""Height and width."""
CLASSES = 5
BATCH = 3
Target = dict[str, torch.Tensor]


def wave(name: str, count: int) -> NDArray[np.float64]:
    """``count`` values from -1 to 1 that look random, the same everywhere."""
    phase = zlib.crc32(name.encode()) % 10_007
    values: NDArray[np.float64] = np.sin((np.arange(count, dtype=np.float64) + 1) * 12.9898 + phase) * 437.5453
    return 2 * (values - np.floor(values)) - 1


def weights(shapes: Mapping[str, Sequence[int]]) -> dict[str, torch.Tensor]:
    """A state dict of tensors of these ``shapes``."""
    return {name: _tensor(name, tuple(shape)) for name, shape in shapes.items()}


def _tensor(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    if name.endswith("num_batches_tracked"):
        return torch.tensor(10_000)
    values = wave(name, int(np.prod(shape)))
    if name.endswith("running_var"):
        values = 1 + 0.5 * values
    elif len(shape) == 1 and name.endswith(".weight"):  # of a normalisation layer
        values = 1 + 0.3 * values
    elif len(shape) == 4:
        values = values * np.sqrt(3 / np.prod(shape[1:])) * (0.2 if "_preds" in name else 1)
    elif "_preds" in name:  # scores of a tenth, boxes of three strides
        values = values * 0.2 + (1.1 * (np.arange(shape[0]) > 1) if "reg" in name else -2)
    else:
        values = values * 0.2
    return torch.tensor(values.reshape(shape), dtype=torch.float32)


def fingerprint(shapes: Mapping[str, Sequence[int]]) -> str:
    """Of all names and shapes."""
    lines = sorted(f"{name} {list(shape)}" for name, shape in shapes.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def images(height: int, width: int) -> torch.Tensor:
    """RGB from 0 to 255."""
    values = wave(f"{height}x{width}", BATCH * 3 * height * width).reshape(BATCH, 3, height, width)
    return torch.tensor(127.5 + 127.5 * values, dtype=torch.float32)


def targets(case: str, height: int, width: int) -> list[Target]:
    """Of each image: "few" 0 to 4 objects, "crowded" 40, "none", "twice" each object two times."""
    return [_target(f"{case} {number}", case, number, (width, height)) for number in range(BATCH)]


def _target(name: str, case: str, number: int, size: tuple[int, int]) -> Target:
    count = {"few": 2 * number, "crowded": 40, "none": 0, "twice": 3}[case]
    centres = (wave(f"{name} centre", 2 * count).reshape(-1, 2) + 1) / 2 * size
    sides = (wave(f"{name} side", 2 * count).reshape(-1, 2) + 1.3) * 24
    boxes = np.concatenate([centres - sides / 2, centres + sides / 2], axis=1).clip(0, size * 2)
    labels = ((wave(f"{name} label", count) + 1) / 2 * CLASSES).astype(np.int64) + 1
    copies = 2 if case == "twice" else 1
    return {
        "boxes": torch.tensor(np.repeat(boxes, copies, axis=0), dtype=torch.float32).reshape(-1, 4),
        "labels": torch.tensor(np.repeat(labels, copies)),
    }


def summary(maps: Sequence[torch.Tensor]) -> list[dict[str, Any]]:
    """Mean, mean square and every 97th value of each map."""
    flat = [each.detach().double().flatten() for each in maps]
    return [
        {
            "shape": list(each.shape),
            "mean": round(float(values.mean()), 7),
            "square": round(float(values.square().mean()), 7),
            "values": [round(value, 6) for value in values[:: len(values) // 7].tolist()],
        }
        for each, values in zip(maps, flat, strict=True)
    ]
