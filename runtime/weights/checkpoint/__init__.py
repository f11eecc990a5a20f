"""Checkpoints: saved whole or not at all, loaded with a word on what does not fit.

Without a key a checkpoint is a safetensors file: the model's tensors under their own names, all else under
``resume/``, the rest as JSON in the header, and beside it a small JSON file for people. With a key it is the same bytes
encrypted. docs/checkpoints.md describes both. Files are known by their content, whatever they are called.
"""

from runtime.weights.checkpoint.fitting import (
    Opened,
    check,
    network_of,
    open_model,
    restore,
    restore_optimizer,
    take_on,
)
from runtime.weights.checkpoint.folder import aside, best_of, keep_best, newest, path_of, rotate, set_aside
from runtime.weights.checkpoint.state import ENCRYPTED, OPEN, Checkpoint, Resume
from runtime.weights.checkpoint.storing import FORMAT, Kind, facts, is_ours, load, recognise, save

__all__ = [
    "ENCRYPTED", "FORMAT", "OPEN", "Checkpoint", "Kind", "Opened", "Resume", "aside", "best_of", "check", "facts",
    "is_ours", "keep_best", "load", "network_of", "newest", "open_model", "path_of", "recognise", "restore",
    "restore_optimizer", "rotate", "save", "set_aside", "take_on",
]  # fmt: skip
