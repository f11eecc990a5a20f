"""The open tlt-* programs."""
