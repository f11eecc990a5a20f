"""Pixels: decoding, geometric and colour operators, views."""
