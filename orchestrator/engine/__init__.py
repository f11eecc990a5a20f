"""The Docker engine: containers, images, streams."""
