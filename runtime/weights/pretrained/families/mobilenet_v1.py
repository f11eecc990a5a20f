"""MobileNet V1 of timm, up to the block where ours ends. Theirs cut activations off at 6."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from runtime.weights.pretrained.families import HALF, Layer, Naming

REPEATS = (1, 2, 2, 6, 2)


def namings(ours: AbstractSet[str], file: AbstractSet[str]) -> list[Naming]:  # noqa: ARG001 (the protocol's signature)
    layers = [Layer("conv1", "conv1_bn", "conv_stem", "bn1")]
    places = [(stage, i) for stage, repeats in enumerate(REPEATS) for i in range(repeats)]
    for number, (stage, i) in enumerate(places, start=1):
        for ours_part, theirs, norm in (("dw", "conv_dw", "bn1"), ("pw", "conv_pw", "bn2")):
            name = f"conv_{ours_part}_{number}"
            if name in ours:
                layers.append(Layer(name, f"{name}_bn", f"blocks.{stage}.{i}.{theirs}", f"blocks.{stage}.{i}.{norm}"))
    mean, deviation = HALF
    return [Naming("timm", tuple(layers), mean=mean, deviation=deviation)]
