"""The network: a ResNet, a box, and a layer for each task over features of the image and of that box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.models import resnet
from torchvision.models._utils import IntermediateLayerGetter

from runtime.data.split import Split
from runtime.networks import Tensors
from runtime.networks.multitask import losses, pooling
from runtime.networks.multitask.settings import Settings

STRIDE = 32
REDUCED = 32
"""Channels that the box is predicted from."""
COUNTED = 4096
"""Images whose attributes are unpacked at a time."""


@dataclass(frozen=True)
class Said:
    """Of a batch: ``boxes`` [B, 4] left, top, right, bottom as shares of the input's sides, of which the last two may
    be above 1; logits of the values of each task of one choice, of the attributes [B, A], and of the types of
    garments. None where the network does not have the head."""

    choices: Sequence[Tensor]
    attributes: Tensor | None
    boxes: Tensor | None
    types: Tensor | None


class BoxHead(nn.Module):
    """From a map [B, D, h, w] to near corners, and those with width and height added."""

    def __init__(self, channels: int, cells: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, REDUCED, 1)
        self.corner = nn.Linear(REDUCED * cells, 2)
        self.sides = nn.Linear(REDUCED * cells, 2)

    def forward(self, maps: Tensor) -> Tensor:
        flat = self.reduce(maps).flatten(1)
        corner, sides = self.corner(flat).sigmoid(), self.sides(flat).sigmoid()
        return torch.cat([corner, corner + sides], dim=1)


class Multitask(nn.Module):
    """A Model (runtime/networks/__init__.py): "label" [], "choices" [sum of values], "attributes" [A], "box" [4].

    Images are float32 RGB from 0 to 255, [B, 3, H, W]. Weights of the backbone bear torchvision's names.
    """

    of_classes = ("choices", "types", "attributes")
    """Below these names weights depend on the names of what is told apart."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings, self.input_size = settings, settings.input_size
        network = settings.network
        body = resnet.__dict__[network.backbone](weights=None)
        channels = int(body.fc.in_features)
        self.backbone = IntermediateLayerGetter(body, {"layer4": "map"})
        cells = [-(-side // STRIDE) for side in settings.input_size]
        self.box = BoxHead(channels, cells[0] * cells[1]) if network.box else None
        width = channels * (1 + pooling.CELLS**2 if network.local_features else 1)
        self.pool = pooling.aligned if network.local_pooling == "align" else pooling.largest
        self.drop = nn.Dropout(network.dropout)
        self.choices = nn.ModuleList(nn.Linear(width, len(values)) for values in settings.tasks.values())
        self.attributes = nn.Linear(width, settings.attributes) if settings.attributes else None
        types = list(dict.fromkeys(settings.types))
        self.types = nn.Linear(width, len(types)) if types else None
        numbers = torch.tensor([types.index(each) for each in settings.types], dtype=torch.int64)
        self.register_buffer("type_of", numbers, persistent=False)
        self.register_buffer("positive_weights", None, persistent=False)
        self.type_of: Tensor
        self.positive_weights: Tensor | None
        # Convolutions on a CPU are faster with the channels of a pixel side by side.
        self.to(memory_format=torch.channels_last)

    def foreign_names(self, name: str) -> Sequence[str]:
        """Of the tensor ``name`` in files of torchvision's classifiers."""
        return (f"backbone.{name}",)

    def begin_training(self, split: Split) -> None:
        """Weigh attributes by how many images have them, where the spec wants that."""
        loss = self.settings.loss
        if self.attributes is not None and loss.pos_weights:
            have, lack = (torch.from_numpy(each) for each in counts(split, self.attributes.out_features))
            weights = losses.positive_weights(have, lack, loss.pos_weights_scale)
            self.positive_weights = weights.to(self.attributes.weight.device)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """The backbone alone, where the time goes."""
        self.backbone.compile(*args, **kwargs)

    def forward(self, images: Tensor, targets: Sequence[Tensors]) -> dict[str, Tensor]:
        """The losses "category", "attributes", "box", "type", and one for each further task."""
        return self._losses(self.said(images), targets)

    @torch.no_grad()
    def predict(self, images: Tensor) -> list[dict[str, Tensor]]:
        """Probabilities; boxes in pixels, clipped to the input."""
        return self._predictions(self.said(images))

    @torch.no_grad()
    def predict_with_loss(
        self, images: Tensor, targets: Sequence[Tensors]
    ) -> tuple[list[dict[str, Tensor]], dict[str, Tensor]]:
        """Both, of one pass through the network."""
        said = self.said(images)
        return self._predictions(said), self._losses(said, targets)

    def said(self, images: Tensor) -> Said:
        maps = self.backbone((images / 255 - 0.5) / 0.5)["map"]
        features, boxes = maps.mean((2, 3)), None if self.box is None else self.box(maps)
        if self.settings.network.local_features and boxes is not None:
            features = torch.cat([features, self.pool(maps, boxes.clamp(max=1))], dim=1)
        features = self.drop(features)
        return Said(
            [head(features) for head in self.choices],
            None if self.attributes is None else self.attributes(features),
            boxes,
            None if self.types is None else self.types(features),
        )

    def tensors(self, said: Said) -> dict[str, Tensor]:
        """The fields of the predictions for a batch, each with the batch as its first axis."""
        chances = [logits.float().softmax(1) for logits in said.choices]
        if said.types is not None:
            chances[0] = self._over_types(said.choices[0].float(), said.types.float())
        found = {"label": chances[0].argmax(1) + 1, "choices": torch.cat(chances, dim=1)}
        if said.attributes is not None:
            found["attributes"] = said.attributes.float().sigmoid()
        if said.boxes is not None:
            found["box"] = said.boxes.float().clamp(max=1) * self._sides(said.boxes)
        return found

    def _predictions(self, said: Said) -> list[dict[str, Tensor]]:
        found = self.tensors(said)
        return [dict(zip(found, values, strict=True)) for values in zip(*found.values(), strict=True)]

    def _losses(self, said: Said, targets: Sequence[Tensors]) -> dict[str, Tensor]:
        labels, settings = torch.stack([target["choices"] for target in targets]), self.settings.loss
        found: dict[str, Tensor] = {}
        if said.types is not None:
            said, found["type"] = self._of_labelled_type(said, labels[:, 0])
        for place, (name, logits) in enumerate(zip(self.settings.tasks, said.choices, strict=True)):
            found[f"task_{name}" if place else "category"] = losses.choice(logits, labels[:, place])
        if said.attributes is not None:
            truth = torch.stack([target["attributes"] for target in targets])
            found["attributes"] = losses.attributes(said.attributes, truth, settings, self.positive_weights)
        if said.boxes is not None:
            boxes = torch.stack([target["box"] for target in targets]) / self._sides(said.boxes)
            found["box"] = settings.beta * losses.box(said.boxes, boxes)
        return found

    def _of_labelled_type(self, said: Said, labels: Tensor) -> tuple[Said, Tensor]:
        """``said`` with the categories of the labelled types alone, and the loss of the types."""
        assert said.types is not None
        types = self.type_of[(labels - 1).clamp(min=0)]
        others = self.type_of[None] != types[:, None]
        categories = said.choices[0].masked_fill(others, -torch.inf)
        loss = losses.choice(said.types, torch.where(labels > 0, types + 1, 0))
        return replace(said, choices=[categories, *said.choices[1:]]), loss

    def _over_types(self, categories: Tensor, types: Tensor) -> Tensor:
        """The probability of each category: that of its type, times its own among those of the type."""
        chances = types.softmax(1)
        found = torch.zeros_like(categories)
        for number in range(types.shape[1]):
            others = (self.type_of != number)[None]
            within = categories.masked_fill(others, -torch.inf).softmax(1)
            found = found + within * chances[:, number, None]
        return found

    def _sides(self, like: Tensor) -> Tensor:
        """Pixels of a share of the input, [4]."""
        height, width = self.input_size
        return torch.tensor([width, height] * 2, dtype=torch.float32, device=like.device)


def counts(split: Split, attributes: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many images of ``split`` have each of so many attributes, and how many are known not to."""
    have, unknown = np.zeros((2, attributes), np.int64)
    for begin in range(0, len(split), COUNTED):
        bits = np.unpackbits(split["attributes"][begin : begin + COUNTED], axis=2, count=attributes)
        have += bits[:, 0].sum(axis=0, dtype=np.int64)
        unknown += bits[:, 1].sum(axis=0, dtype=np.int64)
    return have, len(split) - have - unknown
