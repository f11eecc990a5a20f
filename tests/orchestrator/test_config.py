"""tltpipe.yaml, then the environment, then flags; every mistake is told with its place."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError
from refusals import error_of

from orchestrator import pipeline, session
from orchestrator.screen.report import Quiet
from orchestrator.settings import Data, config, example
from orchestrator.settings.config import Given
from specs import tuning
from tltpipe.errors import ConfigError, UsageError

ENGINES = ("slurm", "ray", "kubernetes")
"""Sections whose settings count only where their engine is chosen, and that have defaults throughout."""


def load(root: Path, text: str = "", **environment: str) -> config.Config:
    (root / "tltpipe.yaml").write_text(text)
    return config.load(root, environment=environment)


def test_defaults_need_no_file(tmp_path: Path) -> None:
    found = config.load(tmp_path, environment={})
    assert (found.network, found.toolkit, found.runner, found.gpus) == ("ssd", "embedded", "local", 1)
    assert list(found.data.splits) == ["train", "validation"]
    assert found.tunables["ssd"].num_epochs == 80
    assert found.sources == {}


def test_who_wins(tmp_path: Path) -> None:
    (tmp_path / "tltpipe.yaml").write_text("gpus: 2\nrunner: docker\nssd:\n  num_epochs: 5\n  arch: vgg\n")
    environment = {"TLTPIPE_RUNNER": "dry", "TLTPIPE_SSD__NUM_EPOCHS": "6", "TLTPIPE_WORKSPACE": "/other", "HOME": "/"}
    flags = dict([config.flag("ssd.num_epochs=7")])
    found = config.load(tmp_path, environment=environment, flags=flags)
    assert (found.gpus, found.runner) == (2, "dry")
    assert (found.tunables["ssd"].num_epochs, found.tunables["ssd"].arch) == (7, "vgg")
    assert found.sources == {
        "gpus": f"{tmp_path}/tltpipe.yaml:1:1",
        "runner": "TLTPIPE_RUNNER",
        "ssd.num_epochs": "--set ssd.num_epochs",
        "ssd.arch": f"{tmp_path}/tltpipe.yaml:5:3",
    }


def test_values_as_text(tmp_path: Path) -> None:
    flags = dict(map(config.flag, ["data.splits=train,test", "ssd.scales=[.1,.2,.3,.4,.5,.6,1/2]", "gpus=0"]))
    found = config.load(tmp_path, flags=flags, environment={})
    assert list(found.data.splits) == ["train", "test"]
    assert found.tunables["ssd"].scales[-1] == 0.5
    assert found.gpus == 0


@pytest.mark.parametrize(
    ("text", "line", "what", "hint"),
    [
        ("ssd:\n  num_epoch: 5\n", "2:3", "num_epoch", 'did you mean "num_epochs"?'),
        ("runer: dry\n", "1:1", '"runer"', 'did you mean "runner"?'),
        ("ssdd:\n  num_epochs: 5\n", "2:3", '"ssdd"', 'did you mean "ssd"?'),
        ("ssd:\n  num_epochs: many\n", "2:3", "num_epochs must be a whole number", None),
        ("ssd:\n  num_epochs: 1\n  num_epochs: 2\n", "3:3", "twice", None),
        ("gpus: -1\n", "1:1", "gpus must be 0 or more", None),
        ("ssd: [1\n", "2:1", "is not YAML", None),
        ("- a\n", "", "must hold keys and values", None),
        ("network: yolo\n", "1:1", '"yolo"', "ssd"),
        ("gpus: 1\ntoolkit: tlt4\n", "2:1", '"tlt4"', "toolkits: embedded, tao5, tlt2, tlt3"),
        ("runner: k8s\n", "1:1", '"k8s"', "runners: docker, dry, local"),
        ("data:\n  format: pascal\n", "2:3", '"pascal"', "coco"),
        ("gpu_request: all\n", "1:1", "auto, runtime, device or none", None),
        ("train:\n  precision: 8\n", "2:3", "32, bf16 or fp16", None),
        ("data:\n  classes: {tee: 1}\n", "2:3", "classes", None),
        ("ssd: 5\n", "1:1", '"ssd" is a section', None),
        ("slurm: 5\n", "1:1", '"slurm" is a section', None),
        ("slurm:\n  parts: 0\n", "2:3", "parts must be 1 or more", None),
        ("runner: slurm\nslurm:\n  partitions: gpu\n", "3:3", "partitions", 'did you mean "partition"?'),
        ("data:\n- coco\n", "1:1", '"data" is a section', None),
        ("ssd:\n  input_width: 20\n", "2:3", "input_width must be above 32", None),
    ],
)
def test_mistakes_in_the_file(tmp_path: Path, text: str, line: str, what: str, hint: str | None) -> None:
    error = error_of(ConfigError, load, tmp_path, text)
    assert str(error.where) == f"{tmp_path}/tltpipe.yaml" + (f":{line}" if line else "")
    assert what in error.what
    assert hint is None or hint in f"{error.what} {error.hint}"
    assert error.exit_code == 2


@pytest.mark.parametrize(
    ("text", "names"),
    [("tee", ["tee"]), ("[tee]", ["tee"]), ("tee, top", ["tee", "top"]), ("[tee, top]", ["tee", "top"])],
)
def test_one_name_is_a_list_of_one(tmp_path: Path, text: str, names: list[str]) -> None:
    assert list(load(tmp_path, f"data:\n  classes: {text}\n").data.classes) == names
    assert (
        list(config.load(tmp_path, environment={}, flags=dict([config.flag(f"data.classes={text}")])).data.classes)
        == names
    )
    assert list(load(tmp_path, f"data:\n  splits: {text}\n").data.splits) == names


def test_text_with_commas_is_text_where_no_list_is_wanted(tmp_path: Path) -> None:
    flags = dict(map(config.flag, ["key=a,b", "data.root=one,two", "data.test=null", "data.max_occlusion=null"]))
    found = config.load(tmp_path, flags=flags, environment={})
    assert (found.secrets, found.data.root) == ({"key": "a,b"}, "one,two")
    assert (found.data.test, found.data.max_occlusion) == (None, None)


def test_options_of_commands_are_settings_of_the_network(tmp_path: Path) -> None:
    (tmp_path / "tltpipe.yaml").write_text("ssd:\n  num_epochs: 20\n")
    flags = {"network.epochs": Given(5, "--epochs"), "network.batch": Given(8, "--batch")}
    found = config.load(tmp_path, environment={}, flags=flags)
    assert (found.tunables["ssd"].num_epochs, found.tunables["ssd"].batch_size_per_gpu) == (5, 8)
    assert found.sources["ssd.num_epochs"] == "--epochs"
    with pytest.raises(ConfigError, match="given twice"):
        config.load(tmp_path, environment={}, flags={**flags, **dict([config.flag("ssd.num_epochs=7")])})


def test_mistakes_elsewhere(tmp_path: Path) -> None:
    assert error_of(ConfigError, load, tmp_path, TLTPIPE_SSD__NUM_EPOCHS="x").where == "TLTPIPE_SSD__NUM_EPOCHS"
    error = error_of(ConfigError, load, tmp_path, TLTPIPE_SSD_NUM_EPOCHS="5")
    assert (error.where, "TLTPIPE_SSD__NUM_EPOCHS" in str(error.hint)) == ("TLTPIPE_SSD_NUM_EPOCHS", True)
    with pytest.raises(ConfigError):
        config.flag("ssd.num_epochs")
    with pytest.raises(UsageError, match='"sdd"'):
        config.load(tmp_path, flags={"network": Given("sdd", "--set network")}, environment={})


def test_the_key_is_not_in_a_repr(tmp_path: Path) -> None:
    found = load(tmp_path, TLTPIPE_KEY="hush")
    assert found.secrets == {"key": "hush"}
    assert "hush" not in repr(found)


def test_the_example_is_empty_and_cannot_rot(tmp_path: Path) -> None:
    text, engines = example.text(), {name: kind for name, kind in config.own_sections().items() if name in ENGINES}
    bare = load(tmp_path)
    assert load(tmp_path, text) == bare, "all of it is commented out"
    filled = "\n".join(line.replace("#", "", 1) if is_setting(line) else line for line in text.splitlines())
    full = load(tmp_path, filled)
    assert (full.settings, full.tunables) == (bare.settings, bare.tunables)
    assert {name: full.sections[name] for name in bare.sections} == bare.sections
    assert {name: full.sections[name] for name in engines} == {name: kind() for name, kind in engines.items()}
    assert list(full.data.splits) == list(bare.data.splits)
    written = yaml.safe_load(filled)
    assert set(written) == {
        *vars(bare.settings),
        "data",
        "train",
        "evaluate",
        "prune",
        "finetune",
        "infer",
        "export",
        *ENGINES,
        *bare.tunables,
    }
    for line, before in zip(text.splitlines()[4:], text.splitlines()[3:], strict=False):
        if is_setting(line):
            assert before.strip().startswith("# "), f"{line} has no explanation"


def is_setting(line: str) -> bool:
    """A setting that is commented out has no blank after its ``#``."""
    return line.strip().startswith("#") and line.strip()[1] != " "


def test_init_names_pretrained_weights_in_the_section_of_training() -> None:
    from orchestrator.settings import example

    lines = example.text().splitlines()
    section = lines[lines.index("train:") : lines.index("prune:")]
    assert any("resnet18-f37072fd.pth" in line and line.startswith("  #") for line in section)


def test_settings_of_a_runner_are_for_that_runner(tmp_path: Path) -> None:
    flags = dict([config.flag("slurm.cpus=8")])
    with pytest.raises(ConfigError, match=r"slurm\.cpus would be ignored"):
        pipeline.execute(session.start(tmp_path, Quiet(), flags=flags), ["prepare"])
    chosen = dict(map(config.flag, ["runner=slurm", "slurm.cpus=8", "slurm.options=--a,--b"]))
    settings = config.load(tmp_path, flags=chosen, environment={}).sections["slurm"]
    assert (settings.cpus, list(settings.options)) == (8, ["--a", "--b"])


@pytest.mark.parametrize(
    ("key", "value"),
    [("subset", 3), ("subset", 0), ("max_occlusion", 3), ("max_occlusion", True), ("min_size", 2), ("splits", []),
     ("splits", ["a"]), ("crowd", "drop"), ("crowd", "x"), ("skip_bad", 1), ("root", ""), ("test", None)],
)  # fmt: skip
def test_a_setting_is_what_pydantic_makes_of_it(key: str, value: object) -> None:
    exact: Any
    try:
        exact = tuning.adapter(Data).validate_python({key: value})
    except ValidationError:
        exact = ConfigError
    try:
        made = tuning.build("data", Data, {key: value}, None)
    except ConfigError as refusal:
        made = type(refusal)
    assert repr(made) == repr(exact)
