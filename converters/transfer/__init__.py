"""Samples from where they are to where they are wanted, in one resumable pass."""
