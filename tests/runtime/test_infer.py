"""tlt-infer as a program: annotated copies, labels in pixels of the original, pictures that cannot be read."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageChops

from runtime.imaging.placement import Placement
from runtime.inference import drawn_images
from runtime.inference.predictor import Outputs, Predictor
from runtime.inference.result_names import ResultName
from runtime.programs import infer
from runtime.shell import picture_lists
from runtime.tasks import Prediction, ResultsOptions, detection
from runtime.tasks.detection.detections import detections
from runtime.tasks.detection.results import kitti_lines

Capture = pytest.CaptureFixture[str]

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("traced_once")]

torch = pytest.importorskip("torch")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    random = np.random.default_rng(1)
    for name, size in {"a.jpg": (320, 200), "b.PNG": (50, 90), "c.jpeg": (64, 64)}.items():
        Image.fromarray(random.integers(0, 256, (*size[::-1], 3), dtype=np.uint8)).save(folder / name)
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden.jpg").write_text("no picture")
    return folder


def words(learned: Any, pictures: Path, out: Path, *more: str) -> list[str]:
    given = ["-i", pictures, "-o", out / "drawn", "-e", learned.spec, "-m", learned.model, "-k", "key"]
    return ["ssd", *map(str, given), "-l", str(out / "labels"), *more]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_copies_and_labels_of_a_folder(learned: Any, pictures: Path, tmp_path: Path, capsys: Capture) -> None:
    assert infer.main(words(learned, pictures, tmp_path, "-t", "0.001")) == 0
    assert names(tmp_path / "drawn") == ["a.jpg", "b.PNG", "c.jpeg"]
    assert names(tmp_path / "labels") == ["a.txt", "b.txt", "c.txt"]
    with Image.open(pictures / "b.PNG") as original, Image.open(tmp_path / "drawn/b.PNG") as copy:
        assert copy.size == original.size
        assert copy.format == "PNG"
        assert ImageChops.difference(copy, original.convert("RGB")).getbbox() is not None
    lines = (tmp_path / "labels/a.txt").read_text().splitlines()
    assert lines
    for line in lines:
        fields = line.split(" ")
        assert len(fields) == 16
        assert fields[0] in ("circle", "square")
        assert fields[1:4] + fields[8:15] == ["0"] * 10
        assert 0 < float(fields[15]) <= 1
    assert "found " in capsys.readouterr().out


def test_it_finds_what_is_there(learned: Any, tmp_path: Path) -> None:
    """Circles and squares, each in the half it was drawn in: the surest find of most pictures is right."""
    assert infer.main(words(learned, learned.pictures, tmp_path, "-t", "0.01")) == 0
    from converters.tfrecords.frames import frames

    truths = {}
    for shard in sorted((learned.shapes.root / "TFRecords").iterdir()):
        for frame in frames([shard]):
            truths[Path(frame.id).name] = list(zip(frame.classes, np.array(frame.boxes).tolist(), strict=True))
    right = 0
    for name, objects in truths.items():
        fields = (tmp_path / f"labels/{name}.txt").read_text().splitlines()[0].split()
        centre = [(float(fields[4]) + float(fields[6])) / 2, (float(fields[5]) + float(fields[7])) / 2]
        right += any(
            fields[0] == kind and box[0] < centre[0] < box[2] and box[1] < centre[1] < box[3] for kind, box in objects
        )
    assert right >= 0.5 * len(truths)


def test_one_picture_and_nothing_sure_enough(learned: Any, pictures: Path, tmp_path: Path) -> None:
    assert infer.main(words(learned, pictures / "a.jpg", tmp_path, "-t", "0.999")) == 0
    assert names(tmp_path / "drawn") == ["a.jpg"]
    assert (tmp_path / "labels/a.txt").read_text() == ""


def test_labels_only_where_asked_for(learned: Any, pictures: Path, tmp_path: Path) -> None:
    given = words(learned, pictures, tmp_path)
    assert infer.main([word for word in given if word not in ("-l", str(tmp_path / "labels"))]) == 0
    assert not (tmp_path / "labels").exists()
    assert infer.main([word for word in given if word not in ("-o", str(tmp_path / "drawn"))]) == 0
    assert names(tmp_path / "labels") == ["a.txt", "b.txt", "c.txt"]


def test_the_results_folder_of_later_releases(learned: Any, pictures: Path, tmp_path: Path) -> None:
    given = ["ssd", "-i", pictures, "-e", learned.spec, "-m", learned.model, "-r", tmp_path / "results"]
    assert infer.main([str(word) for word in given]) == 0
    assert names(tmp_path / "results") == ["images_annotated", "labels", "status.json"]
    assert names(tmp_path / "results/labels") == ["a.txt", "b.txt", "c.txt"]
    lines = (tmp_path / "results/status.json").read_text().splitlines()
    assert json.loads(lines[-1])["message"] == "Inference finished successfully."


def test_the_spec_in_the_checkpoint_will_do(learned: Any, pictures: Path, tmp_path: Path) -> None:
    assert infer.main(words(learned, pictures, tmp_path / "with", "-t", "0.05")) == 0
    given = ["ssd", "-i", pictures, "-l", tmp_path / "without/labels", "-m", learned.model, "-t", "0.05"]
    assert infer.main([str(word) for word in given]) == 0
    for name in ("a.txt", "b.txt", "c.txt"):
        assert (tmp_path / "without/labels" / name).read_text() == (tmp_path / "with/labels" / name).read_text() != ""


def test_lists_patterns_and_several_at_once(
    learned: Any, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{pictures}/a.jpg\n\n{pictures}/c.jpeg\n"))
    assert infer.main(words(learned, Path("-"), tmp_path / "list")) == 0
    assert names(tmp_path / "list/drawn") == ["a.jpg", "c.jpeg"]
    assert infer.main(words(learned, pictures / "*.*", tmp_path / "pattern")) == 0
    assert names(tmp_path / "pattern/drawn") == ["a.jpg", "b.PNG", "c.jpeg"]
    both = ["ssd", "-i", f"{pictures}/a.jpg", f"{pictures}/b.PNG", "-m", str(learned.model)]
    assert infer.main([*both, "-o", str(tmp_path / "both")]) == 0
    assert names(tmp_path / "both") == ["a.jpg", "b.PNG"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("nowhere", "there is no such picture or folder"),
        ("empty", "no picture here"),
        ("pictures/*.gif", "no file fits this pattern"),
        ("pictures/notes.txt", "unsupported image extension"),
        ("pictures/*.txt", "no picture here"),
    ],
)
def test_no_pictures(learned: Any, pictures: Path, tmp_path: Path, capsys: Capture, given: str, told: str) -> None:
    (tmp_path / "empty").mkdir()
    assert infer.main(words(learned, tmp_path / given, tmp_path)) == 3
    assert told in capsys.readouterr().err


def test_a_listed_picture_that_is_not_there(
    learned: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("nowhere.jpg\n"))
    assert infer.main(words(learned, Path("-"), tmp_path)) == 3
    assert "nowhere.jpg: this is on the list, but not there" in capsys.readouterr().err


def test_coco_results_and_a_summary(learned: Any, pictures: Path, tmp_path: Path, capsys: Capture) -> None:
    results = tmp_path / "results.json"
    assert infer.main(words(learned, pictures, tmp_path, "-t", "0.02", "--coco", str(results), "--json")) == 0
    told = json.loads(capsys.readouterr().out)
    records = json.loads(results.read_text())
    assert told["pictures"] == 3
    assert sum(told["objects"].values()) == len(records) > 3
    assert told["unreadable"] == []
    lines = [line.split() for line in (tmp_path / "labels/b.txt").read_text().splitlines()]
    second = [record for record in records if record["image_id"] == 2]
    assert len(lines) == len(second)
    for line, record in zip(lines, second, strict=True):
        assert record["category_id"] == ("circle", "square").index(line[0]) + 1
        left, top, wide, high = record["bbox"]
        assert [left, top, left + wide, top + high] == pytest.approx([float(each) for each in line[4:8]], abs=0.011)
        assert record["file_name"] == "b.PNG"


def test_coco_results_with_the_numbers_of_annotations(
    learned: Any, pictures: Path, tmp_path: Path, capsys: Capture
) -> None:
    truth = {
        "images": [{"id": 70 + i, "file_name": f"x/{name}"} for i, name in enumerate(("c.jpeg", "b.PNG", "a.jpg"))],
        "categories": [{"id": 5, "name": "Square"}, {"id": 9, "name": "circle"}],
        "annotations": [],
    }
    path, results = tmp_path / "truth.json", tmp_path / "results.json"
    path.write_text(json.dumps(truth))
    more = ("-t", "0.02", "--coco", str(results), "--coco_ids", str(path))
    assert infer.main(words(learned, pictures, tmp_path, *more)) == 0
    records = json.loads(results.read_text())
    assert {(record["file_name"], record["image_id"]) for record in records} <= {
        ("c.jpeg", 70), ("b.PNG", 71), ("a.jpg", 72)
    }  # fmt: skip
    assert {record["category_id"] for record in records} <= {5, 9}
    pycocotools = pytest.importorskip("pycocotools.coco")
    assert len(pycocotools.COCO(str(path)).loadRes(str(results)).anns) == len(records)
    path.write_text(json.dumps({**truth, "images": truth["images"][1:]}))
    assert infer.main(words(learned, pictures, tmp_path, *more)) == 3
    assert "1 of 3 pictures are not in it, among them c.jpeg" in capsys.readouterr().err
    path.write_text(json.dumps({**truth, "images": [*truth["images"], {"id": 1, "file_name": "y/a.jpg"}]}))
    assert infer.main(words(learned, pictures, tmp_path, *more)) == 3
    assert "it has several pictures called a.jpg" in capsys.readouterr().err
    path.write_text(json.dumps({**truth, "categories": truth["categories"][1:]}))
    assert infer.main(words(learned, pictures, tmp_path, *more)) == 3
    assert "it has no category square" in capsys.readouterr().err


def test_a_number_in_the_name_is_the_picture(learned: Any, pictures: Path, tmp_path: Path) -> None:
    for number, name in enumerate(("a.jpg", "b.PNG", "c.jpeg")):
        (pictures / name).rename(pictures / f"{40 + number:06d}{Path(name).suffix}")
    assert infer.main(words(learned, pictures, tmp_path, "-t", "0.02", "--coco", str(tmp_path / "results.json"))) == 0
    records = json.loads((tmp_path / "results.json").read_text())
    assert {record["image_id"] for record in records} == {40, 41, 42}


def test_nothing_found_is_an_empty_list(learned: Any, pictures: Path, tmp_path: Path) -> None:
    assert infer.main(words(learned, pictures, tmp_path, "-t", "0.999", "--coco", str(tmp_path / "results.json"))) == 0
    assert json.loads((tmp_path / "results.json").read_text()) == []


def test_the_sheet_shows_the_first_pictures(learned: Any, pictures: Path, tmp_path: Path) -> None:
    assert infer.main(words(learned, pictures, tmp_path, "--sheet", str(tmp_path / "sheet.jpg"))) == 0
    with Image.open(tmp_path / "sheet.jpg") as sheet:
        assert sheet.size == (3 * 308 + 8, 308 + 8)
        cell = np.asarray(sheet.convert("RGB"))[8:308, 8:308]
        assert cell[150].std() > 20  # noise, as in a.jpg


class Sure:
    """Finds the middle of every picture."""

    about, name, classes, input_size = "sure", "sure", ("circle", "square"), (64, 64)

    def __init__(self, seen: list[int] | None = None) -> None:
        self.batches = [] if seen is None else seen

    def load_image(self, path: Path) -> Any:
        from converters.pictures import headers

        return np.zeros((64, 64, 3), np.uint8), Placement.resize(headers.size(path), (64, 64))

    def __call__(self, pixels: Any) -> list[Prediction]:
        self.batches.append(len(pixels))
        return [detections([[16, 16, 48, 32]], [2], [0.875]) for _ in pixels]


def test_boxes_come_back_in_pixels_of_the_original(pictures: Path, tmp_path: Path) -> None:
    paths = [pictures / "a.jpg", pictures / "b.PNG"]
    with detection.writers()["labels"].open(tmp_path / "labels", ResultsOptions(Sure.classes, paths)) as labels:
        outputs = Outputs(tmp_path / "drawn", labels, names={paths[0]: ResultName("a.jpg", "a.txt")})
        predict = Predictor(Sure(), detection, threshold=0.5, outputs=outputs, batch=4)
        assert [len(each.prediction["scores"]) for each in predict(paths)] == [1, 1]  # type: ignore[union-attr]
    expected = "square 0 0 0 80.00 50.00 240.00 100.00 0 0 0 0 0 0 0 0.8750\n"
    assert (tmp_path / "labels/a.txt").read_text() == expected


def test_many_pictures_in_order_and_few_ahead(pictures: Path) -> None:
    """Decoding runs ahead of the model by batches, not by the data set."""
    asked = 0

    def paths() -> Any:
        nonlocal asked
        for number in range(200):
            asked += 1
            yield pictures / ("a.jpg" if number % 7 else "missing.jpg")

    model = Sure()
    results = Predictor(model, detection, threshold=0.5, outputs=Outputs(), batch=8)(paths())
    first = next(results)
    assert asked <= 8 * 8
    rest = list(results)
    assert len(rest) == 199
    unread = [number for number, seen in enumerate([first, *rest]) if isinstance(seen, Exception)]
    assert unread == list(range(0, 200, 7))
    assert max(model.batches) <= 8
    assert sum(model.batches) == 200 - len(unread)


def test_a_class_with_a_space_stays_one_column() -> None:
    (line,) = kitti_lines(detections([[0, 0, 1, 1]], [1], [0.5]), ["long sleeve top"])
    assert line.startswith("long_sleeve_top 0 0 0 0.00")


def test_unreadable_pictures_do_not_stop_the_others(
    learned: Any, pictures: Path, tmp_path: Path, capsys: Capture
) -> None:
    (pictures / "bad.jpg").write_bytes((pictures / "a.jpg").read_bytes()[:400])
    (pictures / "worse.png").write_text("no picture")
    results = tmp_path / "results.json"
    assert infer.main(words(learned, pictures, tmp_path, "--coco", str(results), "--batch_size", "2")) == 3
    printed = capsys.readouterr()
    assert "2 pictures could not be read; all others are done" in printed.err
    assert str(pictures / "bad.jpg") in printed.err
    assert str(pictures / "worse.png") in printed.err
    assert "Traceback" not in printed.err
    assert len(list((tmp_path / "drawn").iterdir())) == 3
    assert len(list((tmp_path / "labels").iterdir())) == 3
    assert isinstance(json.loads(results.read_text()), list)


@pytest.mark.parametrize(
    ("more", "code", "told"),
    [
        (("-t=0",), 2, "-t must lie between 0 and 1"),
        (("-t=1",), 2, "-t must lie between 0 and 1"),
        (("-t=-0.1",), 2, "-t must lie between 0 and 1"),
        (("-t=nan",), 2, "-t must lie between 0 and 1"),
        (("--device", "gpu"), 2, 'there is no device "gpu"'),
        (("--batch_size", "0"), 2, "--batch_size is 1 or more"),
        (("--coco_ids", "a.json"), 2, "give --coco FILE, too"),
        (("--coco", "."), 2, "--coco names a folder"),
        (("--sheet", "."), 2, "--sheet names a folder"),
        (("--sheet", "sheet.gif"), 2, "--sheet writes JPEG or PNG"),
        (("-m", "nowhere.tlt"), 4, "there is no such model"),
        (("-m", "model.etlt"), 4, "an encrypted model of NVIDIA's"),
        (("-m", "."), 4, "this is a folder"),
    ],
)
def test_wrong_words(
    learned: Any, pictures: Path, tmp_path: Path, capsys: Capture,
    more: tuple[str, ...], code: int, told: str,
) -> None:  # fmt: skip
    assert infer.main(words(learned, pictures, tmp_path, *more)) == code
    assert told in capsys.readouterr().err
    assert not (tmp_path / "drawn").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_was_named_must_be_there(learned: Any, pictures: Path, tmp_path: Path, capsys: Capture) -> None:
    assert infer.main(words(learned, pictures, tmp_path, "--device", "cuda:1")) == 6
    assert "cuda:1 was asked for, but no GPU is there" in capsys.readouterr().err
    assert infer.main(words(learned, pictures / "a.jpg", tmp_path, "--gpus", "1")) == 0


def test_nothing_asked_for(learned: Any, pictures: Path, capsys: Capture) -> None:
    assert infer.main(["ssd", "-i", str(pictures), "-m", str(learned.model)]) == 2
    assert "nothing is asked for" in capsys.readouterr().err


def test_originals_are_never_replaced(learned: Any, pictures: Path, capsys: Capture) -> None:
    given = ["ssd", "-i", pictures, "-o", pictures, "-e", learned.spec, "-m", learned.model]
    assert infer.main([str(word) for word in given]) == 2
    assert "replace the pictures" in capsys.readouterr().err
    for option in ("--sheet", "--coco"):
        before = (pictures / "a.jpg").read_bytes()
        given = ["ssd", "-i", pictures, option, pictures / "a.jpg", "-e", learned.spec, "-m", learned.model]
        assert infer.main([str(word) for word in given]) == 2
        assert "would replace a picture" in capsys.readouterr().err
        assert (pictures / "a.jpg").read_bytes() == before


def test_annotations_are_never_replaced(learned: Any, pictures: Path, tmp_path: Path, capsys: Capture) -> None:
    labels = tmp_path / "labels"
    labels.mkdir()
    truth = "circle 0 0 0 1.00 2.00 30.00 40.00 0 0 0 0 0 0 0"
    (labels / "b.txt").write_text(f"{truth}\n")
    assert infer.main(words(learned, pictures, tmp_path)) == 2
    assert "these are annotations" in capsys.readouterr().err
    (labels / "b.txt").write_text(f"{truth} 0.9\n")
    assert infer.main(words(learned, pictures, tmp_path)) == 0


def test_pictures_of_one_name(learned: Any, pictures: Path, tmp_path: Path, capsys: Capture) -> None:
    Image.new("RGB", (8, 8)).save(pictures / "a.png")
    assert infer.main(words(learned, pictures, tmp_path)) == 0
    assert names(tmp_path / "drawn") == ["a.jpg", "a.png", "b.PNG", "c.jpeg"]
    assert names(tmp_path / "labels") == ["a.jpg.txt", "a.png.txt", "b.txt", "c.txt"]
    capsys.readouterr()
    (tmp_path / "more").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "more/a.jpg")
    both = ["ssd", "-i", str(pictures), str(tmp_path / "more"), "-m", str(learned.model), "-o", str(tmp_path / "x")]
    for option in ("-o", "-l"):
        assert infer.main([*both[:-2], option, both[-1]]) == 2
        assert "have the same name" in capsys.readouterr().err


def test_an_exported_model_needs_no_torch(learned: Any, pictures: Path, tmp_path: Path) -> None:
    from runtime.programs import export

    pytest.importorskip("onnxruntime")
    model = tmp_path / "model.onnx"
    assert export.main(["ssd", "-m", str(learned.model), "-o", str(model)]) == 0
    given = ["ssd", "-i", pictures, "-l", tmp_path / "onnx", "-m", model, "-t", "0.05"]
    call = f"infer.main({list(map(str, given))!r})"
    code = f"import sys; from runtime.programs import infer; sys.exit({call} or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert infer.main(words(learned, pictures, tmp_path, "-t", "0.05")) == 0
    for name in ("a.txt", "b.txt", "c.txt"):
        ours, theirs = ((tmp_path / folder / name).read_text().splitlines() for folder in ("labels", "onnx"))
        assert len(ours) == len(theirs) > 0
        for one, other in zip(sorted(ours), sorted(theirs), strict=True):
            assert one.split()[0] == other.split()[0]
            assert [float(each) for each in one.split()[1:]] == pytest.approx(
                [float(each) for each in other.split()[1:]], abs=0.02
            )
    (tmp_path / "model.onnx.json").unlink()
    assert infer.main([str(word) for word in given]) == 4


def test_exported_models_that_do_not_fit(
    learned: Any, pictures: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runtime.programs import export

    pytest.importorskip("onnxruntime")
    model, card = tmp_path / "model.onnx", tmp_path / "model.onnx.json"
    assert export.main(["ssd", "-m", str(learned.model), "-o", str(model)]) == 0

    def fails(told: str, *more: str, code: int = 4) -> None:
        given = ["ssd", "-i", str(pictures), "-l", str(tmp_path / "labels"), "-m", str(model), *more]
        assert infer.main(given) == code
        printed = capsys.readouterr().err
        assert told in printed
        assert "Traceback" not in printed

    other = learned.shapes.spec(classes={"circle": "round", "square": "square"}, name="other.conf")
    fails("only in the model: circle; only in the spec: round", "-e", str(other))
    fails("this ONNX Runtime computes on the CPU only", "--device", "cuda", code=6)
    text = card.read_text()
    card.write_text(text.replace('"kind": "onnx"', '"kind": "pt2"'))
    fails("its JSON says that it is a pt2 model, which is no .onnx file")
    card.write_text(text.replace('"thresholds"', '"limits"'))
    fails("is damaged: KeyError('thresholds')")
    card.write_text("{")
    fails("cannot be read")
    card.write_text("{}")
    fails("does not describe an exported model")
    for wrong in ('"batch": 0', '"height": -64'):
        card.write_text(re.sub(f"{wrong.split()[0]} [^,]*", wrong, text))
        fails("is damaged: ValueError")
    for wrong in ('"height": 32', '"kind": "onnx_raw"'):
        card.write_text(re.sub(f"{wrong.split()[0]} [^,]*", wrong, text))
        fails("does not take and give what its JSON says")
    card.write_text(text.replace('"kind": "onnx"', '"kind": "deepstream"'))
    fails("there is no NMSDynamic_TRT in it")
    card.write_text(text.replace('"circle",', ""))
    fails("of class 2, its JSON names 1", "-t", "0.02")
    card.write_text(text)
    whole = model.read_bytes()
    model.write_bytes(whole[:1000])
    fails("ONNX Runtime cannot read it")
    model.write_bytes(whole)
    import importlib.util

    there = importlib.util.find_spec
    with monkeypatch.context() as patch:
        patch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else there(name))
        fails("ONNX models need onnxruntime, which this Python does not have", code=6)
    model = model.with_suffix(".pt2")
    Path(f"{model}.json").write_text(text.replace('"kind": "onnx"', '"kind": "pt2"'))
    model.write_bytes(whole[:1000])
    fails("can run code when it is read")
    monkeypatch.setenv("TLTPIPE_TRUST_PT2", "1")
    fails("torch cannot read it as")


def test_folders_are_searched_and_what_cannot_be_read_is_said(tmp_path: Path, capsys: Capture) -> None:
    names = ["1.webp", "a/1.jpg", "b/1.JFIF", "b/c/2.avif"]
    for name in [*names, "b/3.heic", "4.NEF", "out/5.jpg", ".hidden/6.jpg", "notes.txt"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = picture_lists.find([str(tmp_path)], apart=tmp_path / "out")
    assert [path.relative_to(tmp_path).as_posix() for path in found] == names
    warned = capsys.readouterr().err
    assert "1 .NEF, 1 .heic cannot be read" in warned
    assert picture_lists.find([str(tmp_path / "out")], apart=tmp_path / "out") == [tmp_path / "out/5.jpg"]


@pytest.mark.parametrize(
    ("suffix", "format"), [(".webp", "WEBP"), (".jfif", "JPEG"), (".tif", "TIFF"), (".gif", "GIF")]
)
def test_annotated_copies_are_what_their_names_say(tmp_path: Path, suffix: str, format: str) -> None:
    drawn_images.save(Image.new("RGB", (20, 10)), tmp_path / f"a{suffix}")
    with Image.open(tmp_path / f"a{suffix}") as image:
        assert (image.format, image.size) == (format, (20, 10))
