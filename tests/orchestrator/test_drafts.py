"""Specs are rendered anew as settings change, but never over what a user wrote into them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from refusals import error_of

from orchestrator import pipeline
from orchestrator.run import Run
from tltpipe.errors import ConfigError, SpecError

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
    run = start()
    text = render(run)
    assert "batch_size_per_gpu: 5 # mine" in text
    assert "specs/train.conf was edited by hand" in "\n".join(run.report.told)  # type: ignore[attr-defined]
    assert run.specs["train.conf"].spec.message.training_config.batch_size_per_gpu == 5
    anew = render(start(render=True, **{"ssd.num_epochs": 7}))
    assert ("num_epochs: 7" in anew, "mine" in anew) == (True, False)


@pytest.mark.parametrize(
    ("setting", "value", "field"),
    [
        ("ssd.num_epochs", 7, "num_epochs"),
        ("ssd.num_epochs", 80, "num_epochs"),  # the default is as much a wish as any
        ("ssd.learning_rate_schedule", "soft_start_cosine_annealing", "learning_rate"),
        ("image_size", 320, "output_image_width"),
    ],
)
def test_a_setting_that_an_edited_spec_overrules_is_refused(
    start: Start, workspace: Path, setting: str, value: object, field: str
) -> None:
    render(start())
    edit(workspace, "num_epochs: 80", "num_epochs: 3")
    error = error_of(ConfigError, lambda: render(start(**{setting: value})))
    lines = (workspace / "specs/train.conf").read_text().splitlines()
    number = next(number for number, line in enumerate(lines, 1) if line.split()[0].removesuffix(":") == field)
    assert error.where == f"--{setting}"
    assert f"{workspace}/specs/train.conf:{number}:" in error.what
    assert "num_epochs: 3" in (workspace / "specs/train.conf").read_text()
    assert "num_epochs: 3" in render(start(threshold=0.5)), "this is of no spec"
    assert "num_epochs: 3" in render(start(**{"ssd.num_epochs": 3})), "and here both say the same"


def test_an_edit_newer_than_the_settings_counts_and_is_said(start: Start, workspace: Path) -> None:
    (workspace / "tltpipe.yaml").write_text("ssd:\n  num_epochs: 9\n")
    render(start())
    edit(workspace, "num_epochs: 9", "num_epochs: 3")
    run = start()
    assert "num_epochs: 3" in render(run)
    (said,) = [line for line in run.report.told if "tltpipe.yaml:2:3" in line]  # type: ignore[attr-defined]
    assert "num_epochs: 3" in said
    (workspace / "tltpipe.yaml").write_text("ssd:\n  num_epochs: 12\n")
    assert str(error_of(ConfigError, lambda: render(start())).where) == f"{workspace}/tltpipe.yaml:2:3"


def test_a_setting_that_this_kind_of_spec_does_not_have_is_refused(start: Start) -> None:
    for name, value in (("optimizer", "adam"), ("early_stopping", "loss"), ("random_flip", 0.2)):
        with pytest.raises(ConfigError, match=name) as caught:
            pipeline.settle(start(**{f"ssd.{name}": value}))
        assert caught.value.where == f"--ssd.{name}"


def test_a_setting_without_effect_beside_others_is_said(start: Start) -> None:
    run = start(runner="dry", **{"ssd.arch": "mobilenet_v2", "ssd.nlayers": 34})
    pipeline.settle(run)
    pipeline.write_specs(run)
    assert [line for line in run.report.told if "ssd.nlayers" in line]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("ssd:\n  soft_start: 0.9\n", "2:3"),  # the annealing it goes past is the default
        ("ssd:\n  arch: resnet\n  nlayers: 19\n", "3:3"),
        ("augment:\n  blur_size: 40001\n", "2:3"),
        ("tfrecords:\n  num_shards: 1000000\n", "2:3"),
    ],
)
def test_a_value_that_only_the_spec_refuses_is_told_where_it_was_given(
    start: Start, workspace: Path, text: str, place: str
) -> None:
    (workspace / "tltpipe.yaml").write_text(text)
    error = error_of(ConfigError, lambda: pipeline.execute(start(), ["prepare"]))
    assert str(error.where) == f"{workspace}/tltpipe.yaml:{place}"
    assert "specs/" not in str(error)
    assert not (workspace / "specs").exists()


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
    error = error_of(SpecError, lambda: pipeline.execute(start(), ["prepare"]))
    line = (workspace / "specs/train.conf").read_text().splitlines().index("  num_epoch: 80") + 1
    assert str(error.where) == f"{workspace}/specs/train.conf:{line}:3"
    assert "num_epochs" in f"{error} {error.hint}"
    assert not (workspace / "COCO").exists()


def test_images_of_another_size_than_the_network_takes_are_told(start: Start, workspace: Path) -> None:
    def told(**settings: int) -> list[str]:
        run = start(runner="dry", **{name.replace("__", "."): value for name, value in settings.items()})
        pipeline.settle(run)
        pipeline.write_specs(run)
        return [line for line in run.report.told if "images of" in line]  # type: ignore[attr-defined]

    assert told() == []
    assert told(augment__output_image_width=0, augment__output_image_height=0) == [], "as they are: nothing to compare"
    render(start())
    edit(workspace, "output_image_width: 288", "output_image_width: 320")
    (line,) = told()
    assert line.startswith("warning: train.conf takes images of 320x288, but augment.conf makes them 288x288")
