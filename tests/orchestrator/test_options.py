"""No option is ignored: it does something, before the command or behind it, or it is refused."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import warm
import yaml

from orchestrator.cli import app
from orchestrator.commands import parsing

ROOT = Path(__file__).parents[2]


def tltpipe(*argv: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    variables = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(cwd)}
    command = [*warm.command("tltpipe"), *argv]
    return subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, timeout=120, check=False)


def written(folder: Path) -> dict[str, Any]:
    """The settings that stand in the file, empty sections left out."""
    found = yaml.safe_load((folder / "tltpipe.yaml").read_text())
    return {name: value for name, value in found.items() if value is not None}


@pytest.mark.parametrize("before", [True, False])
def test_options_before_the_command_and_behind_it(workspace: Path, before: bool) -> None:
    common = ("--json", "--set", "ssd.num_epochs=7", "--runner", "dry")
    result = tltpipe(*common, "train", cwd=workspace) if before else tltpipe("train", *common, cwd=workspace)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["stages"]["train"]["state"] == "shown"
    assert "num_epochs: 7" in result.stderr


def test_settings_of_both_places_count_and_the_later_wins(workspace: Path) -> None:
    words = ("--set", "ssd.num_epochs=7", "--set", "ssd.top_k=9", "train", "--set", "ssd.num_epochs=6", "--dry-run")
    shown = tltpipe(*words, cwd=workspace).stdout
    assert "num_epochs: 6" in shown
    assert "top_k: 9" in shown
    elsewhere = tltpipe("-w", str(workspace), "status", "--json", cwd=workspace.parent)
    assert json.loads(elsewhere.stdout)["workspace"] == str(workspace)


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("--render", "status"), "--render"),
        (("--set", "gpus=1", "stats", "Original-Data"), "--set"),
        (("--runner", "docker", "sample", "new"), "--runner"),
        (("tfrecords", "--inspect", "none", "--set", "gpus=1"), "--set"),
        (("train", "--image", "mine:1"), "image"),
        (("export", "--calibration", "Original-Data"), "calibration"),
        (("train", "--set", "gpu_request=none"), "gpu_request"),
    ],
)
def test_an_option_without_effect_is_refused(workspace: Path, words: tuple[str, ...], option: str) -> None:
    before = set(workspace.rglob("*"))
    result = tltpipe(*words, cwd=workspace)
    assert result.returncode == 2, result.stdout
    assert option in result.stderr
    assert set(workspace.rglob("*")) == before


@pytest.mark.parametrize(
    "stage", ["prepare", "augment", "tfrecords", "train", "evaluate", "infer", "export", "prune", "run"]
)
def test_nvidias_toolkit_needs_a_container_for_every_stage(workspace: Path, stage: str) -> None:
    pictures = ["Original-Data/train/image"] if stage == "infer" else []
    words = [stage, *pictures, "--toolkit", "tlt2", "--set", "key=k"]
    before = set(workspace.rglob("*"))
    result = tltpipe(*words, cwd=workspace)
    assert result.returncode == 2, result.stdout
    assert "--runner docker" in result.stderr
    assert set(workspace.rglob("*")) == before
    assert tltpipe(*words, "--dry-run", cwd=workspace).returncode == 0


@pytest.mark.parametrize("command", ["train", "run"])
def test_short_options_mean_settings(workspace: Path, command: str) -> None:
    words = (command, "--epochs", "5", "--batch", "8", "--img", "320x256", "--dry-run")
    shown = tltpipe(*words, cwd=workspace).stdout
    for line in ("num_epochs: 5", "batch_size_per_gpu: 8", "output_image_width: 320", "output_image_height: 256"):
        assert line in shown
    wrong = tltpipe("train", "--img", "tiny", "--dry-run", cwd=workspace)
    assert (wrong.returncode, "--img" in wrong.stderr) == (2, True)


def test_init_writes_what_it_is_given_and_what_the_data_are(workspace: Path) -> None:
    shown = tltpipe("init", "--img", "96", "--set", "ssd.num_epochs=3", "--dry-run", cwd=workspace)
    assert not (workspace / "tltpipe.yaml").exists()
    assert yaml.safe_load(shown.stdout)["ssd"] == {"num_epochs": 3}
    made = tltpipe("init", "--img", "96", "--set", "network.epochs=3", "--runner", "docker", "--json", cwd=workspace)
    assert made.returncode == 0, made.stderr
    data = {"root": "Original-Data", "format": "deepfashion2", "splits": ["train", "validation"]}
    assert written(workspace) == {"runner": "docker", "image_size": [96, 96], "data": data, "ssd": {"num_epochs": 3}}
    told = json.loads(made.stdout)
    assert "5 images" in told["notes"]["data.splits"][0]
    assert "96x72" in (workspace / "tltpipe.yaml").read_text()
    assert tltpipe("status", cwd=workspace).returncode == 0
    named = tltpipe("init", "--force", "--format", "deepfashion2", "--set", "data.splits=train", cwd=workspace)
    assert named.returncode == 0
    assert written(workspace)["data"]["splits"] == ["train"]


@pytest.mark.parametrize("words", [("--set", "ssd.num_epoch=3"), ("--format", "pascal"), ("--set", "image_size=1")])
def test_init_refuses_settings_that_there_are_not(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert tltpipe("init", *words, cwd=tmp_path).returncode == 2
    assert list(tmp_path.iterdir()) == []


def test_init_says_what_it_could_not_find_out(tmp_path: Path) -> None:
    (tmp_path / "Original-Data").mkdir()
    (tmp_path / "Original-Data/notes.txt").write_text("nothing yet")
    made = tltpipe("init", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert "Not detected" in made.stdout
    assert written(tmp_path) == {}


def test_a_dry_run_of_what_draws_writes_nothing(tmp_path: Path) -> None:
    for words in (("sample",), ("demo",), ("init",), ("clean",)):
        result = tltpipe(*words, "--dry-run", cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ["prep"],
        ["prepare", "--subset", "x"],
        ["prepare", "-w", "FILE"],
        ["prepare", "--crowd", "no"],
        ["prepare", "-w"],
        ["check", "--workers", "1.5"],
        ["sample", "--train", "0"],
        ["infer"],
        ["-w", "FILE", "prepare"],
    ],
)
def test_what_is_wrong_is_refused_as_typer_refuses_it(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "file").touch()
    words = [str(tmp_path / "file") if word == "FILE" else word for word in words]
    refusals = []
    for made in (parsing.program(app, words), typer.main.get_command(app)):
        with pytest.raises(Exception, match=r".") as refusal:
            made.main(words, prog_name="tltpipe", standalone_mode=False)
        refusals.append((type(refusal.value), refusal.value.format_message()))  # type: ignore[attr-defined]
    assert refusals[0] == refusals[1]
