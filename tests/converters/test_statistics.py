"""Numbers of a data set: counted right, the same on any number of processes, in a few bytes an item."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from kept import Kept
from refusals import error_of

from converters.model import Box, Dataset, Keypoints, Mask, Object, Sample
from converters.statistics import Report, measure
from converters.statistics.columns import VALUES
from converters.statistics.summary import heat, quantiles
from specs.ssd.anchor_search import figures
from tltpipe.errors import DataError
from tltpipe.progress import Silent


def sample(number: int, *objects: Object, size: tuple[int, int] = (100, 200), source: str | None = None) -> Sample:
    return Sample(f"{number:06d}", f"{number:06d}.jpg", *size, objects, source)


def thing(category: str, left: float, top: float, width: float, height: float, **more: Any) -> Object:
    return Object(category, Box(left, top, left + width, top + height), **more)


def dataset(*samples: Sample, categories: tuple[str, ...] = ("cat", "dog"), **more: Any) -> Dataset:
    return Dataset(categories, Kept(samples, broken=more.pop("broken", ())), **more)


def measured(*samples: Sample, **more: Any) -> Report:
    return measure({"train": dataset(*samples, **more)}, fit=figures, progress=Silent())


def train(*samples: Sample, **more: Any) -> Any:
    return measured(*samples, **more).numbers["splits"]["train"]


def test_counts_and_shares() -> None:
    told = train(
        sample(1, thing("cat", 0, 0, 10, 20), thing("cat", 5, 5, 30, 30), thing("dog", 0, 0, 50, 100)),
        sample(2, thing("cat", 0, 0, 10, 20)),
        sample(3),
    )
    assert (told["pictures"], told["items"], told["without_items"]) == (3, 4, 1)
    cat, dog = told["classes"]["cat"], told["classes"]["dog"]
    assert (cat["items"], cat["share"], cat["pictures"], cat["pictures_share"]) == (3, 0.75, 2, 0.6667)
    assert (dog["items"], dog["share"], dog["pictures"]) == (1, 0.25, 1)
    assert told["items_per_picture"] == {
        "mean": 1.333,
        "histogram": [{"items": 0, "pictures": 1}, {"items": 1, "pictures": 1}, {"items": 3, "pictures": 1}],
    }
    assert told["together"] == {"classes": ["cat", "dog"], "pictures": [[2, 1], [1, 1]]}


def test_sizes_in_pixels_of_the_picture_in_shares_of_it_and_in_pixels_of_the_input() -> None:
    boxes = [thing("cat", 0, 0, 20, 20), thing("cat", 0, 0, 50, 50), thing("cat", 0, 0, 100, 200)]
    report = measure({"train": dataset(sample(1, *boxes))}, fit=figures, progress=Silent(), size=(400, 400))
    cat = report.numbers["splits"]["train"]["classes"]["cat"]
    assert cat["width"]["median"] == 50
    assert cat["height"]["max"] == 200
    assert cat["relative_width"]["median"] == 0.5
    assert cat["relative_area"]["max"] == 1
    assert cat["aspect_ratio"] == pytest.approx(
        {"min": 1, "p5": 1, "p25": 1, "median": 1, "p75": 1.5, "p95": 1.9, "max": 2, "mean": 1.333}
    )
    assert cat["sizes"] == {"small": 0.3333, "medium": 0.3333, "large": 0.3333}
    # 20 x 20 of 100 x 200 is 80 x 40 of 400 x 400, and so on: medium, large, large.
    assert cat["input_sizes"] == {"small": 0.0, "medium": 0.3333, "large": 0.6667}


def test_the_line_between_small_and_medium_is_that_of_coco() -> None:
    told = train(sample(1, thing("cat", 0, 0, 32, 32), thing("cat", 0, 0, 31, 33), thing("cat", 0, 0, 96, 96)))
    assert told["classes"]["cat"]["sizes"] == {"small": 0.3333, "medium": 0.3333, "large": 0.3333}


def test_what_else_the_annotations_say() -> None:
    told = train(
        sample(
            1,
            thing("cat", 0, 0, 9, 9, occlusion=2, truncation=0.2, style=3, extra={"scale": 1, "pose": "side"}),
            thing("cat", 0, 0, 9, 9, keypoints=Keypoints([1, 1, 2, 2, 2, 1, 0, 0, 0, 3, 3, 2]), crowd=True),
            thing("dog", 0, 0, 9, 9, polygons=((0, 0, 5, 0, 5, 5),), mask=Mask(2, 2, b"04"), extra={"scale": 2}),
            source="shop",
        ),
        sample(2, source="user"),
        sample(3, source="shop"),
    )
    cat, everything = told["classes"]["cat"], told["all"]
    assert cat["occlusion"] == {"0": 0.5, "1": 0.0, "2": 0.5, "3": 0.0}
    assert cat["truncation"] == {"0": 0.5, "0.1": 0.0, "0.3": 0.5, "0.5": 0.0, "1": 0.0}
    assert cat["landmarks"] == {"items": 1, "points": 4, "visible": 0.5, "occluded": 0.25, "unlabelled": 0.25}
    assert told["classes"]["dog"]["landmarks"] is None
    assert (cat["crowd"], everything["with_polygons"], everything["with_mask"]) == (0.5, 0.3333, 0.3333)
    assert everything["fields"] == {
        "scale": {"1": 0.3333, "2": 0.3333},
        "pose": {"side": 0.3333},
        "style": {"3": 0.3333},
    }
    assert cat["fields"]["scale"] == {"1": 0.5}
    assert told["sources"] == {"shop": 2, "user": 1}


def test_a_field_with_too_many_values_is_named_without_them() -> None:
    objects = [thing("cat", 0, 0, 9, 9, extra={"id": number, "kind": 1}) for number in range(VALUES + 1)]
    fields = train(sample(1, *objects))["all"]["fields"]
    assert fields["id"] is None
    assert fields["kind"] == {"1": 1.0}


def test_boxes_are_clipped_to_their_picture_and_those_without_area_have_no_size() -> None:
    told = train(
        sample(1, thing("cat", -10, -10, 40, 60), thing("cat", 500, 0, 10, 10), thing("cat", 50, 50, -20, -20))
    )
    cat = told["classes"]["cat"]
    assert (cat["items"], told["without_area"]) == (3, 2)
    assert (cat["width"]["min"], cat["width"]["max"], cat["height"]["max"]) == (30, 30, 50)


def test_sizes_of_pictures() -> None:
    told = train(sample(1), sample(2), sample(3, size=(300, 50)))
    sizes = told["picture_sizes"]
    assert sizes["different"] == 2
    assert sizes["most"][0] == {"width": 100, "height": 200, "pictures": 2}
    assert sizes["width"]["max"] == 300


def test_heat_shows_where_boxes_lie() -> None:
    boxes = np.array([[0, 0, 0.5, 0.5], [0, 0, 0.25, 1], [np.nan] * 4], np.float32)
    assert heat(boxes, grid=4).tolist() == [[1, 0.5, 0, 0], [1, 0.5, 0, 0], [0.5, 0, 0, 0], [0.5, 0, 0, 0]]
    assert heat(np.zeros((0, 4), np.float32), grid=2).tolist() == [[0, 0], [0, 0]]


def test_quantiles_of_nothing() -> None:
    assert quantiles(np.array([np.nan])) is None
    assert quantiles(np.array([], np.float32)) is None


def test_broken_pictures_stop_it_or_are_left_out_and_the_others_keep_their_places() -> None:
    samples = [sample(number, thing("cat", 0, 0, 10 + number, 10)) for number in range(5)]
    with pytest.raises(DataError, match="is broken"):
        measured(*samples, broken=(1, 3))
    report = measure({"train": dataset(*samples, broken=(1, 3))}, fit=figures, progress=Silent(), skip_bad=True)
    told = report.numbers["splits"]["train"]
    assert told["pictures"] == 3
    assert told["left_out"] == [
        {"name": "000001", "problem": "000001.jpg: is broken"},
        {"name": "000003", "problem": "000003.jpg: is broken"},
    ]
    assert report.columns["train"].place.tolist() == [0, 2, 4]


def test_a_class_that_is_not_in_the_list_is_told() -> None:
    error = error_of(DataError, lambda: measured(sample(1, thing("cow", 0, 0, 9, 9))), match='"cow" is not among')
    assert error.code == "C604"


def test_the_same_numbers_on_any_number_of_processes() -> None:
    rng = np.random.default_rng(1)
    samples = [
        sample(
            number,
            *(
                thing(("cat", "dog")[k % 2], *rng.uniform(1, 50, 4), occlusion=k % 3, extra={"scale": k})
                for k in range(number % 4)
            ),
            source=("user", "shop")[number % 2],
        )
        for number in range(300)
    ]
    data = {"train": dataset(*samples), "validation": dataset(*samples[:7])}
    alone, together = (measure(data, fit=figures, progress=Silent(), workers=workers).numbers for workers in (1, 2))
    assert json.dumps(alone) == json.dumps(together)


def test_a_few_bytes_a_picture_and_an_item() -> None:
    samples = [sample(number, *(thing("cat", 0, 0, 9, 9) for _ in range(3))) for number in range(500)]
    columns = measured(*samples).columns["train"]
    arrays = [each for each in vars(columns).values() if isinstance(each, np.ndarray)]
    assert sum(array.nbytes for array in arrays) <= 500 * 16 + 1500 * 20 + 500


def test_nothing_at_all_and_pictures_that_nobody_annotated() -> None:
    report = measure({"test": dataset(sample(1), annotated=False), "empty": dataset()}, fit=figures, progress=Silent())
    told = report.numbers["splits"]
    assert told["test"]["annotated"] is False
    assert told["test"]["classes"]["cat"]["width"] is None
    assert told["empty"]["pictures"] == 0
    assert report.numbers["anchors"] is None
    json.dumps(report.numbers, allow_nan=False)


def test_the_split_to_train_on_is_called_train_or_the_first_that_is_annotated() -> None:
    one, other = dataset(sample(1)), dataset(sample(1), annotated=False)
    for datasets, main in (({"a": one, "train": one}, "train"), ({"test": other, "b": one}, "b"), ({"x": other}, "x")):
        assert replace(measure(datasets, fit=figures, progress=Silent())).main == main
