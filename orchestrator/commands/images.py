"""Building images: that of our programs, and that which serves models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orchestrator.screen.console import Console


def build(console: Console, *, tag: str | None, base_image: str | None, extras: str | None) -> dict[str, Any]:
    """Build the image of our programs; what there is to tell. None stands for what is usual."""
    from orchestrator.engine import image

    tag = tag or image.TAG
    extras = image.EXTRAS if extras is None else extras
    return {"image": tag, "id": image.build(console, tag=tag, base_image=base_image, extras=extras)}


def build_serving(
    console: Console, models: Sequence[Path], *, tag: str | None = None, base_image: str | None = None
) -> dict[str, Any]:
    """Build the image that serves ``models``, and show how it is run; what there is to tell."""
    from orchestrator.engine import serving_image

    tag = tag or serving_image.TAG
    built = serving_image.build(console, models, tag=tag, base_image=base_image)
    commands = serving_image.commands(tag)
    console.put(f"\n{tag} serves {', '.join(model.name for model in models) or 'models that are mounted'}; to run it:")
    for line in commands.values():
        console.put(f"  {line}")
    return {"image": tag, "id": built, "models": [model.name for model in models], "commands": commands}
