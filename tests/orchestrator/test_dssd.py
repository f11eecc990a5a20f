"""DSSD for a user: its spec is written, checked and migrated, and the pipeline trains it on folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from refusals import error_of
from typer.testing import CliRunner

import specs
from orchestrator import pipeline
from orchestrator.cli import app
from orchestrator.run import Run
from orchestrator.stages import train
from tltpipe.errors import UsageError

ORDER = ["prepare", "augment", "train", "evaluate"]


def run(*words: object) -> Any:
    return CliRunner().invoke(app, ["spec", *map(str, words)])


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "train.conf"
    assert run("new", "dssd", "-o", path, "--arch", "mobilenet_v2", "--set", "neg_pos_ratio=2").exit_code == 0
    return path


def test_a_spec_is_written_with_every_field_explained(spec: Path) -> None:
    read = specs.parse(spec, "dssd")
    assert (read.kind, read.dialect, read.warnings) == ("dssd", "tlt3", ())
    assert read.message.WhichOneof("network") == "dssd_config"
    assert (read.message.dssd_config.arch, read.message.dssd_config.neg_pos_ratio) == ("mobilenet_v2", 2)
    lines = spec.read_text().splitlines()
    (arch,) = (number for number, line in enumerate(lines) if line.startswith("  arch:"))
    assert "# backbone:" in lines[arch - 1]
    assert "valid (dssd, tlt3), no warnings" in run("check", spec).output


@pytest.mark.parametrize(
    ("words", "complaint"),
    [(("--dialect", "tlt2"), "dssd has tlt3, not tlt2"), (("--set", "zoom_min=1"), 'dssd has no setting "zoom_min"')],
)
def test_there_is_none_of_tlt2(words: tuple[str, ...], complaint: str, tmp_path: Path) -> None:
    told = run("new", "dssd", "-o", tmp_path / "train.conf", *words)
    assert told.exit_code == 2
    assert complaint in told.output


def test_it_migrates_to_the_later_generations_and_back(spec: Path, tmp_path: Path) -> None:
    later, back = tmp_path / "tao5.conf", tmp_path / "back.conf"
    assert run("migrate", spec, "--to", "tao5", "-o", later).exit_code == 0
    told = specs.parse(later, "dssd").message.dssd_config
    assert (told.arch, told.neg_pos_ratio) == ("mobilenet_v2", 0)
    assert run("check", later, "--toolkit", "tao5").exit_code == 0
    assert run("check", spec, "--toolkit", "tao5").exit_code == 2
    assert run("migrate", later, "--to", "tltpipe", "-o", back).exit_code == 0
    assert specs.parse(back, "dssd").message == specs.parse(spec, "dssd").message
    refused = run("migrate", spec, "--to", "tlt2", "-o", tmp_path / "tlt2.conf")
    assert refused.exit_code == 2
    assert f"{spec}:7:1: TLT 2.0 has no DSSD" in refused.output


def test_the_pipeline_trains_it_on_folders(start: Callable[..., Run], workspace: Path) -> None:
    run = start(network="dssd", **{"dssd.arch": "mobilenet_v2"})
    assert pipeline.every(run) == ORDER
    pipeline.settle(run)
    settled = train.settled(run)
    assert (settled.path.name, settled.spec.kind) == ("train.conf", "dssd")
    folders = workspace / "KITTI-dataset-augmented"
    (source,) = settled.spec.message.dataset_config.data_sources
    assert source.label_directory_path == str(folders / "train/labels")
    (source,) = settled.spec.message.dataset_config.validation_data_sources
    assert source.image_directory_path == str(folders / "validation/images")
    (request,) = train.requests(run)
    assert run.toolkit.argv(request, str)[:2] == ("tlt-train", "dssd")


def test_tlt2_trains_none(start: Callable[..., Run]) -> None:
    run = start(network="dssd", toolkit="tlt2", runner="dry")
    error_of(UsageError, pipeline.settle, run, match="tlt2 knows no dssd")
