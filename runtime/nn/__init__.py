"""Layers and backbones that networks share."""
