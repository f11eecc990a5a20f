"""DarkNet 53 of timm, with leaky activations where ours are plain. Nobody spells DarkNet 19."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from runtime.weights.pretrained.families import Layer, Naming


def namings(ours: AbstractSet[str], file: AbstractSet[str]) -> list[Naming]:
    stem = "stem.conv1" if "stem.conv1.conv" in file else "stem"
    layers = [Layer("conv1", "conv1_bn", f"{stem}.conv", f"{stem}.bn")]
    for name in sorted(ours):
        if match := re.fullmatch(r"conv(\d)", name):
            if name == "conv1":
                continue
            theirs = f"stages.{int(match[1]) - 2}.conv_down"
        elif match := re.fullmatch(r"b(\d)_conv(\d+)_([12])", name):
            block, i, which = map(int, match.groups())
            theirs = f"stages.{block - 1}.blocks.{i - 1}.conv{which}"
        else:
            continue
        layers.append(Layer(name, f"{name}_bn", f"{theirs}.conv", f"{theirs}.bn"))
    return [Naming("timm", tuple(layers))] if "b1_conv1_1" in ours else []
