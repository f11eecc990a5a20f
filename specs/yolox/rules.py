"""Rules about the training of YOLOX."""

from __future__ import annotations

from collections.abc import Iterator

from specs.checks import Finding
from specs.rulebook import Subject, rule
from specs.sections import STRIDE
from specs.yolox import closing_epochs, multi_scale

KINDS = ("yolox",)
HERE = "dataset.augmentation"


@rule(
    "S280",
    "error",
    title="a range of factors begins above its end",
    fix="write the smallest factor first",
    kinds=KINDS,
)
def factors(subject: Subject) -> Iterator[Finding]:
    """Of mosaics and of mixed images."""
    for name in ("mosaic_scale", "mixup_scale"):
        low, high = getattr(subject.spec.message.dataset.augmentation, name)
        if low > high:
            what = f"{name} must be the smallest and the largest factor, not {low:g}, {high:g}"
            yield Finding(f"{HERE}.{name}", what)


@rule(
    "S281",
    "error",
    title="multi_scale makes images vanish",
    fix="write a smaller multi_scale; 0 keeps all batches at one size",
    kinds=KINDS,
)
def scales(subject: Subject) -> Iterator[Finding]:
    """Steps of 32 pixels that sides may shrink by."""
    dataset = subject.spec.message.dataset
    most = min(dataset.width, dataset.height) // STRIDE - 1
    if (steps := multi_scale(dataset)) > most:
        what = f"multi_scale must be at most {most} for images of {dataset.width}x{dataset.height}, not {steps}"
        yield Finding(f"{HERE}.multi_scale", what, "0 keeps all batches at one size")


@rule("S282", "error", title="YOLOX is not trained by iterations", fix="write num_epochs", kinds=KINDS)
def iterations(subject: Subject) -> Iterator[Finding]:
    """Its last epochs go without heavy augmentation."""
    if subject.spec.message.train.num_iterations:
        what = "num_iterations does not fit YOLOX, whose last epochs go without heavy augmentation"
        yield Finding("train.num_iterations", what, "leave num_iterations out, and write num_epochs")


@rule(
    "S283",
    "error",
    title="closing_epochs are more than there are",
    fix="leave closing_epochs out: of a short training it is a fifth",
    kinds=KINDS,
)
def closing(subject: Subject) -> Iterator[Finding]:
    """The last epochs of a training are some of its epochs."""
    message = subject.spec.message
    if not message.train.num_iterations and (epochs := closing_epochs(message)) > message.train.num_epochs:
        what = f"closing_epochs must be at most num_epochs, {message.train.num_epochs}, not {epochs}"
        hint = "leave closing_epochs out: of a short training it is a fifth"
        yield Finding(f"{HERE}.closing_epochs", what, hint)
