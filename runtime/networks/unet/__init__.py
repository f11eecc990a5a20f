"""Per-pixel classes: an encoder, and a decoder that says the class of each pixel of the input."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.data.fields import Fields
    from runtime.data.recipe import Recipe
    from runtime.imaging.placement import View
    from runtime.networks.unet.model import PixelClassifier
    from runtime.networks.unet.settings import Settings
    from specs import Spec
    from specs.unet import Dataset, Experiment
    from specs.unet.settings import Painting

TASK = "segmentation"
EXPORTS = {"onnx": "runtime.networks.unet.export"}


def recipe(spec: Spec) -> Recipe[Settings]:
    """What ``spec`` asks for."""
    from runtime.data import sections
    from runtime.data.recipe import Evaluation, Inference, Recipe
    from runtime.networks.unet.settings import Settings
    from specs.unet import settled

    asked: Experiment = spec.message
    dataset, model = asked.dataset, asked.model
    size = (dataset.height, dataset.width)
    plain = _plain_view(dataset)
    return Recipe(
        spec=spec,
        network="unet",
        name=_name(model.arch, model.encoder),
        classes=dataset.classes,
        model=Settings(model, asked.loss, size, len(dataset.classes)),
        batch_size=dataset.batch_size,
        size=size,
        data=sections.data(dataset.train_data_sources, dataset.val_data_sources, dataset.class_mapping, flat=True),
        training_view=_training_view(dataset),
        plain_view=plain,
        inference_view=plain,
        evaluation=Evaluation(
            asked.train.validation_interval,
            asked.evaluate.batch_size,
            whole_pixels=False,
            primary=asked.evaluate.primary,
            boundary_f1=asked.evaluate.boundary_f1,
        ),
        inference=Inference(asked.inference.batch_size),
        opset=asked.export.opset_version,
        workers=dataset.workers or None,
        fields=_fields(dataset.painting),
        **sections.training(settled(asked)),
    )


def _name(arch: str, encoder: str) -> str:
    """The stem of file names: "unet_resnet18", "unet_fpn_tu-convnext_tiny"."""
    parts = ("unet", encoder) if arch == "unet" else ("unet", arch, encoder)
    return "_".join(parts).replace(".", "_").replace("/", "_")


def _fields(order: Painting) -> Fields:
    """Of maps that objects are painted on in this ``order``."""
    from runtime.data.label_maps import PixelClasses
    from runtime.tasks import segmentation

    return {**segmentation.FIELDS, "map": PixelClasses(order)}


def _plain_view(dataset: Dataset) -> View:
    from runtime.imaging.views.framing import Letterbox, Stretch

    view = Letterbox if dataset.resize == "letterbox" else Stretch
    return view(width=dataset.width, height=dataset.height)


def _training_view(dataset: Dataset) -> View:
    from runtime.imaging.views.pasting import Scene
    from runtime.shell.program import host

    drawn = asdict(dataset.augmentation)
    drawn["backgrounds"] = host(dataset.augmentation.backgrounds) if dataset.augmentation.backgrounds else None
    return Scene(width=dataset.width, height=dataset.height, letterbox=dataset.resize == "letterbox", **drawn)


def build(recipe: Recipe[Settings]) -> PixelClassifier:
    """The model with random weights. Raises SpecError for an encoder that there is not, or that the architecture
    cannot use."""
    from runtime.networks.unet import encoders
    from runtime.networks.unet.model import PixelClassifier

    try:
        return PixelClassifier(recipe.model)
    except encoders.UnusableError as problem:
        raise recipe.error(problem.field, problem.what, hint=problem.hint) from None
