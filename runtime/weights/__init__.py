"""Weights in files: checkpoints, pretrained weights, exported models' cards."""
