"""How each toolkit spells each request, byte for byte."""

import importlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from refusals import error_of

from orchestrator import pipeline
from orchestrator.commands import tao
from orchestrator.jobs import (
    Augment,
    Convert,
    Evaluate,
    Export,
    Infer,
    Outcome,
    Prune,
    Request,
    Train,
    describe,
    shown,
    without_missing,
)  # fmt: skip
from orchestrator.jobs.mounts import MountTable
from orchestrator.run import Run
from tltpipe import __version__, registry
from tltpipe.errors import ConfigError, RunFailed, UsageError

Start = Callable[..., Run]
ROOT = Path("/host/work")
GOLDEN = Path(__file__).parents[1] / "golden" / "toolkits"
SPEC, MODEL = ROOT / "specs/train.conf", ROOT / "output/weights/ssd_resnet18_epoch_010.tlt"
REQUESTS: dict[str, Request] = {
    "augment": Augment(ROOT / "Original-Data/train", ROOT / "specs/augment.conf", ROOT / "KITTI/train"),
    "convert": Convert("ssd", ROOT / "specs/convert-train.conf", ROOT / "TFRecords/train/train"),
    "train": Train("ssd", SPEC, ROOT / "output", gpus=2),
    "train on nodes": Train("ssd", SPEC, ROOT / "output", gpus=8, nodes=2),
    "resume": Train("ssd", SPEC, ROOT / "output", resume=(MODEL, 11)),
    "retrain": Train("ssd", SPEC, ROOT / "output", weights=ROOT / "pruned.tlt", fresh=True),
    "evaluate": Evaluate("ssd", SPEC, MODEL, ROOT / "output"),
    "infer": Infer("ssd", SPEC, MODEL, Path("/elsewhere/a b.jpg"), ROOT / "drawn", ROOT / "labels", 0.25),
    "export": Export("ssd", SPEC, MODEL, ROOT / "exported/m.out", "deepstream", force=True),
    "export int8": Export("ssd", SPEC, MODEL, ROOT / "m.out", "onnx", "int8", Path("/elsewhere/pictures"), 5, 8),
    "prune": Prune("ssd", MODEL, ROOT / "pruned/ssd_resnet18_epoch_010.tlt", threshold=0.25, force=True),
    "prune sparing": Prune("ssd", MODEL, ROOT / "pruned/m.tlt", criterion="intersection", excluded=("conv1", "a.b")),
}


def spelled(toolkit: Any, request: Request) -> list[str]:
    try:
        return shown(toolkit.argv(request, MountTable(ROOT).at))
    except UsageError:
        return ["refused"]


@pytest.mark.parametrize("name", registry.names("orchestrator.toolkits"))
def test_command_lines(name: str, request: pytest.FixtureRequest) -> None:
    toolkit = registry.load("orchestrator.toolkits", name)
    lines = {title: spelled(toolkit, each) for title, each in REQUESTS.items()}
    golden = GOLDEN / f"{name}.json"
    if request.config.getoption("--update-golden"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(json.dumps(lines, indent=2) + "\n")
    assert lines == json.loads(golden.read_text())


@pytest.mark.parametrize("name", registry.names("orchestrator.toolkits"))
def test_jobs_of_every_stage(start: Start, workspace: Path, name: str, request: pytest.FixtureRequest) -> None:
    """What a container is given in every stage: image, command line, mounts, environment, the specs it reads."""
    picture = workspace.parent / "elsewhere" / "one.jpg"
    run = start(runner="dry", toolkit=name, key="hush", subject=picture, **{"data.splits": "[train, validation]"})
    pipeline.execute(run, [*pipeline.every(run), "infer", "export", "prune"])
    jobs = [describe(job) for job in run.runner.jobs]  # type: ignore[attr-defined]
    text = json.dumps(jobs, indent=2).replace(str(workspace.parent), "HOST").replace(__version__, "VERSION") + "\n"
    golden = GOLDEN / f"{name}.jobs.json"
    if request.config.getoption("--update-golden"):
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.parametrize("name", ["tlt3", "tao5"])
def test_our_programs_read_the_command_lines_of_later_generations(name: str) -> None:
    """In our image, which stands in for NVIDIA's."""
    lines = [line for line in json.loads((GOLDEN / f"{name}.json").read_text()).values() if line != ["refused"]]
    assert len(lines) >= 9
    for line in lines:
        program, *words = tao.translated(line)
        module = importlib.import_module(f"runtime.programs.{program.removeprefix('tlt-').replace('-', '_')}")
        parser = module.parser()
        (parser.parse_intermixed_args if program == "tlt-augment" else parser.parse_args)(words)


@pytest.mark.parametrize("name", registry.names("orchestrator.toolkits"))
def test_checkpoints_are_found_by_their_number(name: str, tmp_path: Path) -> None:
    toolkit = registry.load("orchestrator.toolkits", name)
    assert toolkit.resume_point(tmp_path) is None
    weights = tmp_path / "weights"
    weights.mkdir()
    for number in (9, 10, 100):
        (weights / f"ssd_resnet18_epoch_{number:03d}.tlt").touch()
    (weights / "notes.txt").touch()
    assert toolkit.resume_point(tmp_path) == (weights / "ssd_resnet18_epoch_100.tlt", 101)
    assert toolkit.checkpoint(tmp_path, 10) == weights / "ssd_resnet18_epoch_010.tlt"
    assert toolkit.checkpoint(tmp_path, 11) is None


def test_the_last_checkpoint_differs() -> None:
    """NVIDIA's programs save at multiples of the interval only; ours keep the last epoch as well."""
    load = registry.load
    assert load("orchestrator.toolkits", "tlt2").final_epoch(25, 10) == 20
    assert load("orchestrator.toolkits", "embedded").final_epoch(25, 10) == 25


def test_progress_of_keras_and_tqdm() -> None:
    tick = registry.load("orchestrator.toolkits", "tlt2").tick
    epoch = tick("Epoch 3/80")
    assert (epoch.done, epoch.total) == (2, 80)
    bar = tick(" 45%|####5     | 850/1871 [02:10<02:36,  6.52it/s]")
    assert (bar.done, bar.total) == (850, 1871)
    assert tick("Total params: 12,345") is None


def test_a_key_that_nobody_gave_is_left_out_with_its_flag() -> None:
    toolkit = registry.load("orchestrator.toolkits", "embedded")
    line = toolkit.argv(REQUESTS["evaluate"], MountTable(ROOT).at)
    assert shown(line)[-4:] == ["-k", "****", "-r", "/workspace/output"]
    assert without_missing(line, {"key": "hush"}) == line
    assert without_missing(line, {}) == line[:-4] + line[-2:]
    nvidias = registry.load("orchestrator.toolkits", "tlt2").argv(REQUESTS["evaluate"], MountTable(ROOT).at)
    assert without_missing(nvidias, {}) == nvidias  # NVIDIA's programs need one: leaving it out would not help


def test_only_our_own_program_can_be_told_how_to_train() -> None:
    request = Train("ssd", SPEC, ROOT / "output", options={"ema": "0.99", "compile": True})
    line = shown(registry.load("orchestrator.toolkits", "embedded").argv(request, MountTable(ROOT).at))
    assert line[-3:] == ["--ema", "0.99", "--compile"]
    with pytest.raises(UsageError, match="--ema, --compile"):
        registry.load("orchestrator.toolkits", "tlt2").argv(request, MountTable(ROOT).at)


def test_only_our_own_program_measures_on_boxes_of_a_file() -> None:
    request = Evaluate("hrnet", SPEC, MODEL, ROOT / "output", boxes=Path("/elsewhere/det.json"), boxes_threshold=0.25)
    line = shown(registry.load("orchestrator.toolkits", "embedded").argv(request, MountTable(ROOT).at))
    assert line[-4:] == ["--boxes", "/mnt/0/det.json", "--boxes_threshold", "0.25"]
    with pytest.raises(UsageError, match="boxes"):
        registry.load("orchestrator.toolkits", "tlt2").argv(request, MountTable(ROOT).at)


def test_our_own_checkpoints_with_and_without_a_key(tmp_path: Path) -> None:
    own, nvidias = (registry.load("orchestrator.toolkits", name) for name in ("embedded", "tlt2"))
    weights = tmp_path / "weights"
    weights.mkdir()
    for name in ("net_epoch_009.tlt", "net_epoch_010.safetensors", "net_epoch_010.json", "net_best.safetensors"):
        (weights / name).touch()
    assert own.resume_point(tmp_path) == (weights / "net_epoch_010.safetensors", 11)
    assert own.checkpoint(tmp_path, 9) == weights / "net_epoch_009.tlt"
    assert nvidias.resume_point(tmp_path) == (weights / "net_epoch_009.tlt", 10)
    (weights / "net_epoch_010.tlt").touch()
    os.utime(weights / "net_epoch_010.tlt", ns=(2**62, 2**62))
    assert own.checkpoint(tmp_path, 10) == weights / "net_epoch_010.tlt"  # the one that was written last


def test_nvidias_scores_are_read_out_of_its_block(tmp_path: Path) -> None:
    """The line between block and tables is empty; lines before the block may be, too."""
    reading = registry.load("orchestrator.toolkits", "tlt2").evaluation(tmp_path)
    assert reading.scores() is None
    lines = ("", "*" * 30, "vest    AP   0.5", "skirt   AP   -", "        mAP  0.5", "*" * 30, "", "done")
    assert [line for line in lines if not reading.read(line)] == ["", "done"]
    scores = reading.scores()
    assert (scores["primary"], scores["figures"]) == ("mAP", {"mAP": 0.5})
    assert scores["per_class"] == {"AP": {"vest": 0.5, "skirt": None}}


def test_cutouts_are_for_our_own_programs() -> None:
    request = Infer("unet", SPEC, MODEL, ROOT / "a", ROOT / "b", ROOT / "c", cutouts=ROOT / "inference/cutouts")
    words = shown(registry.load("orchestrator.toolkits", "embedded").argv(request, MountTable(ROOT).at))
    assert words[words.index("--cutouts") + 1].endswith("inference/cutouts")
    with pytest.raises(UsageError):
        registry.load("orchestrator.toolkits", "tlt2").argv(request, MountTable(ROOT).at)


def test_checkpoints_of_tao_5_are_keras_files_beside_those_of_earlier_generations(tmp_path: Path) -> None:
    toolkit = registry.load("orchestrator.toolkits", "tao5")
    weights = tmp_path / "weights"
    weights.mkdir()
    for name in ("ssd_resnet18_epoch_010.tlt", "ssd_resnet18_epoch_020.hdf5", "ssd_resnet18_epoch_030.json"):
        (weights / name).touch()
    assert toolkit.resume_point(tmp_path) == (weights / "ssd_resnet18_epoch_020.hdf5", 21)
    assert toolkit.checkpoint(tmp_path, 10) == weights / "ssd_resnet18_epoch_010.tlt"
    assert toolkit.final_epoch(25, 10) == 20
    assert toolkit.pruned_suffix(weights / "ssd_resnet18_epoch_010.tlt", key=True) == ".hdf5"
    assert toolkit.pruned_suffix(weights / "ssd_resnet18_epoch_010.safetensors", key=False) == ".safetensors", "ours"
    sealed = weights / "ssd_resnet18_epoch_040.tlt"
    sealed.write_bytes(b"TLTPIPE\x01...")
    assert toolkit.pruned_suffix(sealed, key=True) == ".tlt", "ours, under a key"


def test_augmentation_of_tao_5_is_in_another_image() -> None:
    toolkit = registry.load("orchestrator.toolkits", "tao5")
    images = {title: toolkit.image(each).rpartition(":")[2] for title, each in REQUESTS.items()}
    assert images == dict.fromkeys(REQUESTS, "5.0.0-tf1.15.5") | {"augment": "5.0.0-data-services"}


@pytest.mark.parametrize("name", ["tlt3", "tao5"])
def test_paths_that_a_shell_would_tear_apart_are_refused(start: Start, workspace: Path, name: str) -> None:
    """As the container has them: blanks of the host's folders above the mount do not matter."""
    picture = workspace.parent / "else where" / "one.jpg"
    pipeline.execute(start(runner="dry", toolkit=name, key="hush", subject=picture), ["infer"])
    run = start(runner="dry", toolkit=name, key="hush", subject=picture.with_name("o ne.jpg"))
    error_of(UsageError, lambda: pipeline.execute(run, ["infer"]), match="/mnt/0/o ne.jpg")
    secret = start(runner="dry", toolkit=name, key="hu$h", subject=picture)
    told = error_of(UsageError, lambda: pipeline.execute(secret, ["infer"]), match="key")
    assert "hu$h" not in f"{told}{told.hint}"
    pipeline.execute(start(runner="dry", toolkit="tlt2", key="hush", subject=picture.with_name("o ne.jpg")), ["infer"])


@pytest.mark.parametrize(
    ("setting", "value"), [("tfrecords.val_split", 20), ("augment.output_image_channel", 1), ("ssd.zoom_min", 0.5)]
)
def test_settings_that_tao_5_has_no_place_for_are_refused(start: Start, setting: str, value: object) -> None:
    run = start(runner="dry", toolkit="tao5", key="hush", **{setting: value})
    error = error_of(ConfigError, lambda: pipeline.execute(run), match=setting)
    assert str(error.where) == f"--{setting}"


@pytest.mark.parametrize(("name", "good"), [("tlt2", True), ("tlt3", False), ("tao5", False)])
def test_the_last_word_of_a_program_counts_where_its_exit_status_does_not(
    start: Start, workspace: Path, name: str, good: bool
) -> None:
    run = start(runner="dry", toolkit=name, key="hush", subject=workspace / "a.jpg")
    outcome = Outcome(0, workspace / "log", 1.0, ("Execution status: FAIL",))
    run.runner.run = lambda *_: outcome  # type: ignore[method-assign]
    if good:
        pipeline.execute(run, ["infer"])
    else:
        error_of(RunFailed, lambda: pipeline.execute(run, ["infer"]), match="FAIL")


def test_gpus_outside_training() -> None:
    wanted = {name: registry.load("orchestrator.toolkits", name).gpus for name in ("tlt2", "tlt3", "tao5", "embedded")}
    asked = {
        name: [gpus(REQUESTS[title], 4) for title in ("train", "evaluate", "export")] for name, gpus in wanted.items()
    }
    assert asked == {"tlt2": [4, 4, 4], "tlt3": [4, 1, 1], "tao5": [4, 1, 1], "embedded": [4, 4, 0]}


def test_classes_are_in_lower_case_for_nvidias_later_loaders(start: Start, workspace: Path) -> None:
    """They compare them so, and print and order them as written."""
    run = start(runner="dry", toolkit="tao5", key="hush", **{"data.rename": ["vest=Vest"]})
    pipeline.execute(run)
    for job in run.runner.jobs:  # type: ignore[attr-defined]
        for path, text in job.files.items():
            assert ("vest" in text) == (Path(path).name in ("convert-train.conf", "train.conf"))
            assert "Vest" not in text


def test_steps_within_an_epoch_are_progress_and_the_last_is_a_line() -> None:
    tick = registry.load("orchestrator.toolkits", "tlt3").tick
    step = tick("12/85 [===>..........................] - ETA: 18s - loss: 1.7293")
    assert (step.done, step.total) == (12, 85)
    assert tick("85/85 [==============================] - 18s 210ms/step - loss: 1.7293") is None
    assert tick("Epoch 3/80").done == 2


def test_an_augmentation_spec_of_elsewhere_is_used_on_the_data_of_the_workspace(start: Start, workspace: Path) -> None:
    """Its folders, and where it writes to, are those of each split: the command line goes over the spec."""
    spec = workspace / "specs/augment.yaml"
    spec.parent.mkdir()
    spec.write_text("results_dir: /elsewhere\ndata: {dataset_type: kitti, image_dir: /i, ann_path: /l}\n")
    run = start(runner="dry", toolkit="tao5")
    pipeline.execute(run, ["augment"])
    for job, split in zip(run.runner.jobs, ("train", "validation"), strict=True):  # type: ignore[attr-defined]
        made = f"/workspace/KITTI-dataset-augmented/{split}"
        assert job.argv[-2:] == (f"data.output_dataset={made}", f"results_dir={made}")
        assert f"data.image_dir=/workspace/Original-Data/{split}/image" in job.argv
    said = [line for line in run.report.told if "not used" in line]  # type: ignore[attr-defined]
    assert [line.partition(f"{spec}:")[2].partition(" is ")[0] for line in said] == [
        "2:29: data.image_dir /i",
        "2:44: data.ann_path /l",
    ]


def test_more_gpus_multiply_the_rate_of_nvidias_programs(start: Callable[..., Run]) -> None:
    for toolkit, warned in (("tao5", True), ("embedded", False)):
        run = start(runner="dry", toolkit=toolkit, gpus=2)
        pipeline.execute(run, ["train"])
        lines = run.report.told  # type: ignore[attr-defined]
        assert any("multiply the learning rate by the number of GPUs, 2" in line for line in lines) == warned
