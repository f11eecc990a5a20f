"""Those of SSD, which are for both (``specs.ssd.sections.KINDS``)."""

from __future__ import annotations

from specs.rules import catalogue

catalogue("ssd")
