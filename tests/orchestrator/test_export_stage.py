"""tltpipe export and tltpipe infer: where models and results go, and what is asked of the programs."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from refusals import error_of

from orchestrator import pipeline
from orchestrator.commands import subjects
from orchestrator.run import Run
from orchestrator.stages import export
from tltpipe.errors import ConfigError, DataError, ExportError, RunFailed, UsageError

Start = Callable[..., Run]
Programs = Callable[..., Path]
EPOCHS = {"ssd.num_epochs": 3}

EXPORTER = """
import json
print("argv", *sys.argv[1:])
flags = dict(zip(sys.argv[2::2], sys.argv[3::2]))
target = Path(flags["-o"])
target.write_text("model")
Path(f"{target}.json").write_text(json.dumps({"verified": {"boxes": 7}, "other": 1}))
"""


@pytest.fixture
def exported(
    start: Start, fake_programs: Programs, workspace: Path, write_program: Callable[[Path, str], Path]
) -> Start:
    """A workspace that has trained, whose tlt-export leaves what ours leaves."""
    programs = fake_programs()
    write_program(programs / "tlt-export", EXPORTER)
    pipeline.execute(start(programs=programs, **EPOCHS))
    return lambda **settings: start(programs=programs, **EPOCHS, **settings)


def test_the_newest_checkpoint_is_exported(exported: Start, workspace: Path) -> None:
    (result,) = pipeline.execute(exported(), ["export"])
    assert result.told == {
        "model": "output/weights/ssd_resnet10_epoch_003.tlt",
        "epoch": 3,
        "exported": "exported/ssd_resnet10_epoch_003/onnx/ssd_resnet10_epoch_003.onnx",
        "verified": {"boxes": 7},
    }
    assert (workspace / result.told["exported"]).read_text() == "model"
    error = error_of(ExportError, lambda: pipeline.execute(exported(), ["export"]), match="exported before")
    assert error.exit_code == 5
    pipeline.execute(exported(force=True), ["export"])
    assert not list((workspace / "exported").glob("*-*"))


@pytest.mark.parametrize("force", [False, True])
def test_models_of_another_checkpoint_of_that_name_are_moved_aside(
    exported: Start, workspace: Path, force: bool
) -> None:
    """As after a training with other classes: its files must not lie among those of the one before."""
    pipeline.execute(exported(), ["export"])
    folder = workspace / "exported/ssd_resnet10_epoch_003"
    (folder / "onnx/labels.txt").write_text("old classes")
    (workspace / "output/weights/ssd_resnet10_epoch_003.tlt").write_text("trained again")
    run = exported(force=force, **{"export.format": "pt2"})
    pipeline.execute(run, ["export"])
    assert "another checkpoint of this name" in "\n".join(run.report.told)  # type: ignore[attr-defined]
    assert sorted(path.name for path in folder.iterdir()) == ["pt2", "source.json"]
    (aside,) = (workspace / "exported").glob("*_003-*")
    assert (aside / "onnx/labels.txt").read_text() == "old classes"
    assert json.loads((folder / "source.json").read_text())["epoch"] == 3


def test_an_export_that_fails_puts_back_what_it_moved(
    exported: Start, workspace: Path, write_program: Callable[[Path, str], Path], tmp_path: Path
) -> None:
    pipeline.execute(exported(), ["export"])
    (workspace / "output/weights/ssd_resnet10_epoch_003.tlt").write_text("trained again")
    write_program(tmp_path / "fakes/tlt-export", "print('all is well')")
    with pytest.raises(RunFailed):
        pipeline.execute(exported(), ["export"])
    assert (workspace / "exported/ssd_resnet10_epoch_003/onnx/ssd_resnet10_epoch_003.onnx").is_file()
    assert len(list((workspace / "exported").iterdir())) == 1


def test_int8_measures_on_what_was_trained_on(exported: Start, start: Start, workspace: Path) -> None:
    run = start(runner="dry", **EPOCHS, **{"export.data_type": "int8", "export.static_batch_size": 1})
    pipeline.execute(run, ["export"])
    argv = run.runner.jobs[0].argv  # type: ignore[attr-defined]
    place = argv.index("--cal_image_dir")
    assert argv[place + 1] == "/workspace/KITTI-dataset-augmented/train/images"
    assert (
        argv[argv.index("-o") + 1] == "/workspace/exported/ssd_resnet10_epoch_003/onnx/ssd_resnet10_epoch_003_int8.onnx"
    )
    assert argv[argv.index("--static_batch_size") + 1] == "1"
    assert not (workspace / "exported").exists()


def test_a_format_that_nobody_knows(exported: Start) -> None:
    with pytest.raises(UsageError, match='does not export to "onxn"') as caught:
        pipeline.execute(exported(**{"export.format": "onxn"}), ["export"])
    assert "deepstream" in str(caught.value.hint)


def test_nothing_to_export(start: Start, fake_programs: Programs) -> None:
    error = error_of(DataError, lambda: pipeline.execute(start(programs=fake_programs()), ["export"]))
    assert error.hint == "run `tltpipe train` first"


def test_an_exporter_that_writes_nothing(
    exported: Start, write_program: Callable[[Path, str], Path], tmp_path: Path
) -> None:
    write_program(tmp_path / "fakes/tlt-export", "print('all is well')")
    run = exported()
    with pytest.raises(Exception, match=r"there is no exported/.*\.onnx"):
        pipeline.execute(run, ["export"])
    assert not run.workspace.exported.exists()


def test_several_pictures_and_a_model_of_its_own(start: Start, workspace: Path) -> None:
    raw = workspace / "Original-Data"
    more = (raw / "train/image", workspace.parent / "else/where.jpg")
    settings = {"infer.model": "exported/onnx/m.onnx", "infer.device": "cuda:1", "infer.batch_size": 4}
    run = start(runner="dry", subject=raw / "validation/image", **settings)
    run.subjects = more
    pipeline.execute(run, ["infer"])
    argv = run.runner.jobs[0].argv  # type: ignore[attr-defined]
    place = argv.index("-i")
    assert argv[place + 1 : place + 5] == (
        "/workspace/Original-Data/validation/image", "/workspace/Original-Data/train/image", "/mnt/0/where.jpg", "-o"
    )  # fmt: skip
    assert "-e" not in argv
    assert argv[argv.index("-m") + 1] == "/workspace/exported/onnx/m.onnx"
    assert argv[-8:] == (
        "--sheet", "/workspace/inference/sheet.jpg", "--coco", "/workspace/inference/coco.json",
        "--device", "cuda:1", "--batch_size", "4",
    )  # fmt: skip
    run = start(runner="dry", toolkit="tlt2", key="k", subject=raw / "validation/image", **settings)
    with pytest.raises(UsageError, match="takes one image or one folder"):
        pipeline.execute(run, ["infer"])


def test_patterns_and_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("b.jpg", "a.jpg", "c.png"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    assert subjects.of(["*.jpg", "c.png", "a.jpg"]) == [Path("a.jpg"), Path("b.jpg"), Path("c.png")]
    (tmp_path / "notes.txt").touch()
    assert subjects.of(["*"]) == [Path("a.jpg"), Path("b.jpg"), Path("c.png")]
    with pytest.raises(DataError, match="no picture fits this pattern"):
        subjects.of(["*.txt"])
    assert subjects.of(["missing.jpg"]) == [Path("missing.jpg")]
    monkeypatch.setattr(sys, "stdin", io.StringIO("a.jpg\n\nc.png\n"))
    assert subjects.of(["-"]) == [Path("a.jpg"), Path("c.png")]
    with pytest.raises(DataError, match="no file fits this pattern"):
        subjects.of(["*.gif"])
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    with pytest.raises(DataError, match="is empty"):
        subjects.of(["-"])


SOME_UNREADABLE = """
flags = dict(zip(sys.argv[2:], sys.argv[3:]))
for flag, name in {"-o": "a.jpg", "-l": "a.txt"}.items():
    (Path(flags[flag]) / name).write_text("skirt 0")
Path(flags["--coco"]).write_text("[]")
sys.stderr.write("error: 2 pictures could not be read; all others are done\\n  b.jpg: empty\\n  c.jpg: damaged\\n")
sys.exit(3)
"""


def test_pictures_that_cannot_be_read_do_not_cost_the_others(
    exported: Start, workspace: Path, write_program: Callable[[Path, str], Path], tmp_path: Path
) -> None:
    write_program(tmp_path / "fakes/tlt-infer", SOME_UNREADABLE)
    pictures = workspace / "mine"
    pictures.mkdir()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (pictures / name).touch()
    error = error_of(DataError, lambda: pipeline.execute(exported(subject=pictures), ["infer"]))
    assert str(error).endswith("all others are done\n  b.jpg: empty\n  c.jpg: damaged")
    found = {path.relative_to(workspace / "inference").as_posix() for path in (workspace / "inference").rglob("*.*")}
    assert found == {"images_annotated/a.jpg", "labels/a.txt", "coco.json"}


@pytest.mark.torch
def test_a_model_and_its_json_are_enough(
    start: Start, real_programs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a folder with nothing else in it: no data, no training, no spec of its own."""
    pytest.importorskip("torch")
    pytest.importorskip("onnxruntime")
    from ssd_specs import untrained

    from runtime.programs import export

    weights = untrained(tmp_path / "trained.safetensors")
    model = tmp_path / "elsewhere/m.onnx"
    assert export.main(["ssd", "-m", str(weights), "-o", str(model)]) == 0

    root = tmp_path / "empty"
    root.mkdir()
    picture = tmp_path / "mine.jpg"
    Image.effect_noise((200, 120), 90).convert("RGB").save(picture)
    run = start(root=root, programs=real_programs, subject=picture, threshold=0.005, **{"infer.model": str(model)})
    (result,) = pipeline.execute(run, ["infer"])
    assert result.told["images"] == 1
    assert result.told["sheet"] == "inference/sheet.jpg"
    labels = (root / "inference/labels/mine.txt").read_text().splitlines()
    records = json.loads((root / "inference/coco.json").read_text())
    assert len(labels) == len(records) == sum(result.told["objects"].values())
    with Image.open(root / "inference/images_annotated/mine.jpg") as drawn:
        assert drawn.size == (200, 120)
    assert not list(root.glob(".inference*"))


def test_two_models_one_behind_the_other(start: Start, workspace: Path, tmp_path: Path) -> None:
    """The network is that of the second model, as the JSON beside it says, whatever the workspace trains."""
    for name, network in {"people": "ssd_resnet18", "clothes": "faster_rcnn_resnet50"}.items():
        (tmp_path / f"{name}.onnx").touch()
        (tmp_path / f"{name}.onnx.json").write_text(json.dumps({"network": network}))
    raw, models = workspace / "Original-Data", {name: str(tmp_path / f"{name}.onnx") for name in ("people", "clothes")}
    settings = {"infer.cascade": models["people"], "infer.model": models["clothes"]}
    chosen = {"infer.cascade_classes": ["person", "child"], "infer.cascade_margin": 0.2}
    run = start(runner="dry", subject=raw / "validation/image", **settings, **chosen)
    pipeline.execute(run, ["infer"])
    argv = run.runner.jobs[0].argv  # type: ignore[attr-defined]
    assert argv[:2] == ("tlt-infer", "faster_rcnn")
    assert "-e" not in argv
    assert argv[argv.index("-m") + 1] == "/mnt/0/clothes.onnx"
    assert argv[argv.index("--cascade") :] == (
        "--cascade", "/mnt/0/people.onnx", "--cascade_classes", "person,child", "--cascade_margin", "0.2",
    )  # fmt: skip
    alone = start(runner="dry", subject=raw / "validation/image", **chosen)
    assert error_of(ConfigError, lambda: pipeline.execute(alone, ["infer"])).exit_code == 2
    theirs = start(runner="dry", toolkit="tlt2", key="k", subject=raw / "validation/image", **settings)
    with pytest.raises(UsageError, match="cascade"):
        pipeline.execute(theirs, ["infer"])


def test_a_model_that_is_there_is_back_where_its_export_fails(tmp_path: Path) -> None:
    target = tmp_path / "model.etlt"
    target.write_text("old")
    with pytest.raises(KeyError), export._replacing(target):
        assert not target.exists(), "NVIDIA's programs would not write over it"
        raise KeyError
    assert target.read_text() == "old"
    with export._replacing(target):
        target.write_text("new")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("model.etlt", "new")]
