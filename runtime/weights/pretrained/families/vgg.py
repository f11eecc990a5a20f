"""VGG with and without batch norm; torchvision and timm count all layers, activations and poolings included.

Theirs pool at the end of a block, ours begin the next with a stride. A bias without a batch norm becomes one that
passes everything on and adds it.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from runtime.weights.pretrained.families import Layer, Naming


def namings(ours: AbstractSet[str], file: AbstractSet[str]) -> list[Naming]:
    blocks = sorted({match[0] for name in ours if (match := re.match(r"block_(\d)[a-z]", name))})
    normed = "features.2" not in file  # without batch norm the second convolution
    layers, place, last = [], 0, blocks[0][6]
    for block in blocks:
        if block[6] != last:
            place, last = place + 1, block[6]  # a pooling
        norm = f"features.{place + 1}" if normed else None
        layers.append(Layer(f"{block}.conv_1", f"{block}.bn_1", f"features.{place}", norm))
        place += 3 if normed else 2
    return [Naming("torchvision or timm", tuple(layers))]
