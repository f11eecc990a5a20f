"""Classification of an image as a whole: figures by hand, its report, its drawings and its files."""

from __future__ import annotations

import csv
import json
import math
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import specs
from runtime import tasks
from runtime.data import batches, frames
from runtime.data.recipe import Data, Evaluation, Recipe, Source
from runtime.data.split import Split
from runtime.imaging.placement import Placement
from runtime.imaging.views.cut import Cut
from runtime.imaging.views.framing import Stretch
from runtime.inference import backends
from runtime.inference.backends import ModelRequest
from runtime.programs import infer
from runtime.tasks import ImageInfo, ReportOptions, ResultsOptions, Tabulates, classification
from runtime.tasks.classification.targets import Attributes
from runtime.weights import card
from runtime.weights.card import Card
from tltpipe.errors import DataError, ModelError, UsageError

CATEGORIES = ("Blouse", "Dress", "Skirt", "Tee")
ATTRIBUTES = ("floral", "plain", "striped", "dotted", "denim", "knit", "silk")
GROUPS = (*["texture"] * 4, *["fabric"] * 3)
SEASONS = ("summer", "winter")
NAMES: dict[str, tuple[str, ...]] = {
    "tasks": ("category", "season"), "values/season": SEASONS, "attributes": ATTRIBUTES, "attribute_groups": GROUPS,
}  # fmt: skip
NO_BOX = (0, 0, 0, 0)


def recipe(primary: str = "top1", names: dict[str, tuple[str, ...]] = NAMES, *, box: bool = True) -> Recipe[Any]:
    values = {"category": CATEGORIES, "season": names.get("values/season", ())}
    own = {task: values[task] for task in names.get("tasks", ("category",))}
    view = Stretch(width=100, height=50)
    return Recipe(
        spec=specs.Spec(None, "any.yaml"), network="any", name="any", classes=CATEGORIES, model=None, seed=1, epochs=1,
        batch_size=4, checkpoint_interval=1, size=(50, 100), data=Data((), (), {}), training_view=view, plain_view=view,
        inference_view=view, evaluation=Evaluation(1, 4, primary=primary), schedule=lambda *_: lambda _: 0.1,
        fields=classification.fields(own, names.get("attributes", ()), box), names=names,
    )  # fmt: skip


def target(category: int, season: int, has: str = "", unknown: str = "", box: Any = NO_BOX) -> dict[str, Any]:
    return {
        "label": np.asarray(category),
        "choices": np.array([category, season], np.int64),
        "attributes": np.array([(name in has.split()) - (name in unknown.split()) for name in ATTRIBUTES], np.int8),
        "box": np.array(box, np.float32),
    }


def prediction(categories: Any, seasons: Any, attributes: Any, box: Any = NO_BOX) -> dict[str, Any]:
    return {
        "label": np.asarray(int(np.argmax(categories)) + 1),
        "choices": np.array([*categories, *seasons], np.float32),
        "attributes": np.array(attributes, np.float32),
        "box": np.array(box, np.float32),
    }


# Attributes:                 floral plain striped dotted denim knit silk
PREDICTIONS = [
    prediction((0.1, 0.2, 0.3, 0.4), (0.9, 0.1), (0.9, 0.8, 0.7, 0.1, 0.6, 0.5, 0.0), (10, 10, 30, 30)),
    prediction((0.4, 0.3, 0.2, 0.1), (0.6, 0.4), (0.1, 0.2, 0.3, 0.9, 0.8, 0.7, 0.6), (0, 0, 100, 50)),
    prediction((0.1, 0.7, 0.1, 0.1), (0.2, 0.8), (0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.9), (0, 0, 10, 10)),
    prediction((0.05, 0.05, 0.1, 0.8), (0.3, 0.7), (0.5, 0.9, 0.8, 0.7, 0.6, 0.1, 0.2), (20, 20, 40, 40)),
]
TARGETS = [
    target(4, 1, "floral denim knit", box=(10, 10, 30, 30)),
    target(4, 2, "floral dotted", unknown="silk", box=(0, 0, 50, 50)),  # taken for a Blouse in summer
    target(2, 2, "silk knit"),
    target(0, 0, "dotted knit", box=(30, 30, 40, 40)),  # nobody knows what it is
]


@dataclass(frozen=True)
class Pictures:
    folder: Path

    def __len__(self) -> int:
        return len(TARGETS)

    def name(self, index: int) -> str:
        return f"{index}.png"

    def image(self, index: int) -> Path:
        return self.folder / self.name(index)


def infos() -> list[ImageInfo]:
    return [ImageInfo(f"{at}.png", (200, 100), (50, 100)) for at in range(len(TARGETS))]


def metrics(used: Recipe[Any] | None = None) -> Any:
    made = classification.metrics(CATEGORIES, used or recipe())
    for part in (slice(0, 1), slice(1, 4)):
        made.update(PREDICTIONS[part], TARGETS[part], infos()[part])
    return made


@pytest.fixture
def report(tmp_path: Path) -> Any:
    for at in range(len(TARGETS)):
        Image.new("RGB", (200, 100), (120, 120, 120)).save(tmp_path / f"{at}.png")
    return metrics().report(Pictures(tmp_path), ReportOptions("model.onnx"))


def test_figures_by_hand() -> None:
    scores = metrics().scores()
    # Three of each image, of all: floral plain striped, dotted denim knit, silk floral plain, plain striped dotted;
    # the next two: denim knit, silk striped, striped dotted, denim floral. plain and striped are nowhere: left out.
    assert scores.plain == pytest.approx(
        {
            "top1": 2 / 3, "top3": 2 / 3, "top5": 1, "accuracy": 2 / 3,
            "recall3": (1 / 2 + 2 / 2 + 0 / 1 + 0 / 3 + 1 / 1) / 5,
            "recall5": (1 / 2 + 2 / 2 + 1 / 1 + 1 / 3 + 1 / 1) / 5,
            "box_iou": (1 + 0.5 + 0.25) / 3, "box_iou_above_50": 1 / 3,
        }
    )  # fmt: skip
    assert scores.figures["texture/recall3"] == pytest.approx((1 / 2 + 2 / 2) / 2), "floral and dotted, of four"
    assert scores.figures["texture/recall5"] == scores.figures["fabric/recall3"] == 1, "no more than these are there"
    assert scores.figures["accuracy/season"] == pytest.approx(2 / 3)
    assert scores.per_class["recall"] == pytest.approx(
        {"Blouse": math.nan, "Dress": 1, "Skirt": math.nan, "Tee": 0.5}, nan_ok=True
    )


def test_mmfashion_s_variants_have_names_of_their_own() -> None:
    figures = metrics().scores().figures
    own = {name.removeprefix("mmfashion/"): value for name, value in figures.items() if name.startswith("mmfashion")}
    wrong = {3: (2 / 4, 1 / 4, 2 / 4, 4 / 4, 2 / 4, 0 / 4, 3 / 3), 5: (1 / 4, 1 / 4, 0 / 4, 3 / 4, 2 / 4, 1 / 4, 3 / 3)}
    assert own == pytest.approx(
        {
            "category_top1": (1 / 2 + 1) / 2, "category_top3": (1 / 2 + 1) / 2, "category_top5": 1,
            "attribute_recall3": figures["recall3"], "attribute_accuracy3": sum(wrong[3]) / 7,
            "attribute_recall5": figures["recall5"], "attribute_accuracy5": sum(wrong[5]) / 7,
        }
    )  # fmt: skip


def test_what_nobody_knows_is_not_right_in_mmfashion_s_accuracy() -> None:
    made = classification.metrics(CATEGORIES, recipe(names={"attributes": ("a", "b")}, box=False))
    said = {"choices": np.zeros(4, np.float32), "attributes": np.array([0.9, 0.1], np.float32)}
    for a in (0, -1):
        made.update([said], [{"choices": np.array([1]), "attributes": np.array([a, 1], np.int8)}], infos()[:1])
    assert made.scores().figures["mmfashion/attribute_accuracy3"] == pytest.approx((0 / 1 + 2 / 2) / 2)


def test_mmfashion_averages_the_best_fifty_attributes() -> None:
    """Of sixty attributes an image each has one; the first thirty are found."""
    names = tuple(map(str, range(60)))
    made = classification.metrics(CATEGORIES, recipe(names={"attributes": names}, box=False))
    for at in range(60):
        scores = np.linspace(0.1, 0, 60, dtype=np.float32)
        scores[at] = 0.9 if at < 30 else -1
        said = {"choices": np.zeros(4, np.float32), "attributes": scores}
        made.update([said], [{"choices": np.array([1]), "attributes": np.eye(60, dtype=np.int8)[at]}], infos()[:1])
    figures = made.scores().figures
    assert (figures["recall3"], figures["mmfashion/attribute_recall3"]) == pytest.approx((30 / 60, 30 / 50))


def test_without_anything_to_measure_figures_are_nought_and_have_the_same_names() -> None:
    blank, scores = classification.metrics(CATEGORIES, recipe("recall3")).scores(), metrics().scores()
    assert list(blank.figures) == list(scores.figures)
    assert set(blank.plain.values()) == {0.0}
    assert (blank.primary, scores.primary) == ("recall3", "top1")


def test_the_report_has_tables_confusions_and_the_most_confident_wrong_answers(report: Any, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    lines, values = "\n".join(report.lines()), json.loads(json.dumps(report.values(), allow_nan=False))
    tee, blouse = values["classes"][3], values["classes"][0]
    shown = ("objects", "detections", "true_positives", "false_positives", "missed", "precision", "recall", "taken_for")
    assert [tee[name] for name in shown] == [2, 1, 1, 0, 1, 1.0, 0.5, "Blouse (1)"]
    assert [blouse[name] for name in shown] == [0, 1, 0, 1, 0, 0.0, None, ""]
    assert (values["all"]["objects"], values["all"]["top1"], values["mean"]["top1"]) == (3, pytest.approx(2 / 3), 0.75)
    assert values["confusion"] == {
        "classes": [*CATEGORIES], "counts": [[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 1]],
    }  # fmt: skip
    assert values["tasks"]["season"]["confusion"] == [[1, 0], [1, 1]]
    assert values["attributes"][0] == {
        "attribute": "floral", "group": "texture", "images": 2, "recall3": 0.5, "recall5": 0.5, "group_recall3": 0.5,
        "group_recall5": 1.0,
    }  # fmt: skip
    assert [row["measured"] for row in values["attribute_groups"]] == [2, 3, 5]
    assert [(each["picture"], each["task"], each["truth"], each["answers"][0]) for each in values["wrong_answers"]] == [
        ("1.png", "season", "winter", ["summer", 0.6]), ("1.png", "category", "Tee", ["Blouse", 0.4]),
    ]  # fmt: skip
    for said in ("2 of the attributes", "plain, striped", "2 of the categories", "1 of 4 images is not", "IoU 0.583"):
        assert said in lines, lines
    drawn = report.draw(tmp_path)
    names = [
        "confusion",
        "confusion_normalised",
        "confusion_1_season",
        "confusion_1_season_normalised",
        "wrong_answers",
        "right_answers",
    ]
    assert [path.name for path in drawn] == [f"{name}.png" for name in names]
    pixels = {tuple(pixel) for pixel in np.asarray(Image.open(drawn[-2])).reshape(-1, 3).tolist()}
    assert {(46, 160, 67), (220, 38, 54)} <= pixels, "truth green, answers red"
    right = {tuple(pixel) for pixel in np.asarray(Image.open(drawn[-1])).reshape(-1, 3).tolist()}
    assert {(46, 160, 67), (29, 120, 216)} <= right, "right answers blue"
    assert all(each["truth"] == each["answers"][0][0] for each in values["right_answers"])
    assert len(values["right_answers"]) == 4, "of two tasks, where the truth is known"
    with pytest.raises(UsageError):
        report.write_coco(tmp_path)


def test_the_most_confident_wrong_answers_are_kept_and_no_others() -> None:
    made = classification.metrics(CATEGORIES, recipe(names={}, box=False))
    order = np.random.default_rng(1).permutation(100)
    for at in order.tolist():
        said = {"choices": np.array([0, 0, 0, at / 100], np.float32)}
        made.update([said], [{"choices": np.array([1 + 3 * (at % 2)])}], infos()[:1])
    report = made.report(Pictures(Path()), ReportOptions("m"))
    wrong, right = report.wrong, report.right
    assert [round(each.confidence * 100) for each in wrong] == [*range(98, 74, -2)], "the odd ones are right"
    assert [int(order[each.number]) for each in wrong] == [*range(98, 74, -2)]
    assert [int(order[each.number]) for each in right] == [*range(99, 75, -2)]


def test_a_box_comes_back_to_the_stored_image_and_none_stays_none() -> None:
    letterbox = Placement(np.array([[0.5, 0, 10], [0, 0.5, 0], [0, 0, 1]]), (100, 50), (160, 100))
    info = ImageInfo("a", (160, 100), (50, 100), letterbox)
    assert classification.restore({"box": np.array([20.0, 5, 60, 45])}, info)["box"].tolist() == [20, 10, 100, 90]
    assert classification.restore({"box": np.zeros(4)}, info)["box"].tolist() == [0, 0, 0, 0]


def test_drawn_are_the_box_and_what_is_probable_enough() -> None:
    blank = Image.new("RGB", (200, 100), (255, 255, 255))
    said = {**PREDICTIONS[0], "box": np.array((120.0, 40, 180, 90))}
    drawn = [
        np.asarray(tasks.presented(classification, NAMES, threshold).draw(blank, said, CATEGORIES))
        for threshold in (0.0, 0.85, 0.95)
    ]
    corner = [int((each[:, :60] != 255).any(axis=2).sum()) for each in drawn]
    assert corner[0] > corner[1] > corner[2] > 0, "the season stays"
    assert (drawn[2][65, 120:124] != 255).any(), "left edge of the box"
    framed = {**TARGETS[0], "box": np.array((20, 40, 90, 90))}
    both = np.asarray(tasks.presented(classification, NAMES).draw(blank, said, CATEGORIES, target=framed))
    assert {(46, 160, 67), (29, 120, 216)} <= {tuple(pixel) for pixel in both.reshape(-1, 3).tolist()}


def test_results_are_a_json_an_image_and_a_table_of_all(tmp_path: Path) -> None:
    (writer,) = tasks.presented(classification, NAMES).writers().values()
    images = [Path("a/x.png"), Path("b/x.png")]
    options = ResultsOptions(CATEGORIES, images)
    assert isinstance(writer, Tabulates)
    with writer.open(tmp_path, options) as results, writer.table(tmp_path, options) as table:
        for each in (results, table):
            each.add(images[0], "a/x.json", PREDICTIONS[0])
            each.add(images[1], "b/x.json", PREDICTIONS[1])
    told = json.loads((tmp_path / "a/x.json").read_text())
    assert told["choices"]["category"][0] == {"name": "Tee", "probability": 0.4}
    assert [each["name"] for each in told["choices"]["season"]] == ["summer", "winter"]
    assert [each["name"] for each in told["attributes"]["fabric"]] == ["denim", "knit"], "silk has no probability"
    assert (told["image"], told["box"]) == ("a/x.png", [10, 10, 30, 30])
    rows = list(csv.DictReader((tmp_path / "results.csv").open()))
    assert [(row["image"], row["category"], row["season"]) for row in rows] == [
        ("a/x.png", "Tee", "summer"), ("b/x.png", "Blouse", "summer"),
    ]  # fmt: skip
    assert (rows[1]["attribute1"], rows[1]["attribute1_probability"], rows[1]["right"]) == (
        "dotted",
        "0.90000",
        "100.00",
    )
    writer.require_no_annotations(tmp_path / "a/x.json")
    (tmp_path / "labels.json").write_text('{"shapes": []}')
    with pytest.raises(UsageError) as refused:
        writer.require_no_annotations(tmp_path / "labels.json")
    assert refused.value.where == tmp_path / "labels.json"


def test_a_model_with_other_numbers_of_values_than_names_is_refused() -> None:
    made = classification.metrics(CATEGORIES, recipe())
    with pytest.raises(ModelError, match="6"):
        made.update([{**PREDICTIONS[0], "choices": np.zeros(5, np.float32)}], TARGETS[:1], infos()[:1])


def coco(folder: Path) -> Source:
    """Images of 40 x 20 pixels: one with two garments, one, none, and one of a class that is not trained."""
    folder.mkdir()
    rows = [
        (1, "Tee", (0, 0, 10, 10), [1], []), (1, "Dress", (10, 0, 20, 20), [2, 3], [1]),
        (2, "Tee", (0, 5, 15, 10), [1], []), (2, "Dress", (0, 0, 40, 20), [2], []), (4, "Cape", (0, 0, 9, 9), [1], []),
    ]  # fmt: skip
    names = [*CATEGORIES, "Cape"]
    annotations = [
        {"id": at, "image_id": image, "category_id": names.index(name) + 1, "bbox": box, "attribute_ids": has}
        | {"unknown_attribute_ids": unknown, "iscrowd": int(image == 2 and name == "Dress")}
        for at, (image, name, box, has, unknown) in enumerate(rows, start=1)
    ]
    images = [{"id": at, "file_name": f"{at}.png", "width": 40, "height": 20} for at in range(1, 5)]
    for image in images:
        Image.new("RGB", (40, 20), (99, 99, 99)).save(folder / str(image["file_name"]))
    document = {
        "images": images, "annotations": annotations,
        "categories": [{"id": at, "name": name} for at, name in enumerate(names, start=1)],
        "attributes": [{"id": at, "name": name, "supercategory": "part"} for at, name in enumerate("abc", start=1)],
    }  # fmt: skip
    (folder / "a.json").write_text(json.dumps(document))
    return Source(folder, folder / "a.json", "coco")


def read(source: Source, attributes: tuple[str, ...]) -> tuple[Split, list[Any]]:
    """The data with their middle as the input, and the targets."""
    view = Cut(width=20, height=20, stretched=(40, 20))
    made = recipe(names={"attributes": attributes})
    made = replace(made, data=Data((), (source,), {}), plain_view=view, size=(20, 20))
    split = frames.validation(made, CATEGORIES, made.fields or {})
    assert split is not None
    order, pictures = batches.for_validation(made, split)
    with closing(batches.batches(pictures, order, workers=0)) as all_of_them:
        (batch,) = all_of_them
    return split, batch.targets


def test_a_target_is_that_of_the_largest_object_and_the_others_are_counted(tmp_path: Path) -> None:
    split, targets = read(coco(tmp_path / "data"), ("c", "a"))
    assert [each["choices"].tolist() for each in targets] == [[2], [4], [0], [0]]
    assert [int(each["label"]) for each in targets] == [2, 4, 0, 0]
    assert [each["attributes"].tolist() for each in targets] == [[1, -1], [0, 1], [-1, -1], [-1, -1]]
    boxes = [each["box"].tolist() for each in targets]
    assert boxes == [[0, 0, 20, 20], [0, 5, 5, 15], [0, 0, 0, 0], [0, 0, 0, 0]], "clipped to the input"
    assert split.columns["attributes"].nbytes == 2 * len(targets)
    notes = "\n".join(split.notes)
    assert "1 objects of the validation data are left out, such as one of 1.png" in notes
    assert "1 parts of objects" in notes, "b of the first, which the spec does not name"
    assert sorted(count.items for count in split.losses.lost.values()) == [1, 1, 1], "one is a crowd"
    split.losses.require_balance()


@pytest.mark.parametrize(("attributes", "word"), [(("a", "cc"), '"c"'), (("a", "b", "c", "sleeve"), "sleeve")])
def test_attributes_that_the_data_do_not_list_are_refused(
    tmp_path: Path, attributes: tuple[str, ...], word: str
) -> None:
    with pytest.raises(DataError) as refused:
        read(coco(tmp_path / "data"), attributes)
    assert refused.value.where == tmp_path / "data/a.json"
    assert word in f"{refused.value.what} {refused.value.hint}"


def test_a_thousand_attributes_of_all_images_take_no_more_than_eighty_megabytes() -> None:
    column = Attributes(tuple(map(str, range(1000)))).column()
    column.extend(np.zeros((100, 2, 125), np.uint8))
    assert column.nbytes / 100 * 289_222 < 80e6


def graph(path: Path) -> Path:
    """A classifier of 4 x 4 pixels out of the middle of 8 x 8: "red" by the mean of the red channel, the attribute by
    how green the left column is, the box always the same."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from runtime.nn.export import onnx_files

    helper = onnx.helper
    arrays = {
        "scale": np.array(1 / 255, np.float32), "one": np.array(1, np.float32), "first": np.array(1, np.int64),
        "red": np.array([0], np.int64), "green": np.array([1], np.int64), "places": np.array([0], np.int64),
        "fixed": np.array([[1, 0, 2, 4]], np.float32),
    }  # fmt: skip
    nodes = [
        helper.make_node("Mul", ["images", "scale"], ["shares"]),
        helper.make_node("ReduceMean", ["shares"], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node("Gather", ["means", "red"], ["probability"], axis=1),
        helper.make_node("Sub", ["one", "probability"], ["other"]),
        helper.make_node("Concat", ["probability", "other"], ["choices"], axis=1),
        helper.make_node("ArgMax", ["choices"], ["place"], axis=1, keepdims=0),
        helper.make_node("Add", ["place", "first"], ["label"]),
        helper.make_node("Gather", ["shares", "green"], ["greens"], axis=1),
        helper.make_node("Gather", ["greens", "places"], ["column"], axis=3),
        helper.make_node("ReduceMean", ["column"], ["attributes"], axes=[2, 3], keepdims=0),
        helper.make_node("Sub", ["probability", "probability"], ["nothing"]),
        helper.make_node("Add", ["nothing", "fixed"], ["box"]),
    ]
    outputs = {"label": (7, [None]), "choices": (1, [None, 2]), "attributes": (1, [None, 1]), "box": (1, [None, 4])}
    made = helper.make_graph(
        nodes, "classifier", [helper.make_tensor_value_info("images", 1, ["batch", 3, 4, 4])],
        [helper.make_tensor_value_info(name, *kind) for name, kind in outputs.items()],
        [onnx.numpy_helper.from_array(value, name) for name, value in arrays.items()],
    )  # fmt: skip
    whole = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx_files.save(whole, path, names=("red", "other"))
    given = {"shape": ["batch", 3, 4, 4], "cut_out_of": {"width": 8, "height": 8}}
    names: dict[str, tuple[str, ...]] = {"tasks": ("colour",), "attributes": ("green",)}
    told = Card("onnx", "multitask_none", ("red", "other"), (4, 4), given, dict.fromkeys(outputs, ""), names=names)
    card.path_of(path).write_text(told.text())
    return path


def test_ten_crops_say_together_what_their_mean_is(tmp_path: Path) -> None:
    """A red quarter at the top left, green left half; stored twice as large as what the crops are cut out of."""
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:8, :8, 0] = pixels[:, :8, 1] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    words = ["multitask", "-m", str(graph(tmp_path / "m.onnx")), "-i", str(tmp_path / "a.png"), "--device", "cpu"]
    assert infer.main([*words, "-l", str(tmp_path / "plain")]) == 0
    assert infer.main([*words, "-l", str(tmp_path / "ten"), "--ten_crop"]) == 0
    plain, ten = (json.loads((tmp_path / folder / "a.json").read_text()) for folder in ("plain", "ten"))
    assert plain["choices"]["colour"] == [{"name": "other", "probability": 0.75}, {"name": "red", "probability": 0.25}]
    assert plain["attributes"] == {"all": [{"name": "green", "probability": 1.0}]}
    # Red: a crop that is, one that is to a quarter, of five. Green: left columns of three of five, right ones of two.
    assert ten["choices"]["colour"][1]["probability"] == pytest.approx((1 + 0.25) / 5, abs=1e-5)
    assert ten["attributes"]["all"][0]["probability"] == pytest.approx((3 + 2) / 10, abs=1e-5)
    assert plain["box"] == ten["box"] == [2 * (2 + 1), 2 * 2, 2 * (2 + 2), 2 * (2 + 4)]


def test_of_ten_views_the_box_is_that_of_the_first() -> None:
    """The others see other parts, or the mirror image."""
    views = [prediction((at, 0, 0, 0), (0, 0), [at] * 7, (at, 0, 9, 9)) for at in (1, 2)]
    said = classification.averaged(views, (10, 20), CATEGORIES)
    assert (said["box"].tolist(), said["choices"][0], int(said["label"])) == ([11, 20, 19, 29], 1.5, 1)


def test_a_model_of_other_attributes_than_the_spec_s_is_refused(tmp_path: Path) -> None:
    names: dict[str, tuple[str, ...]] = {"tasks": ("colour",), "attributes": ("blue",)}
    own = replace(recipe(), classes=("red", "other"), size=(4, 4), names=names)
    with pytest.raises(ModelError, match="attributes") as refused:
        backends.open(graph(tmp_path / "m.onnx"), ModelRequest("multitask", own))
    assert all(word in refused.value.what for word in ("green", "blue"))


def test_ten_crops_are_for_classifiers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.onnx").write_bytes(b"")
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    words = ["yolox", "-m", str(tmp_path / "m.onnx"), "-i", str(tmp_path / "a.png"), "-l", str(tmp_path / "l")]
    assert infer.main([*words, "--ten_crop"]) == 2
    assert "--ten_crop" in capsys.readouterr().err
