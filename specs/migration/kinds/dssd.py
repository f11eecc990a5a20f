"""Training specs of DSSD: those of SSD, but for TLT 2.0, which has none."""

from specs.migration.kinds.ssd import OPTIONS, migrate

__all__ = ["OPTIONS", "migrate"]
