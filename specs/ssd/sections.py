"""Where the sections of a training spec of SSD are, in whichever dialect and of whichever of its variants."""

from __future__ import annotations

from typing import Any

from specs.checks import message_at
from specs.rulebook import TRAINED
from specs.spec import Spec

KINDS = TRAINED
"""Networks with such specs."""

RATE = "training_config.learning_rate"
SCHEDULE = f"{RATE}.soft_start_annealing_schedule"
COSINE = f"{RATE}.soft_start_cosine_annealing_schedule"
OPTIMIZER = "training_config.optimizer"
STOPPING = "training_config.early_stopping"
DATA = "dataset_config"
MAPPING = f"{DATA}.target_class_mapping"
TRAINING, VALIDATION = f"{DATA}.data_sources", f"{DATA}.validation_data_sources"
AUGMENTATION = "augmentation_config"


def network(spec: Spec) -> str:
    """The path of the section of the network: ssd_config."""
    return f"{spec.kind or KINDS[0]}_config"


def config(spec: Spec) -> Any:
    """The section of the network, None where it is not written."""
    return message_at(spec, network(spec))


def sections(spec: Spec) -> tuple[str, ...]:
    """The sections that a training needs."""
    return (network(spec), "training_config", "eval_config", "nms_config", AUGMENTATION, DATA)


def schedule(spec: Spec) -> Any | None:
    """The schedule of the learning rate that is written, of either form."""
    rate = message_at(spec, RATE)
    form = rate.WhichOneof("schedule") if rate is not None else None
    return getattr(rate, form) if form else None
