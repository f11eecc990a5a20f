"""Networks that are shown one object at a time, on boxes from elsewhere: those of a file, and those of a detector.

The toy says where the brightest point of an object is, so that it can be told exactly what it must answer. Its network
and its task lie in a temporary place; its model is an exported graph.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from fixed_model import model
from PIL import Image

import runtime.networks
import runtime.tasks
import specs
from converters.pictures.drawing import colour_of
from runtime.evaluation import samples
from runtime.imaging.decoding import InMemory
from runtime.inference.backends._cards import image_loader
from runtime.inference.backends._seeing import ByObject
from runtime.inference.cascade import load_cascade
from runtime.inference.crops import Crops
from runtime.inference.front_door import LoadedModel
from runtime.nn.export import onnx_files
from runtime.nn.export.subject import Subject, images_input
from runtime.programs import evaluate, infer
from runtime.tasks import Example, keypoints
from runtime.weights import card
from runtime.weights.card import Card
from tltpipe.errors import UsageError

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

SPECS = '''
"""Specs of the toy network."""

from dataclasses import dataclass

import yaml

from specs.spec import Spec, Training

DATA = "coco"
RESULTS = {"labels": ".json", "coco": ""}


@dataclass(frozen=True)
class Toy:
    data: str = ""


TUNABLES = Toy


def parse_text(text, *, source, strict):
    return Spec(Toy(**yaml.safe_load(text)["pins"]), source, strict=strict)


def recognises(text):
    return text.startswith("pins:")
'''

NETWORK = '''
"""The brightest point of an object; a model is an exported graph."""

from pathlib import Path

TASK = "spots"


def recipe(spec):
    from runtime.data.recipe import Data, Evaluation, Recipe, Source
    from runtime.imaging.views.framing import ObjectCrop

    view = ObjectCrop(width=48, height=64, margin=1.25)
    source = Source(None, Path(spec.message.data), "coco")
    return Recipe(
        spec=spec, network="pins", name="pins_brightest", classes=("Shirt", "long skirt"), model=None, seed=5,
        epochs=1, batch_size=6, checkpoint_interval=1, size=(64, 48), data=Data((), (source,), {}, per_object=True),
        training_view=view, plain_view=view, inference_view=view,
        evaluation=Evaluation(1, 2), schedule=lambda steps, processes: lambda step: 0.1,
    )


def build(recipe):
    raise NotImplementedError
'''

TASK = '''
"""One point on each of given objects."""

from contextlib import contextmanager
import json

import numpy as np

from runtime.data.fields import BOXES
from runtime.tasks import Scores, class_names
from runtime.tasks.detection import drawing

FIELDS = dict(BOXES)


def complete(prediction, given, classes):
    scores = given.get("scores", np.ones(1, np.float32)) * prediction["keypoints"][:, 0, 2]
    return {"boxes": given["boxes"], "labels": given["labels"], "scores": scores, "keypoints": prediction["keypoints"]}


def restore(prediction, image):
    across, down, right, lower = image.to_stored
    boxes = prediction["boxes"].astype(float) * (across, down, across, down) + (right, lower, right, lower)
    if "keypoints" not in prediction:
        return {**prediction, "boxes": boxes}
    return {**prediction, "boxes": boxes, "keypoints": prediction["keypoints"] * (across, down, 1) + (right, lower, 0)}


draw = drawing.draw


class Places:
    """What is predicted on each image, in its pixels."""

    def __init__(self, classes):
        self.classes, self.rows, self.truth = classes, [], None

    def judge(self, split):
        self.truth = split

    def update(self, predictions, targets, images):
        for prediction, image in zip(predictions, images, strict=True):
            whole = restore(prediction, image)
            x, y, _ = whole["keypoints"][0, 0].tolist()
            (name,), score = class_names(whole, self.classes), float(whole["scores"][0])
            self.rows.append([image.number, name, round(score, 4), round(x, 2), round(y, 2)])

    def scores(self):
        return Scores("found", {"found": len(self.rows) / len(self.truth.labels)})

    def report(self, images, options):
        return Report(self, options)


class Report:
    def __init__(self, places, options):
        self.scores, self.places, self.options = places.scores(), places, options

    def lines(self):
        return []

    def values(self):
        return {"rows": self.places.rows, "named": self.options.boxes}

    def draw(self, folder):
        return []


def metrics(classes, recipe):
    return Places(classes)


class Points:
    def __init__(self, suffix):
        self.suffix = suffix

    def require_no_annotations(self, path):
        pass

    @contextmanager
    def open(self, path, options):
        results = Results(path, options.classes, self.suffix)
        yield results
        if not self.suffix:
            path.write_text(json.dumps(results.rows))


class Results:
    about = ()

    def __init__(self, path, classes, suffix):
        self.path, self.classes, self.suffix, self.rows = path, classes, suffix, []

    def add(self, image, name, prediction):
        rows = [
            [image.name, *each] for each in zip(
                class_names(prediction, self.classes), np.round(prediction["scores"].astype(float), 4).tolist(),
                np.round(prediction["keypoints"][:, 0, :2], 2).tolist(), strict=True,
            )
        ]
        self.rows += rows
        if self.suffix:
            self.path.mkdir(exist_ok=True)
            (self.path / name).write_text(json.dumps(rows))


def writers():
    return {"labels": Points(".json"), "coco": Points("")}
'''

PEOPLE = [[16, 16, 56, 112], [64, 16, 104, 112], [4, 4, 12, 12]]
"""What the detector finds on every light image, at 128 x 128."""
SPOTS = [(50, 90), (180, 30)]
"""The brightest points of the first two on an image of 256 x 128."""


def graph(path: Path, view: Any) -> Path:
    """The toy as an ONNX file: where the red channel is largest, in pixels of the input, and a share of 255."""
    helper, (height, width) = onnx.helper, (64, 48)
    ints = {"red": [0], "axes": [1], "flat": [0, -1], "wide": [width], "points": [0, 1, 1, 3]}
    arrays = {name: np.array(values, np.int64) for name, values in ints.items()}
    arrays |= {"half": np.array(0.5, np.float32), "most": np.array(255, np.float32)}
    nodes = [
        helper.make_node("Gather", ["images", "red"], ["first"], axis=1),
        helper.make_node("Reshape", ["first", "flat"], ["row"]),
        helper.make_node("ArgMax", ["row"], ["place"], axis=1, keepdims=1),
        helper.make_node("ReduceMax", ["row"], ["brightest"], axes=[1], keepdims=1),
        helper.make_node("Mod", ["place", "wide"], ["column"]),
        helper.make_node("Div", ["place", "wide"], ["line"]),
        helper.make_node("Cast", ["column"], ["left"], to=1),
        helper.make_node("Cast", ["line"], ["top"], to=1),
        helper.make_node("Div", ["brightest", "most"], ["sure"]),
        helper.make_node("Concat", ["left", "top", "sure"], ["together"], axis=1),
        helper.make_node("Reshape", ["together", "points"], ["keypoints"]),
    ]
    made = helper.make_graph(
        nodes, "brightest", [helper.make_tensor_value_info("images", 1, ["batch", 3, height, width])],
        [helper.make_tensor_value_info("keypoints", 1, ["batch", 1, 1, 3])],
        [onnx.numpy_helper.from_array(value, name) for name, value in arrays.items()],
    )  # fmt: skip
    classes = ("Shirt", "long skirt")
    onnx_files.save(
        helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path,
        names=("background", *classes),
    )  # fmt: skip
    subject = Subject(None, "pins", classes, (height, width), 17, view=view)  # type: ignore[arg-type]
    told = Card("onnx", "pins_brightest", classes, (height, width), images_input(subject), {"keypoints": ""})
    card.path_of(path).write_text(told.text())
    return path


@pytest.fixture
def toy(tmp_path: Path) -> Iterator[Path]:
    """The network and the task, found by their packages while the test lasts; gives its model."""
    files: list[tuple[ModuleType, str, str]] = [
        (specs, "pins/__init__.py", SPECS), (runtime.networks, "pins/__init__.py", NETWORK),
        (runtime.tasks, "spots.py", TASK),
    ]  # fmt: skip
    for package, name, text in files:
        path = tmp_path / "code" / package.__name__ / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
        package.__path__.append(str(tmp_path / "code" / package.__name__))
    from runtime.imaging.views.framing import ObjectCrop

    yield graph(tmp_path / "pins.onnx", ObjectCrop(width=48, height=64, margin=1.25))
    for package, _, _ in files:
        package.__path__.pop()
    for name in ("specs.pins", "runtime.networks.pins", "runtime.tasks.spots"):
        sys.modules.pop(name, None)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A light image with two bright points, a dark one, and a light one of another size."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    light = np.full((128, 256, 3), 150, np.uint8)
    rows, columns = np.mgrid[:128, :256] + 0.5
    for number, (x, y) in enumerate(SPOTS):
        cone = 250 - 20 * number - 8 * np.hypot(columns - x, rows - y)
        light[..., 0] = np.maximum(light[..., 0], cone)
    Image.fromarray(light).save(folder / "light.png")
    Image.new("RGB", (64, 64), (9, 9, 9)).save(folder / "dark.png")
    return folder


@pytest.fixture
def spec(toy: Path, pictures: Path, tmp_path: Path) -> Path:
    """COCO ids that are no places: images 70 (light) and 30, categories 5 (long skirt), 8 (Shirt), 9 (hat)."""
    images = [
        {"id": 70, "file_name": "light.png", "width": 256, "height": 128},
        {"id": 30, "file_name": "dark.png", "width": 64, "height": 64},
    ]
    names = {5: "long skirt", 8: "Shirt", 9: "hat"}
    things = [(70, 8, [30, 10, 90, 110]), (70, 5, [128, 10, 90, 110]), (30, 9, [5, 5, 20, 20]), (30, 8, [1, 2, 30, 30])]
    things.append((30, 8, [40, 40, 9, 9]))
    told = {
        "images": images, "categories": [{"id": number, "name": name} for number, name in names.items()],
        "annotations": [
            {"id": at, "image_id": image, "category_id": category, "bbox": box, "area": 1}
            for at, (image, category, box) in enumerate(things, 1)
        ],
    }  # fmt: skip
    path = tmp_path / "truth.json"
    path.write_text(json.dumps(told))
    written = tmp_path / "spec.yaml"
    written.write_text(f"pins:\n  data: {pictures}\n")
    (pictures / "annotations").mkdir()
    (pictures / "annotations" / "instances_val.json").write_text(json.dumps(told))
    return written


def row(image: int, category: int, box: list[float], score: float = 0.5, **more: Any) -> dict[str, Any]:
    return {"image_id": image, "category_id": category, "bbox": box, "score": score, **more}


GOOD = [
    row(30, 8, [0, 0, 64, 64], 0.3),  # the threshold itself
    row(70, 5, [130, 5, 80, 100], 0.8, file_name="below/light.png", part_of=2),
    row(70, 8, [20, 8, 100, 118], 1),
    row(70, 9, [0, 0, 20, 20]),  # a class that the model does not have
    row(70, 8, [400, 0, 20, 20]),  # beside the image
    row(70, 8, [0, 0, 20, 20], 0.1),
]


class near:  # noqa: N801 - reads as approx does
    """A score and a place, up to what is lost when an object is shown smaller."""

    def __init__(self, score: float, x: float, y: float) -> None:
        self.values = score, x, y

    def __eq__(self, other: object) -> bool:
        score, x, y = other  # type: ignore[misc]
        return bool(abs(score - self.values[0]) < 0.06 and np.hypot(x - self.values[1], y - self.values[2]) < 3)

    def __repr__(self) -> str:
        return f"near{self.values}"


def evaluated(toy: Path, spec: Path, boxes: Path, *more: str) -> int:
    words = ["pins", "-e", str(spec), "-m", str(toy), "-r", str(boxes.parent / "out"), "--no-plots"]
    return evaluate.main([*words, "--boxes", str(boxes), *more])


def test_detections_of_a_file_are_the_samples(
    toy: Path, spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    boxes = tmp_path / "det.json"
    boxes.write_text(json.dumps(GOOD))
    assert evaluated(toy, spec, boxes, "--boxes_threshold", "0.3") == 0
    said = capsys.readouterr().out
    assert "det.json: 3 of 6 detections, on 2 of 2 images" in said
    told = json.loads((tmp_path / "out/evaluation/evaluation.json").read_text())
    found = {name: (score, x, y) for image, name, score, x, y in told["rows"] if image == 0}
    assert [each[0] for each in told["rows"]] == [0, 0, 1]
    assert found["long skirt"] == near(0.8 * 230 / 255, *SPOTS[1])
    assert found["Shirt"] == near(250 / 255, *SPOTS[0])
    assert told["named"] == "det.json"
    assert told["boxes_from"] == {
        "file": str(boxes), "threshold": 0.3, "detections": 6, "samples": 3, "images": 2,
        "lost": {
            "scores below 0.3": 1, "of classes that the model does not have": 1,
            "without width or height on their images": 1,
        },
    }  # fmt: skip
    assert told["found"] == 0.75, "of four objects that are the model's: the truth is that of the annotations"


@pytest.mark.parametrize(
    ("rows", "line", "key"),
    [
        ([row(70, 8, [0, 0, 9, 9]), row(71, 8, [0, 0, 9, 9])], 3, "71"),
        ([row(70, 8, [0, 0, 9, 9]), row(70, 6, [0, 0, 9, 9])], 3, "6"),
        ([row(30, 8, [0, 0, 9, 9], file_name="light.png")], 2, "dark.png"),
        ([{"image_id": 70, "category_id": 8, "score": 1}], 2, "bbox"),
        ([row(70, 8, [0, 0, -9, 9])], 2, "negative"),
        ([row(70, 8, [0, 0, 9, 9], score=93)], 2, "score"),
        ([row(70, 8, [0, 0, 9, 9], score=0.2)], None, "below 0.3"),
        ([row(70, 9, [0, 0, 9, 9])], None, "classes"),
        ([], None, "no detections"),
        ({"annotations": []}, None, "list"),
        ([5], 2, "list of objects"),
    ],
)
def test_what_is_no_file_of_such_detections(
    toy: Path, spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: Any, line: int | None, key: str
) -> None:
    boxes = tmp_path / "det.json"
    listed = isinstance(rows, list)
    boxes.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]" if listed else json.dumps(rows))
    assert evaluated(toy, spec, boxes, "--boxes_threshold", "0.3") == 3
    said = capsys.readouterr().err.splitlines()
    error = next(each for each in said if each.startswith("error"))
    assert f"{boxes}:{line}:1: " in error if line else f"{boxes}: " in error
    assert key in error
    assert not (tmp_path / "out/evaluation").exists()


def test_boxes_of_other_classes_are_noticed(
    toy: Path, spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    boxes = tmp_path / "det.json"
    boxes.write_text(json.dumps([row(70, 5, [30, 10, 90, 110])] * 12))
    assert evaluated(toy, spec, boxes) == 0
    assert "only 0 of 12 boxes" in capsys.readouterr().err


def test_a_detector_is_not_given_boxes(spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = model(tmp_path / "people.onnx", ("dog",), 128, PEOPLE, [1, 1, 1])
    written = tmp_path / "yolox.yaml"
    written.write_text(f"dataset: {{train_data_sources: [{{path: {spec.parent}/pictures}}], classes: [dog]}}\n")
    words = ["-e", str(written), "-m", str(found), "--boxes", str(tmp_path / "missing.json")]
    assert evaluate.main(["yolox", *words]) == 2
    assert "yolox finds its boxes itself" in capsys.readouterr().err


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    return model(tmp_path / "people.onnx", ("hat", "shirt", "Long_Skirt"), 128, PEOPLE, [2, 3, 1])


def test_every_object_of_a_detector_is_shown(
    toy: Path, detector: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ["pins", "-i", pictures, "-m", toy, "--cascade", detector, "-r", out, "-t", "0.2", "-b", "1"]
    assert infer.main([*map(str, words), "--coco", str(tmp_path / "coco.json")]) == 0
    said = capsys.readouterr().out
    assert "2 objects shown to the second model; 1 of classes that it does not have (hat 1)" in said
    assert "nothing to show on 1 of 2 images" in said
    rows = json.loads((tmp_path / "coco.json").read_text())
    assert [each[:2] for each in rows] == [["light.png", "Shirt"], ["light.png", "long skirt"]]
    assert (rows[0][2], *rows[0][3]) == near(0.9 * 250 / 255, *SPOTS[0])
    assert (rows[1][2], *rows[1][3]) == near(0.75 * 230 / 255, *SPOTS[1])
    assert infer.main([*map(str, words), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["objects"], told["first"]["other_classes"]) == ({"Shirt": 1, "long skirt": 1}, {"hat": 1})
    labels = {path.name: json.loads(path.read_text()) for path in (out / "labels").iterdir()}
    assert labels == {"light.json": rows, "dark.json": []}
    assert sorted(path.name for path in (out / "images_annotated").iterdir()) == ["dark.png", "light.png"]


def test_results_of_a_detector_fit_and_a_cascade_shows_the_same(
    toy: Path, detector: Path, spec: Path, pictures: Path, tmp_path: Path
) -> None:
    """By way of the file that ``tlt-infer`` writes, or at once: one geometry, to the last bit."""
    boxes = tmp_path / "det.json"
    words = ["ssd", "-i", pictures, "-m", detector, "--coco", boxes, "--class_map", tmp_path / "truth.json"]
    assert infer.main([str(word) for word in words]) == 0
    assert evaluated(toy, spec, boxes) == 0
    told = json.loads((tmp_path / "out/evaluation/evaluation.json").read_text())
    assert told["boxes_from"]["lost"] == {"of classes that the model does not have": 1}
    found = load_cascade(detector, toy, first_threshold=0.1, threshold=0.0)(pictures / "light.png")
    assert found.boxes.tolist() == [[32, 16, 112, 112], [128, 16, 208, 112]]
    assert found.names == ["Shirt", "long skirt"]
    places = np.round(found.fields["keypoints"][:, 0, :2], 2).tolist()
    rows = zip(found.names, np.round(found.scores.astype(float), 4).tolist(), places, strict=True)
    assert told["rows"] == [[0, name, score, *place] for name, score, place in rows]


def test_thresholds_and_what_lies_outside_are_counted(toy: Path, detector: Path, pictures: Path) -> None:
    pixels = np.asarray(Image.open(pictures / "light.png"))
    cascade = load_cascade(detector, toy, threshold=0.8, crops=Crops(classes=("shirt", "Long_Skirt")))
    assert cascade(pixels).names == ["Shirt"]
    counts = cascade.model.counts  # type: ignore[attr-defined]
    assert (counts.images, counts.objects, counts.below, counts.without, dict(counts.other_classes)) == (1, 2, 1, 0, {})
    nothing = cascade(np.zeros((90, 80, 3), np.uint8))
    assert (len(nothing), nothing.fields["keypoints"].shape) == (0, (0, 1, 3))
    outside = model(detector.parent / "outside.onnx", ("shirt",), 128, [[-40, 0, -8, 50]], [1])
    cascade = load_cascade(outside, toy)
    assert len(cascade(pixels)) == 0
    assert cascade.model.counts.flat == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("words", "key"),
    [
        ([], "--cascade"),
        (["--cascade", "DETECTOR", "--cascade_margin", "0.1"], "--cascade_margin"),
        (["--cascade", "DETECTOR", "--cascade_classes", "hat"], "none of the classes"),
        (["--cascade", "TOY"], "finds no boxes"),
    ],
)
def test_what_makes_no_cascade_of_given_objects(
    toy: Path, detector: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    words: list[str], key: str,
) -> None:  # fmt: skip
    places = {"DETECTOR": detector, "TOY": toy}
    line = ["pins", "-i", pictures, "-m", toy, "-o", tmp_path / "out", *(places.get(word, word) for word in words)]
    assert infer.main([str(word) for word in line]) == 2
    said = capsys.readouterr().err
    assert key in said
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()


def test_a_model_is_shown_objects_with_the_margin_that_its_card_says() -> None:
    from runtime.imaging.views.framing import ObjectCrop

    trained = ObjectCrop(width=48, height=64, margin=1.5, fill=(1, 2, 3), scale=0.25)
    subject = Subject(None, "pins", ("Shirt",), (64, 48), 17, view=trained)  # type: ignore[arg-type]
    told = Card("onnx", "pins_brightest", ("Shirt",), (64, 48), images_input(subject), {"keypoints": ""})
    assert image_loader(told) == ByObject(ObjectCrop(width=48, height=64, margin=1.5, fill=(1, 2, 3)))


def test_alone_it_is_refused_from_python_too(toy: Path, pictures: Path) -> None:
    with pytest.raises(UsageError) as caught:
        LoadedModel.load(toy)(pictures / "light.png")
    assert "--cascade" in str(caught.value.hint)


def test_samples_of_a_detector_are_drawn_without_points(pictures: Path) -> None:
    pixels = np.asarray(Image.open(pictures / "light.png"))
    given = {"boxes": np.array([[20, 10, 90, 110]], np.float32), "labels": np.array([1]), "scores": np.ones(1)}
    points = np.zeros((1, 294, 3), np.float32)
    points[0, 182:190] = [100, 64, 0.9]
    example = Example(pixels, given, {**given, "keypoints": points})
    sheet = samples.sheet([example], keypoints, ("skirt",), title="")  # type: ignore[arg-type]
    share, (left, top) = 400 / 256, (8, 108)  # where the first of two images lies
    x, y = round(left + 100 * share), round(top + 64 * share)
    target, prediction = (sheet.getpixel((x + tile * 408, y)) for tile in (0, 1))
    assert target == (150, 150, 150)
    assert prediction == colour_of(1)


LANDMARKS = """\
model: {type: w18_small}
dataset:
  train_data_sources: [{path: nowhere}]
  classes: [long_sleeved_shirt, skirt]
  width: 64
  height: 96
  margin: 1.5
"""


@pytest.mark.torch
def test_a_checkpoint_is_shown_objects_as_in_its_validation(tmp_path: Path, pictures: Path) -> None:
    torch = pytest.importorskip("torch")
    from runtime.networks import hrnet
    from runtime.weights import checkpoint

    spec = specs.parse_text(LANDMARKS, "hrnet", source="spec.yaml")
    recipe = hrnet.recipe(spec)
    torch.manual_seed(1)
    weights, network = tmp_path / "hrnet.safetensors", hrnet.build(recipe)
    checkpoint.save(weights, checkpoint.Checkpoint(recipe.name, recipe.classes, 1, network.state_dict(), LANDMARKS))
    clothes = model(tmp_path / "clothes.onnx", ("skirt", "belt", "Long sleeved_Shirt"), 128, PEOPLE, [1, 2, 3])
    cascade = load_cascade(clothes, weights, threshold=0.0, device="cpu")
    found = cascade(pictures / "light.png")
    inside = {"skirt": [32, 16, 112, 112], "long_sleeved_shirt": [8, 4, 24, 12]}
    assert dict(zip(found.names, found.boxes.round(3).tolist(), strict=True)) == inside
    pixels, view = InMemory("light", np.asarray(Image.open(pictures / "light.png"))), recipe.plain_view
    for name, points in zip(found.names, found.fields["keypoints"], strict=True):
        own = {"skirt": slice(182, 190), "long_sleeved_shirt": slice(25, 58)}[name]
        assert np.flatnonzero(points[:, 2]).tolist() == [*range(294)][own]
        seen = view(pixels, np.array([inside[name]], np.float32), (256, 128))
        shown = torch.from_numpy(seen.pixels[None]).permute(0, 3, 1, 2).float()
        (expected,) = network.eval().predict(shown)
        placed = seen.placement.points(points[own])
        np.testing.assert_allclose(placed[:, :2], expected["keypoints"][0, own, :2].numpy(), atol=1e-3)
