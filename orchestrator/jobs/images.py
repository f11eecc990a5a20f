"""Container images, and what they need of the machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

GENERATIONS: Final[Mapping[str, tuple[float, ...]]] = {
    "Kepler": (3.0, 3.5, 3.7),
    "Maxwell": (5.0, 5.2),
    "Pascal": (6.0, 6.1),
    "Volta": (7.0,),
    "Turing": (7.5,),
    "Ampere": (8.0, 8.6),
    "Ada": (8.9,),
    "Hopper": (9.0,),
    "Blackwell": (10.0, 10.3, 12.0, 12.1),
}
"""NVIDIA's GPU generations, oldest first, by the CUDA compute capabilities of their cards for servers and desks."""


@dataclass(frozen=True)
class Needs:
    """What an image of NVIDIA's needs.

    ``driver``: the lowest release of NVIDIA's driver that its CUDA runs on; ``data_centre_driver`` with cards for data
    centres, by the compatibility package in the image. ``capabilities``: the lowest and the highest CUDA compute
    capability that it has code for. ``room``: GB of disk that NVIDIA asks for, of the image and its work. ``login``:
    whether its registry gives it to nobody without a log-in.
    """

    driver: int
    data_centre_driver: int
    capabilities: tuple[float, float]
    room: int
    login: bool = True

    @property
    def generations(self) -> str:
        """The GPU generations that it runs on, in words: "Pascal to Turing"."""
        low, high = self.capabilities
        fit = [name for name, own in GENERATIONS.items() if any(low <= each <= high for each in own)]
        return fit[0] if len(fit) == 1 else f"{fit[0]} to {fit[-1]}"


def generation(capability: float) -> str:
    """The generation of a GPU of this compute capability; of one that is not known here, the capability itself."""
    return next((name for name, own in GENERATIONS.items() if capability in own), f"compute capability {capability}")
