"""How a drawn data set lies on disk: one file a layout.

Each has ``SPLITS``, the names of its splits for training, validation and (if it has annotations) test; ``SIZE``, the
default for the longer side of its pictures; ``outputs(out, counts)``, the folders that it makes; and ``draw(out,
counts, seed=, size=, bar=, workers=)``, which draws ``counts[split]`` pictures and advances ``bar``.
"""
