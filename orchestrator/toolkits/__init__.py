"""One file per container generation."""
