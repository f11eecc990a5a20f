"""How a training spec of DSSD is written: as that of SSD, in its one dialect (``specs.drafting``)."""

from __future__ import annotations

from collections.abc import Mapping

from specs.ssd import drafting
from specs.ssd.drafting import backbone, classes, fit, fitted, template

__all__ = ["FORMATS", "backbone", "classes", "commented", "fit", "fitted", "template"]

FORMATS: Mapping[str, str] = {"tlt3": "kitti"}


def commented(text: str, dialect: str) -> str:
    """``text``, a rendered spec, with what each field is for."""
    return drafting.commented(text, dialect, "dssd")
