"""Rules about the training of per-pixel classes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

from specs.checks import Finding
from specs.rulebook import Subject, rule
from specs.sections import STRIDE
from specs.unet import NON_COMMERCIAL, POOLING, PROGRESSIVE, STAGES

KINDS = ("unet",)
DECAY = "train.optim.lr_decay_epochs"


@rule("S265", "error", title="background is named as a class", fix="leave it out: every map has it as 0", kinds=KINDS)
def background(subject: Subject) -> Iterator[Finding]:
    """What no object is."""
    if "background" in (name.lower() for name in subject.spec.message.dataset.classes):
        yield Finding("dataset.classes", 'classes names "background", which every map has as 0', "leave it out")


@rule(
    "S266",
    "error",
    title="class_weights are not one for each class",
    fix="write a weight of the background and of each class",
    kinds=KINDS,
)
def class_weights(subject: Subject) -> Iterator[Finding]:
    """The background has one, too."""
    weights, needed = subject.spec.message.loss.class_weights, len(subject.spec.message.dataset.classes) + 1
    if weights and len(weights) != needed:
        what = f"class_weights needs {needed} entries, of the background and of each class, not {len(weights)}"
        yield Finding("loss.class_weights", what)


@rule(
    "S267",
    "error",
    title="class_weights has no effect",
    fix="write another loss than dice, or leave class_weights out",
    kinds=KINDS,
)
def useless_weights(subject: Subject) -> Iterator[Finding]:
    """Weights are those of the cross entropy."""
    loss = subject.spec.message.loss
    if loss.class_weights and loss.loss == "dice":
        yield Finding("loss.class_weights", "class_weights are those of the cross entropy, but loss is dice")


@rule(
    "S268",
    "error",
    title="decoder_channels do not fit the architecture",
    fix="write as many as the message names, or leave decoder_channels out",
    kinds=KINDS,
)
def decoder(subject: Subject) -> Iterator[Finding]:
    """Some decoders have channels of their own at each stage."""
    model = subject.spec.message.model
    needed = STAGES if model.arch in PROGRESSIVE else 1
    if model.decoder_channels and len(model.decoder_channels) != needed:
        what = f"decoder_channels of {model.arch} needs {needed} {'entries' if needed > 1 else 'entry'}, "
        yield Finding("model.decoder_channels", f"{what}not {len(model.decoder_channels)}")


@rule(
    "S269",
    "warning",
    title="the encoder is for research alone",
    fix="choose another encoder for commercial use",
    kinds=KINDS,
)
def encoder(subject: Subject) -> Iterator[Finding]:
    """By its name."""
    model = subject.spec.message.model
    if NON_COMMERCIAL.search(model.encoder.lower()):
        yield Finding("model.encoder", f"encoder {model.encoder} was published for non-commercial use only")


@rule("S270", "error", title="the batch is too small", fix="write a batch_size of 2 or more", kinds=KINDS)
def batch(subject: Subject) -> Iterator[Finding]:
    """Maps of a single cell are normalised over the batch."""
    dataset, model = subject.spec.message.dataset, subject.spec.message.model
    coarsest = (dataset.width * dataset.height) // STRIDE**2
    if dataset.batch_size == 1 and (model.arch in POOLING or coarsest == 1):
        what = "batch_size must be 2 or more: the network normalises maps of a single cell over the batch"
        yield Finding("dataset.batch_size", what)


@rule(
    "S271",
    "error",
    title="lr_decay_epochs does not go with the rest of the schedule",
    fix="leave lr_decay_epochs out",
    kinds=KINDS,
)
def decay(subject: Subject) -> Iterator[Finding]:
    """Epochs over which a curve falls."""
    train = subject.spec.message.train
    optim = train.optim
    if not optim.lr_decay_epochs:
        return
    if optim.lr_scheduler not in ("poly", "cosine"):
        yield Finding(DECAY, "lr_decay_epochs is only used by lr_scheduler: poly and cosine")
    elif train.num_iterations:
        what = f"lr_decay_epochs counts epochs, but num_iterations is {train.num_iterations}"
        yield Finding(DECAY, what, "leave it out: the rate falls over the whole training")
    elif optim.lr_flat_epochs:
        yield Finding(DECAY, "lr_decay_epochs and lr_flat_epochs are both written: only one can be used")


@rule(
    "S272",
    "warning",
    title="the learning rate ends long before the training",
    fix="write lr_decay_epochs as num_epochs, or leave it out",
    kinds=KINDS,
)
def early_end(subject: Subject) -> Iterator[Finding]:
    """The rest of the training has the lowest rate."""
    train = subject.spec.message.train
    optim = train.optim
    fits = optim.lr_scheduler in ("poly", "cosine") and not train.num_iterations and not optim.lr_flat_epochs
    if fits and 0 < optim.lr_decay_epochs < train.num_epochs:
        rest = train.num_epochs - optim.lr_decay_epochs
        what = f"the learning rate is at lr_min, {optim.lr_min:g}, in the last {rest} of {train.num_epochs} epochs"
        yield Finding(DECAY, what)


@rule("S273", "error", title="crop_area begins above its end", fix="write the smaller share first", kinds=KINDS)
def crop(subject: Subject) -> Iterator[Finding]:
    """Shares of the area of an image."""
    smallest, largest = subject.spec.message.dataset.augmentation.crop_area
    if smallest > largest:
        what = f"crop_area begins at {smallest:g}, above its end, {largest:g}"
        yield Finding("dataset.augmentation.crop_area", what)


@rule(
    "S274",
    "error",
    title="the best epoch is picked by a figure that is not measured",
    fix="write boundary_f1: true, or another primary",
    kinds=KINDS,
)
def primary(subject: Subject) -> Iterator[Finding]:
    """F1 along boundaries takes time, and is off by default."""
    evaluate = subject.spec.message.evaluate
    if evaluate.primary == "boundary_F1" and not evaluate.boundary_f1:
        yield Finding("evaluate.primary", "primary is boundary_F1, which is not measured", "write boundary_f1: true")


@rule(
    "S275",
    "warning",
    title="the weights to start from are for research alone",
    fix="choose other weights for commercial use",
    kinds=KINDS,
)
def weights(subject: Subject) -> Iterator[Finding]:
    """By the name of their file."""
    name = PurePath(subject.spec.message.train.pretrained_model_path).name
    if NON_COMMERCIAL.search(name.lower()):
        what = f"{name}: such weights were published for non-commercial use only"
        yield Finding("train.pretrained_model_path", what)
