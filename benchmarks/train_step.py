"""A training step of the demo's network, beside its backbone alone, forwards and backwards."""

from importlib import resources
from typing import Any, cast

import yaml
from measure import best_of, show

import specs
from runtime import device

STEPS = 5
"""So many a call: one alone is too short to time."""


def experiment() -> specs.Spec:
    """The training spec that the demo renders, less the places of its data."""
    settings = resources.files("orchestrator").joinpath("demo.yaml").read_text("utf-8").split("\n---\n", 1)[1]
    tunables = specs.tunables_from("ssd", yaml.safe_load(settings)["ssd"])
    places: dict[str, Any] = {
        "tfrecords_path": "train-*",
        "validation_tfrecords_path": "validation-*",
        "validation_fold": None,
        "image_directory_path": ".",
        "image_extension": "jpg",
        "classes": ["skirt", "vest"],
    }
    text = specs.render("ssd", "train.tlt2.conf.j2", tunables, **places)
    return specs.parse_text(text, "Experiment", source="demo.yaml")


if __name__ == "__main__":
    device.require_torch()
    import torch

    from runtime.networks import Truth, ssd

    spec = experiment()
    batch = spec.message.training_config.batch_size_per_gpu
    torch.manual_seed(1)
    detector = ssd.build(spec, num_classes=2).train()
    backbone = cast(torch.nn.Module, detector.features.backbone)
    optimizer = torch.optim.SGD(detector.parameters(), lr=1e-4, momentum=0.9)
    height, width = detector.input_size
    images = torch.rand(batch, 3, height, width) * 255
    pixels = images.contiguous(memory_format=torch.channels_last)
    box = torch.tensor([[0.2 * width, 0.2 * height, 0.7 * width, 0.8 * height]])
    truths: list[Truth] = [{"boxes": box, "labels": torch.tensor([1])} for _ in range(batch)]

    def step() -> None:
        for _ in range(STEPS):
            losses = cast(dict[str, torch.Tensor], detector(images, truths))
            optimizer.zero_grad()
            torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    def alone() -> None:
        for _ in range(STEPS):
            detector.zero_grad()
            maps = cast(list[torch.Tensor], backbone(pixels))
            torch.stack([one.mean() for one in maps]).sum().backward()  # type: ignore[no-untyped-call]

    step()
    floor = best_of(5, alone)
    seconds = best_of(5, step)
    what = f"{STEPS} steps of {batch} at {width}x{height}"
    show(what, seconds, floor="backbone alone", floor_seconds=floor, per=STEPS * batch)
