"""Specs are rendered anew as settings change, but never over what a user wrote into them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator import pipeline
from orchestrator.run import Run
from tltpipe.errors import SpecError

Start = Callable[..., Run]


def render(run: Run) -> str:
    pipeline.settle(run)
    pipeline.write_specs(run)
    return (run.workspace.specs / "train.conf").read_text()


def edit(workspace: Path, old: str, new: str) -> None:
    path = workspace / "specs" / "train.conf"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_settings_reach_the_spec(start: Start) -> None:
    assert "num_epochs: 7" in render(start(**{"ssd.num_epochs": 7}))
    assert "num_epochs: 8" in render(start(**{"ssd.num_epochs": 8})), "an untouched file is ours to write"


def test_an_edited_spec_is_used_as_it_lies(start: Start, workspace: Path) -> None:
    render(start())
    edit(workspace, "batch_size_per_gpu: 16", "batch_size_per_gpu: 5 # mine")
    run = start(**{"ssd.num_epochs": 7})
    text = render(run)
    assert "batch_size_per_gpu: 5 # mine" in text
    assert "num_epochs: 7" not in text
    assert "specs/train.conf was edited by hand" in "\n".join(run.report.told)  # type: ignore[attr-defined]
    assert run.specs["train.conf"].spec.message.training_config.batch_size_per_gpu == 5
    assert "num_epochs: 7" in render(start(render=True, **{"ssd.num_epochs": 7}))


def test_a_spec_that_was_there_before_us_is_its_users(start: Start, workspace: Path) -> None:
    text = render(start())
    (workspace / ".tltpipe/receipts/specs.json").unlink()
    edit(workspace, "num_epochs: 80", "num_epochs: 3")
    assert render(start()) == text.replace("num_epochs: 80", "num_epochs: 3")


def test_the_edits_stay_when_the_place_changes(start: Start, workspace: Path) -> None:
    render(start())
    edit(workspace, "num_epochs: 80", "num_epochs: 3")
    run = start(runner="dry")
    pipeline.settle(run)
    text = run.specs["train.conf"].text
    assert "num_epochs: 3" in text
    assert '"/workspace/TFRecords/train/train-*"' in text
    assert str(workspace) not in text


def test_a_typo_is_told_with_its_place_before_anything_runs(start: Start, workspace: Path) -> None:
    render(start())
    edit(workspace, "num_epochs: 80", "num_epoch: 80")
    with pytest.raises(SpecError) as caught:
        pipeline.execute(start(), ["prepare"])
    line = (workspace / "specs/train.conf").read_text().splitlines().index("  num_epoch: 80") + 1
    assert str(caught.value.where) == f"{workspace}/specs/train.conf:{line}:3"
    assert "num_epochs" in f"{caught.value} {caught.value.hint}"
    assert not (workspace / "COCO").exists()


def test_images_of_another_size_than_the_network_takes_are_told(start: Start) -> None:
    def told(**settings: int) -> list[str]:
        run = start(runner="dry", **{name.replace("__", "."): value for name, value in settings.items()})
        pipeline.settle(run)
        pipeline.write_specs(run)
        return [line for line in run.report.told if "images of" in line]  # type: ignore[attr-defined]

    assert told() == []
    assert told(augment__output_image_width=320, ssd__input_width=320) == []
    assert told(augment__output_image_width=0, augment__output_image_height=0) == [], "as they are: nothing to compare"
    (line,) = told(ssd__input_width=320)
    assert line.startswith("warning: train.conf takes images of 320x288, but augment.conf makes them 288x288")
