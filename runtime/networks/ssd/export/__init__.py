"""The graphs that an SSD is exported as."""
