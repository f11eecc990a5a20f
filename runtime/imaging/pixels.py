"""Batches of pixels as programs take them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

PixelBatch: TypeAlias = NDArray[np.uint8] | Sequence[NDArray[np.uint8]]
"""RGB uint8 [B, H, W, 3] or, for models without an ``input_size``, B of [H, W, 3]."""


def parts(pixels: NDArray[np.uint8], batch: int | None) -> list[tuple[NDArray[np.uint8], int]]:
    """``pixels`` in pieces of ``batch`` pictures, the last one filled up, each with how many of them count."""
    if batch is None:
        return [(pixels, len(pixels))]
    pieces = [pixels[start : start + batch] for start in range(0, len(pixels), batch)]
    return [(np.concatenate([piece, piece[:1].repeat(batch - len(piece), 0)]), len(piece)) for piece in pieces]


def prepared(
    pixels: NDArray[np.uint8], *, mean: Sequence[float], grey: Sequence[float] | None = None
) -> NDArray[np.float32]:
    """RGB pictures uint8 [B, H, W, 3] as the backbone wants them: float32 [B, 3 or 1, H, W], BGR or grey (``grey`` the
    weights of B, G and R), less ``mean``."""
    bgr = np.ascontiguousarray(pixels[..., ::-1].transpose(0, 3, 1, 2), np.float32)
    if grey is not None:
        bgr = np.tensordot(bgr, np.array(grey, np.float32), (1, 0))[:, None]
    return bgr - np.array(mean, np.float32).reshape(-1, 1, 1)
