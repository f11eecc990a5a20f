"""Numbers of a training where neither spec nor command line says any: programs show them in their help."""

CLIP_NORM = 35.0
"""Far above the gradients of a training that goes well, far below those of one that is about to run away: from random
weights, at the rates that specs for pretrained ones ask for, and with two pictures a batch, some steps are such."""
EMA_DECAY = 0.999
