"""A model judged on a validation split, whatever its task."""
