"""Export formats of YOLOX, one module each, and what they share."""
