"""Decides what runs, where, and whether it must run at all."""
