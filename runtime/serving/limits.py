"""What requests may ask for, and how long they may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """``bytes`` of a request's body, ``pixels`` of an image, ``images`` of a request; ``queue`` images wait for a model
    beside those that it works on; ``timeout`` in seconds, of a body to arrive and of an answer."""

    bytes: int = 16 * 2**20
    pixels: int = 25_000_000
    images: int = 16
    queue: int = 8
    timeout: float = 30.0

    @property
    def bodies(self) -> int:
        """Bytes of all bodies that are being received at once."""
        return 8 * self.bytes
