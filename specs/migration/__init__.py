"""Specs moved from one generation of NVIDIA's to another, and to ours: field by field, comments kept."""
