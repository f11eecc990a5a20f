"""The training spec of SSD, in the dialects of TLT 2.0 and of TLT 3.0 to TAO 5."""

from __future__ import annotations

from specs.spec import Spec, Training
from specs.ssd.settings import Ssd
from specs.ssd.sources import class_fields, data_sources

__all__ = ["class_fields", "data_sources"]

MESSAGE = "Experiment"
DIALECTS = ("tlt2", "tlt3")
SECTION = "ssd_config"
"""The section that the network is named by, of those of which a spec has one."""
DATA = "tfrecords"
"""What it is trained on within the pipeline."""

SIZE = ("input_width", "input_height")
"""The settings that hold the size of the images."""
SHORTHANDS = {"epochs": "num_epochs", "batch": "batch_size_per_gpu"}
"""What options of commands call these settings for short."""

TUNABLES = Ssd


def measuring(spec: Spec) -> tuple[str, ...]:
    """Messages that only say how the model is measured: none where measurements may end the training."""
    training = spec.message.training_config
    stops = "early_stopping" in training.DESCRIPTOR.fields_by_name and training.HasField("early_stopping")
    return () if stops else ("eval_config", "nms_config")


def pretrained(tunables: Ssd) -> str:
    """Where there are weights to start from, in a line."""
    from specs.ssd import backbones

    return backbones.advice(tunables.arch, tunables.nlayers)


MAKING = ("random_seed", "training_config")
"""Fields at the top that only say how weights come about, not what a model with them is."""


def training(spec: Spec) -> Training:
    config = spec.message.training_config
    return Training(config.num_epochs, max(1, config.checkpoint_interval))


def more_epochs(before: Spec, now: Spec) -> int | None:
    """The number of epochs of ``before`` where ``now`` only asks for more of them."""
    then, asked = before.message, now.message
    epochs = int(then.training_config.num_epochs)
    if type(then) is not type(asked) or asked.training_config.num_epochs <= epochs:
        return None
    longer = type(then)()
    longer.CopyFrom(then)
    longer.training_config.num_epochs = asked.training_config.num_epochs
    return epochs if longer == asked else None
