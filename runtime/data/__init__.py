"""From annotations and image files to batches."""
