"""What a recipe says of the model. Without torch: a spec is read before that is needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from specs.multitask.settings import Loss, Model


@dataclass(frozen=True)
class Settings:
    """``input_size`` is height and width; ``tasks`` have the values of each task of one choice by its name, those of
    the category first; ``types`` the type of each category, empty where the heads are joint."""

    network: Model
    loss: Loss
    input_size: tuple[int, int]
    tasks: Mapping[str, tuple[str, ...]]
    attributes: int
    types: tuple[str, ...] = ()
