"""What the network sees of a picture: one file per chain of online augmentation, each a
``runtime.imaging.placement.View``."""
