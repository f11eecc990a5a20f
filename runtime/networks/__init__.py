"""One folder or file per network."""
