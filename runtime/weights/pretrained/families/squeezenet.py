"""SqueezeNet of torchvision: 1.0 fits as a whole; of 1.1 the fire modules, whose first takes fewer channels."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from runtime.weights.pretrained.families import Layer, Naming

# Where torchvision's fire modules 2 to 9 lie among its features.
FIRES = {"1.0": (3, 4, 5, 7, 8, 9, 10, 12), "1.1": (3, 4, 6, 7, 9, 10, 11, 12)}
PARTS = {"squeeze_conv": "squeeze", "expand_conv1x1": "expand1x1", "expand_conv3x3": "expand3x3"}


def namings(ours: AbstractSet[str], file: AbstractSet[str]) -> list[Naming]:  # noqa: ARG001 (the protocol's signature)
    found = []
    for version, places in FIRES.items():
        layers = [Layer("conv1", None, "features.0")]
        for number, place in enumerate(places, start=2):
            layers += [Layer(f"fire{number}.{part}", None, f"features.{place}.{PARTS[part]}") for part in PARTS]
        found.append(Naming(f"torchvision, SqueezeNet {version}", tuple(layers)))
    return found
