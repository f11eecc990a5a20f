"""One training, from a spec to a results folder: where it begins, what the loop in ``engine`` runs on, what is kept."""

from runtime.training.options import Asked
from runtime.training.run import Stopped, train

__all__ = ["Asked", "Stopped", "train"]
