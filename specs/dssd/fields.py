"""Every field of a training spec of DSSD: those of SSD from TLT 3.0 on, by the path that they have here."""

from __future__ import annotations

from dataclasses import replace

from specs import dssd, ssd
from specs.ssd import fields

FIELDS = tuple(
    replace(field, path=field.path.replace(f"{ssd.SECTION}.", f"{dssd.SECTION}."))
    for field in fields.FIELDS
    if "tlt3" in field.dialects and field.path != dssd.SECTION
)
