"""Training specs of TLT 3.0 to TAO 5, as SSD's."""

from __future__ import annotations

from specs.ssd.tlt3 import ELSEWHERE, IMAGE_SIZE, SCHEMA, TITLE

__all__ = ["ELSEWHERE", "IMAGE_SIZE", "SCHEMA", "TITLE"]
