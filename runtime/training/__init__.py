"""One training, from a spec to a results folder: where it begins, what the loop in ``engine`` runs on, what is kept."""

from runtime.training.options import TrainOptions
from runtime.training.run import Stopped, train

__all__ = ["Stopped", "TrainOptions", "train"]
