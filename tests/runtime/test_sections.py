"""The shared sections of YAML specs in a recipe: optimisers, schedules, sources."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runtime.data import sections
from runtime.data.recipe import Optimizer, Source
from specs.sections import Optim, Train
from specs.sections import Source as Given

EPOCHS, PER_EPOCH = 10, 50
STEPS = EPOCHS * PER_EPOCH


def rates(optim: Optim, *steps: int) -> list[float]:
    curve = sections.schedule(Train(num_epochs=EPOCHS, optim=optim))(STEPS, 1)
    return [curve(step) for step in steps]


@pytest.mark.parametrize(
    ("optim", "expected"),
    [
        (Optim(optimizer="sgd"), Optimizer("SGD", {"momentum": 0.9, "weight_decay": 1e-4})),
        (
            Optim(optimizer="adamw", momentum=0.8, weight_decay=0.05, norm_weight_decay=0.0),
            Optimizer("AdamW", {"betas": (0.8, 0.999), "weight_decay": 0.05}, 0.0),
        ),
        (Optim(optimizer="adam", weight_decay=0), Optimizer("Adam", {"betas": (0.9, 0.999), "weight_decay": 0})),
        (
            Optim(nesterov=True, norm_weight_decay=0.0),
            Optimizer("SGD", {"momentum": 0.9, "weight_decay": 1e-4, "nesterov": True}, 0.0),
        ),
        (Optim(optimizer="rmsprop"), Optimizer("RMSprop", {"momentum": 0.9, "weight_decay": 1e-4})),
    ],
)
def test_optimisers(optim: Optim, expected: Optimizer) -> None:
    assert sections.optimizer(optim) == expected


def test_schedules() -> None:
    assert rates(Optim(lr=1.0), 0, STEPS) == [1, 1]
    multistep = Optim(lr=1.0, lr_scheduler="multistep", lr_steps=(6, 8), lr_decay=0.5)
    assert rates(multistep, 6 * PER_EPOCH - 1, 6 * PER_EPOCH, 8 * PER_EPOCH) == [1, 0.5, 0.25]
    step = Optim(lr=1.0, lr_scheduler="step", lr_step_size=3, lr_decay=0.5)
    assert rates(step, 3 * PER_EPOCH - 1, 3 * PER_EPOCH, 9 * PER_EPOCH) == [1, 0.5, 0.125]
    poly = Optim(lr=1.0, lr_scheduler="poly", lr_power=2.0, lr_min=0.2)
    assert rates(poly, 0, STEPS // 2, STEPS) == pytest.approx([1, 0.4, 0.2])
    cosine = Optim(lr=1.0, lr_scheduler="cosine", lr_min=0.1, lr_flat_epochs=2)
    assert rates(cosine, 0, 4 * PER_EPOCH, 8 * PER_EPOCH, STEPS) == pytest.approx([1, 0.55, 0.1, 0.1])


def test_warm_up_is_that_of_torchvisions_reference() -> None:
    warm = Optim(lr=0.02, warmup_steps=20, warmup_factor=0.001)
    expected = pytest.approx([0.02 * 0.001, 0.02 * (0.001 + 0.999 / 2), 0.02, 0.02])
    assert rates(warm, 0, 10, 20, STEPS) == expected
    longer = Optim(lr=0.02, warmup_steps=STEPS * 9, warmup_factor=0.001)
    assert rates(longer, 0, PER_EPOCH // 2, PER_EPOCH, STEPS) == expected, "it ends with the first epoch"


def test_warm_up_of_several_epochs_is_that_of_yolox() -> None:
    linear = Optim(lr=0.01, warmup_epochs=2, warmup_factor=0.2, lr_scheduler="cosine", lr_min=0.0005, lr_flat_epochs=3)
    quadratic = replace(linear, warmup_curve="quadratic")
    middle = (2 + (EPOCHS - 3)) * PER_EPOCH // 2
    steps = (0, PER_EPOCH, 2 * PER_EPOCH, middle, (EPOCHS - 3) * PER_EPOCH, STEPS)
    half = (0.01 + 0.0005) / 2
    assert rates(quadratic, *steps) == pytest.approx([0, 0.01 / 4, 0.01, half, 0.0005, 0.0005])
    assert rates(linear, *steps) == pytest.approx([0.002, 0.006, 0.01, half, 0.0005, 0.0005])
    poly = Optim(lr=1.0, warmup_epochs=2, lr_scheduler="poly", lr_power=1.0)
    assert rates(poly, 2 * PER_EPOCH, 6 * PER_EPOCH, STEPS) == pytest.approx([1, 0.5, 0])
    short = Optim(lr=1.0, warmup_epochs=EPOCHS * 3, warmup_curve="quadratic")
    assert rates(short, STEPS // 4, STEPS // 2) == pytest.approx([0.25, 1]), "half of a short training warms up"


def test_a_training_by_iterations_counts_them() -> None:
    def by_iterations(optim: Optim, *steps: int) -> list[float]:
        curve = sections.schedule(Train(num_epochs=3, num_iterations=STEPS, optim=optim))(STEPS, 1)
        return [curve(step) for step in steps]

    warm = Optim(lr=1.0, warmup_steps=STEPS // 2, warmup_factor=0.5)
    assert by_iterations(warm, 0, STEPS // 4, STEPS // 2, STEPS) == pytest.approx([0.5, 0.75, 1, 1])
    steps = Optim(lr=1.0, lr_scheduler="multistep", lr_steps=(100, 300), lr_decay=0.5)
    assert by_iterations(steps, 99, 100, 300) == [1, 0.5, 0.25]


def test_what_the_section_train_says() -> None:
    plain = sections.training(Train(seed=3, num_epochs=7))
    assert (plain["seed"], plain["epochs"], plain["clip_norm"], plain["average"]) == (3, 7, None, None)
    assert plain["iterations"] is None
    assert sections.training(Train(num_iterations=30))["iterations"] == 30
    other = sections.training(Train(clip_grad_norm=2.0, enable_ema=True, ema_decay=0.99))
    assert (other["clip_norm"], other["average"]) == (2.0, 0.99)


def test_sources() -> None:
    given = [
        Given(image_dir="/i", json_file="/a.json", weight=2.0),
        Given(path="/d", format="yolo"),
        Given(path="/e", image_dir="/f"),
    ]
    assert list(sections.sources("dataset.x", given)) == [
        Source(Path("/i"), Path("/a.json"), "coco", 2.0, "dataset.x[0]"),
        Source(None, Path("/d"), "yolo", 1.0, "dataset.x[1]"),
        Source(Path("/f"), Path("/e"), "auto", 1.0, "dataset.x[2]"),
    ]
