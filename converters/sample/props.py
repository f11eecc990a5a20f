"""What holds a garment up where nobody wears it."""

from __future__ import annotations

from functools import cache

import numpy as np

from converters.sample.fabrics import TILE, Fabric
from converters.sample.shape import Figure, Part, band, circle, join, mirrored, points, spline


@cache
def form() -> Fabric:
    """Linen over the form, wood for its pole, its cap and the hanger: the same in all pictures, so that no colour of a
    prop tells anything about a garment."""
    blank = np.full((TILE, TILE), 0xFF, dtype=np.uint32)
    return Fabric(blank, (206, 192, 172), (206, 192, 172), (128, 92, 62), (206, 192, 172))


@cache
def mannequin() -> Figure:
    """A tailor's form without a head: neck, shoulders, waist, hips, and the pole it stands on."""
    left = spline(
        [(-0.10, -0.20), (-0.11, -0.02), (-0.36, 0.10), (-0.335, 0.48), (-0.25, 0.93), (-0.34, 1.36), (-0.25, 1.62)]
    )
    pole = band(points([(0, 1.55), (0, 3.2)]), 0.035)
    return Figure(
        category=0,
        landmarks=points([(0.0, 0.0)]),
        behind=(),
        front=(
            Part(pole, "trim", tone=0.9),
            Part(join(left, mirrored(left)), "lining", tone=0.9, full=True, lift=0.3),
            Part(circle((0, -0.21), 0.105, 20) * (1.0, 0.45) - (0.0, 0.11), "trim", full=True),
        ),
    )


@cache
def hanger() -> Figure:
    """A wooden hanger: bowed shoulders and a hook."""
    bow = spline([(-0.36, 0.13), (-0.2, 0.035), (0, -0.01), (0.2, 0.035), (0.36, 0.13)])
    angle = np.linspace(np.pi * 0.5, np.pi * 2.05, 14)
    hook = points(np.stack([0.055 * np.cos(angle), -0.19 + 0.055 * np.sin(angle)], axis=1))
    return Figure(
        category=0,
        landmarks=points([(0.0, 0.0)]),
        behind=(),
        front=(
            Part(band(join([(0, -0.01), (0, -0.135)], hook), 0.014), "trim", tone=1.3),
            Part(band(bow, 0.05), "trim", full=True, lift=0.3),
        ),
    )
