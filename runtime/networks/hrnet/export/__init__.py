"""Export formats of HRNet, one module each, and what they share."""
