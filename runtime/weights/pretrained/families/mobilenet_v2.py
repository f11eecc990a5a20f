"""MobileNet V2 of torchvision and timm, up to the unit where ours ends.

Theirs cut activations off at 6. Where they add a unit's input as it is, ours projects it by the identity.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from runtime.weights.pretrained.families import Layer, Naming

REPEATS = (1, 2, 3, 4, 3, 3, 1)


def namings(ours: AbstractSet[str], file: AbstractSet[str]) -> list[Naming]:
    torchvision = [Layer("conv1", "bn_conv1", "features.0.0", "features.0.1")]
    timm = [Layer("conv1", "bn_conv1", "conv_stem", "bn1")]
    places = [(stage, i) for stage, repeats in enumerate(REPEATS) for i in range(repeats)]
    for number, (stage, i) in enumerate(places):
        unit = f"block_{number}" if number else "expanded_conv"
        if f"{unit}.project" not in ours:
            continue
        parts = ("expand", "depthwise", "project") if number else ("depthwise", "project")
        first = f"features.{number + 1}.conv"
        second = f"blocks.{stage}.{i}"
        named = ("conv_pw", "conv_dw", "conv_pwl") if number else ("conv_dw", "conv_pw")
        for place, (part, theirs) in enumerate(zip(parts, named, strict=True)):
            last = part == "project"
            pair = (
                (f"{first}.{place}", f"{first}.{place + 1}") if last else (f"{first}.{place}.0", f"{first}.{place}.1")
            )
            torchvision.append(Layer(f"{unit}.{part}", f"{unit}.{part}_bn", *pair))
            timm.append(Layer(f"{unit}.{part}", f"{unit}.{part}_bn", f"{second}.{theirs}", f"{second}.bn{place + 1}"))
        for layers in (torchvision, timm):
            if f"{unit}.projected_inputs" in ours and layers[-1].theirs in file:
                layers.append(Layer(f"{unit}.projected_inputs", None, None))
    return [Naming("torchvision", tuple(torchvision)), Naming("timm", tuple(timm))]
