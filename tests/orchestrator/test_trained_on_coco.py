"""A network that is trained on COCO: its stages, what its spec is given, and that no other file has to know it."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from refusals import error_of
from typer.testing import CliRunner

import specs
from orchestrator import pipeline
from orchestrator.cli import app
from orchestrator.jobs import leftovers, receipts
from orchestrator.run import Run
from tltpipe.errors import ConfigError, DataError, RunFailed, UsageError

Start = Callable[..., Run]
KIND = '''
"""The specs of a network that only this test has."""

from dataclasses import dataclass
from typing import ClassVar

import yaml

from specs.spec import Spec, Training
from tltpipe.errors import SpecError

DATA = "coco"
SHORTHANDS = {"epochs": "num_epochs", "batch": "batch_size"}


@dataclass(frozen=True, kw_only=True)
class Toy:
    """Training of a toy."""

    __pydantic_config__: ClassVar = {"extra": "forbid", "use_attribute_docstrings": True}

    num_epochs: int = 3
    """Passes over the images."""
    batch_size: int = 2
    """Images a step."""


TUNABLES = Toy


@dataclass(frozen=True)
class Dataset:
    train: dict
    validation: dict | None
    classes: tuple


@dataclass(frozen=True)
class Experiment:
    dataset: Dataset
    num_epochs: int
    batch_size: int


def parse_text(text, *, source, strict):
    told = yaml.safe_load(text)
    data = told.pop("dataset")
    if told["num_epochs"] < 1:
        raise SpecError("num_epochs must be above 0", where=f"{source}:1:1")
    return Spec(Experiment(Dataset(data["train"], data.get("validation"), tuple(data["classes"])), **told), source)


def dump(spec):
    return repr(spec.message)


def image_size(spec):
    return None


def recognises(text):
    return "toy:" in text


def training(spec):
    return Training(spec.message.num_epochs, 1)
'''
TEMPLATE = """
num_epochs: {{ num_epochs }}
batch_size: {{ batch_size }}
dataset:
  train: {json: {{ json_file }}, images: {{ image_dir }}}
{% if val_json_file is not none %}
  validation: {json: {{ val_json_file }}, images: {{ val_image_dir }}}
{% endif %}
  classes:
{% for name in classes %}
    - {{ name }}
{% endfor %}
"""


@pytest.fixture(autouse=True)
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "more specs" / "toy"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(KIND)
    (folder / "train.yaml.j2").write_text(TEMPLATE)
    monkeypatch.setattr(specs, "__path__", [*specs.__path__, str(folder.parent)])
    yield folder
    sys.modules.pop("specs.toy", None)
    vars(specs).pop("toy", None)


@pytest.fixture
def programs(fake_programs: Callable[..., Path], write_program: Callable[[Path, str], Path]) -> Path:
    """Those that a COCO network has no use for fail."""
    folder = fake_programs(epochs=3)
    for name in ("tlt-augment", "tlt-dataset-convert"):
        write_program(folder / name, "sys.exit(1)")
    return folder


STAGES = ["prepare", "train", "evaluate"]


def states(run: Run) -> dict[str, str]:
    return {name: verdict.state for name, verdict in pipeline.survey(run).items()}


def test_its_stages_are_run_and_hold(start: Start, workspace: Path, programs: Path) -> None:
    assert list(states(start(network="toy"))) == STAGES
    done = pipeline.execute(start(network="toy", programs=programs))
    assert {result.stage: result.state for result in done} == dict.fromkeys(STAGES, "ran")
    assert done[-1].told["figures"] == {"mAP": 0.375}
    again = pipeline.execute(start(network="toy", programs=programs))
    assert {result.state for result in again} == {"skipped"}
    assert not list(workspace.glob("Original-Data/*/label")), "nobody reads KITTI labels"
    assert not (workspace / "KITTI-dataset-augmented").exists()
    assert receipts.load(workspace / ".tltpipe/receipts", "augment") is None


def test_its_spec_names_what_prepare_wrote_as_the_job_sees_it(start: Start, workspace: Path) -> None:
    run = start(network="toy", runner="dry", **{"toy.num_epochs": 5})
    pipeline.execute(run, ["prepare", "train"])
    (job,) = run.runner.jobs  # type: ignore[attr-defined]
    assert job.argv[:6] == ("tlt-train", "toy", "--gpus", "1", "-e", "/workspace/specs/train.yaml")
    told = yaml.safe_load(job.files["/workspace/specs/train.yaml"])
    assert (told["num_epochs"], told["dataset"]["classes"][0]) == (5, "short_sleeved_shirt")
    for part, split in (("train", "train"), ("validation", "validation")):
        assert told["dataset"][part]["json"] == f"/workspace/COCO/{split}.json"
        assert told["dataset"][part]["images"] == f"/workspace/Original-Data/{split}/image"
    assert str(workspace) not in str(job.files)


def test_the_coco_files_and_the_images_belong_together(start: Start, workspace: Path) -> None:
    run = start(network="toy")
    pipeline.execute(run, ["prepare"])
    message = run.specs["train.yaml"].spec.message
    page = json.loads(Path(message.dataset.train["json"]).read_text())
    assert [category["name"] for category in page["categories"]] == list(message.dataset.classes)
    assert len(page["images"]) == 5
    assert all((Path(message.dataset.train["images"]) / image["file_name"]).is_file() for image in page["images"])


def test_without_a_split_to_validate_on(start: Start, workspace: Path, programs: Path) -> None:
    shutil.rmtree(workspace / "Original-Data/validation")
    run = start(network="toy", programs=programs)
    pipeline.execute(run, ["prepare", "train"])
    assert run.specs["train.yaml"].spec.message.dataset.validation is None
    assert any("not validated" in line and "val_split" not in line for line in run.report.told)  # type: ignore[attr-defined]


def test_stages_of_other_networks_are_refused(start: Start) -> None:
    for stage in ("augment", "tfrecords"):
        with pytest.raises(UsageError, match=stage) as caught:
            pipeline.execute(start(network="toy"), [stage])
        assert "prepare, train, evaluate" in str(caught.value.hint)


def test_settings_of_stages_that_it_has_not_are_refused_or_named(start: Start, workspace: Path) -> None:
    with pytest.raises(ConfigError, match=r"tfrecords\.val_split"):
        pipeline.execute(start(network="toy", **{"tfrecords.val_split": 20}), ["prepare"])
    (workspace / "tltpipe.yaml").write_text("network: toy\naugment:\n  contrast: 0.1\n")
    run = start()
    pipeline.execute(run, ["prepare"])
    assert any("augment.contrast" in line and "tltpipe.yaml:3" in line for line in run.report.told)  # type: ignore[attr-defined]


def test_a_size_of_images_means_nothing_to_it(start: Start, workspace: Path) -> None:
    with pytest.raises(ConfigError, match="image_size would be ignored"):
        pipeline.execute(start(network="toy", image_size=96), ["prepare"])
    (workspace / "tltpipe.yaml").write_text("image_size: 96\n")
    run = start(network="toy")
    pipeline.execute(run, ["prepare"])
    assert any("image_size" in line and "tltpipe.yaml:1" in line for line in run.report.told)  # type: ignore[attr-defined]


def test_a_file_may_have_settings_of_several_networks(start: Start, workspace: Path) -> None:
    path = workspace / "tltpipe.yaml"
    path.write_text("network: toy\nssd:\n  num_epochs: 5\ntoy:\n  num_epochs: 7\n")
    assert start().config.tunables["toy"].num_epochs == 7
    assert start(network="ssd").config.tunables["ssd"].num_epochs == 5
    with pytest.raises(ConfigError, match="would be ignored: the network is toy"):
        start(**{"ssd.num_epochs": 3})
    path.write_text("network: toy\nssd:\n  num_epoch: 5\n")
    assert str(error_of(ConfigError, start, match="num_epochs").where).endswith("tltpipe.yaml:3:3")


def test_changed_annotations_and_images_are_trained_on_again(start: Start, workspace: Path, programs: Path) -> None:
    pipeline.execute(start(network="toy", programs=programs))
    path = next((workspace / "Original-Data/train/image").iterdir())
    path.write_bytes(path.read_bytes() + b" ")
    assert states(start(network="toy")) == {"prepare": "stale", "train": "stale", "evaluate": "stale"}
    with pytest.raises(DataError, match="prepare has to run again"):
        pipeline.execute(start(network="toy", programs=programs), ["train"])


def test_what_only_measures_or_only_trains_is_told_in_settings(start: Start, programs: Path) -> None:
    pipeline.execute(start(network="toy", programs=programs))
    verdict = pipeline.survey(start(network="toy", **{"toy.batch_size": 4}))["train"]
    assert (verdict.state, "toy.batch_size 2 -> 4" in verdict.why) == ("stale", True)


def test_a_bad_setting_is_placed_where_it_was_given(start: Start) -> None:
    with pytest.raises(ConfigError, match="num_epochs") as caught:
        pipeline.execute(start(network="toy", **{"toy.num_epochs": 0}), ["prepare"])
    assert str(caught.value.where) == "--toy.num_epochs"


def test_switching_networks_prepares_what_is_missing(start: Start, workspace: Path, programs: Path) -> None:
    pipeline.execute(start(network="toy", programs=programs), ["prepare"])
    assert states(start())["prepare"] == "stale", "SSD needs the KITTI labels"
    pipeline.execute(start(programs=programs), ["prepare"])
    assert len(list(workspace.glob("Original-Data/train/label/*.txt"))) == 5
    assert states(start(network="toy"))["prepare"] == "done"
    assert leftovers.find(start().workspace) == []


def test_the_commands_go_by_the_network(workspace: Path) -> None:
    def tltpipe(*words: str) -> Any:
        return CliRunner().invoke(app, [*words, "--workspace", str(workspace), "--set", "network=toy"])

    shown = tltpipe("run", "--dry-run", "--epochs", "7")
    assert shown.exit_code == 0, shown.output
    assert "num_epochs: 7" in shown.output
    assert "tlt-augment" not in shown.output
    told = json.loads(tltpipe("status", "--json").stdout)
    assert (list(told["stages"]), told["scores"]) == (STAGES, None)
    assert tltpipe("tfrecords").exit_code == 2
    assert "\ntoy:\n" in tltpipe("init", "--dry-run").output


def test_nvidias_programs_do_not_know_it(start: Start) -> None:
    with pytest.raises(UsageError, match="toy"):
        pipeline.execute(start(network="toy", toolkit="tlt2", runner="dry"), ["prepare"])


OWN_RESULTS = """
folder = Path(sys.argv[sys.argv.index("-r") + 1]) / "evaluation"
folder.mkdir(exist_ok=True)
scores = {"primary": "exact", "figures": {"exact": 0.5, "mean_error": 3.25}, "per_class": {}, "exact": 0.5}
(folder / "evaluation.json").write_text(__import__("json").dumps(scores))
sys.exit(2 if "--coco" in sys.argv else 0)
"""
COUNTED = """
flags = dict(zip(sys.argv[2::2], sys.argv[3::2]))
for path in sorted(Path(flags["-i"]).iterdir()):
    (Path(flags["-o"]) / path.name).write_bytes(path.read_bytes())
    (Path(flags["-l"]) / f"{path.stem}.count").write_text("2.5")
sys.exit(2 if "--coco" in sys.argv else 0)
"""


def test_a_network_whose_results_are_none_of_coco(
    start: Start, toy: Path, workspace: Path, programs: Path, write_program: Callable[[Path, str], Path]
) -> None:
    (toy / "__init__.py").write_text(f'{KIND}\nRESULTS = {{"labels": ".count"}}\n')
    write_program(programs / "tlt-evaluate", OWN_RESULTS)
    write_program(programs / "tlt-infer", COUNTED)
    evaluated = pipeline.execute(start(network="toy", programs=programs))[-1].told
    assert evaluated["figures"] == {"exact": 0.5, "mean_error": 3.25}
    images = workspace / "Original-Data/validation/image"
    (told,) = (
        each.told for each in pipeline.execute(start(network="toy", programs=programs, subject=images), ["infer"])
    )
    count = len(list(images.iterdir()))
    assert (told["images"], "objects" in told, "coco" in told) == (count, False, False)
    assert len(list((workspace / "inference/labels").glob("*.count"))) == count > 0
    write_program(programs / "tlt-infer", COUNTED.replace(".count", ".txt"))
    with pytest.raises(RunFailed, match="no result"):
        pipeline.execute(start(network="toy", programs=programs, subject=images), ["infer"])


def test_a_spec_of_it_is_written_and_checked(tmp_path: Path, workspace: Path) -> None:
    def tltpipe(*words: object) -> Any:
        return CliRunner().invoke(app, list(map(str, words)))

    made = tmp_path / "toy.yaml"
    assert tltpipe("convert", workspace / "Original-Data", tmp_path / "made", "--to", "coco").exit_code == 0
    told = tltpipe("spec", "new", "--network", "toy", "--from", tmp_path / "made", "-o", made, "--set", "num_epochs=9")
    assert told.exit_code == 0, told.output
    spec = specs.parse(made, "toy")
    assert spec.message.num_epochs == 9
    assert Path(spec.message.dataset.train["json"]).is_file()
    assert "vest" in spec.message.dataset.classes
    assert tltpipe("spec", "check", made, "--as", "toy").exit_code == 0
    for words in (("--size", "64x64"), ("--arch", "resnet18"), ("--dialect", "tlt2"), ("--network", "tiy")):
        refused = tltpipe("spec", "new", "--network", "toy", *words)
        assert refused.exit_code == 2, words
        assert words[0].removeprefix("--") in refused.output
