"""Every field of a training spec of DSSD: those of SSD from TLT 3.0 on, the network's in a section of its own."""

from __future__ import annotations

from dataclasses import replace

from specs.dssd import SECTION
from specs.ssd import SECTION as OF_SSD
from specs.ssd import fields

GENERATIONS = {"tlt3": fields.GENERATIONS["tlt3"]}

FIELDS = tuple(
    replace(field, path=field.path.replace(f"{OF_SSD}.", f"{SECTION}."), dialects=("tlt3",))
    for field in fields.FIELDS
    if "tlt3" in field.dialects and field.path != SECTION
)

DERIVED = fields.derived(SECTION)
