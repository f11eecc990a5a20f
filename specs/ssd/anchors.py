"""How many lists make an SSD's anchors."""

MAPS = 6
"""Feature maps of the network; each has a scale, and the extra square of the last needs one more."""

SEVEN_SCALES = "scales: one for each of the six feature maps, and a seventh for the extra square of the last map"
