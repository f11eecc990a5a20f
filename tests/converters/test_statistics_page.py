"""The page of a data set: whole in one file, harmless whatever names it shows, with pictures of every class."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kept import Kept
from PIL import Image

from converters.model import Box, Dataset, Keypoints, Object, Sample, run_lengths
from converters.statistics import charts, measure
from converters.statistics.page import render
from converters.statistics.showcase import SIDE, picks
from specs.ssd.anchor_search import figures
from tltpipe.progress import Silent

EVIL = '<script>alert("1")</script>'
QUOTE = "\" onload='x' {{ 7 * 7 }} \x00\u202e"
VOID = {"meta", "input", "br", "link", "img", "hr"}


class Page(HTMLParser):
    """Tags that are closed in their order, and what the attributes hold."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"twice the same attribute: {tag} {names}"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"{tag} closes something else"

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def named(self, tag: str, style: str = "") -> list[dict[str, str | None]]:
        return [of for name, of in self.tags if name == tag and style in ("", *(of.get("class") or "").split())]


def picture(folder: Path, name: str, size: tuple[int, int] = (120, 160)) -> Path:
    path = folder / f"{name}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.effect_noise(size, 90).convert("RGB").save(path)
    return path


def drawn(folder: Path, name: str, *things: Object, size: tuple[int, int] = (120, 160), **more: Any) -> Sample:
    return Sample(name, str(picture(folder, name.replace("/", "_").replace("<", "_"), size)), *size, things, **more)


def thing(category: str, *corners: float, **more: Any) -> Object:
    return Object(category, Box(*(corners or (10, 20, 60, 120))), **more)


def page(samples: list[Sample], *categories: str, other: list[Sample] | None = None, **more: Any) -> str:
    datasets = {"train": Dataset(categories, Kept(samples))}
    if other is not None:
        datasets["validation"] = Dataset(categories, Kept(other))
    return render(measure(datasets, fit=figures, progress=Silent()), **{"title": "things", "format": "coco", **more})


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    """Fifty pictures of twelve classes, of which the last are on one each."""
    names = [f"class_{min(number, 11)}" for number in [0] * 20 + [1] * 15 + list(range(2, 12)) + [3, 4, 5, 6, 7]]
    rng = np.random.default_rng(1)
    return [
        drawn(
            tmp_path,
            f"{number:04d}",
            thing(
                name,
                *(rng.uniform(0, 50, 2).tolist() + rng.uniform(60, 120, 2).tolist()),
                polygons=((10, 20, 60, 20, 60, 120, 10, 120),),
                keypoints=Keypoints([20, 30, 2, 40, 50, 1, 0, 0, 0]),
                occlusion=number % 3,
                truncation=0.2 * (number % 2),
                extra={"scale": 1 + number % 3},
            ),
            *([thing("class_0")] if number % 7 == 0 else []),
            source=("user", "shop")[number % 2],
        )
        for number, name in enumerate(names)
    ]


CLASSES = tuple(f"class_{number}" for number in range(12))


def test_one_file_that_loads_nothing_and_runs_nothing(samples: list[Sample]) -> None:
    text = page(samples, *CLASSES, other=samples[:9])
    found = Page(text)
    assert not re.search(r"https?:|//[a-z]|url\((?!#)|@import", re.sub(r"base64,[^\"]+", "", text))
    assert not found.named("script")
    assert not found.named("link")
    assert not [of for _, of in found.tags if any(name.startswith("on") for name in of)]
    addresses = [value for _, of in found.tags for name, value in of.items() if name in ("href", "src", "xlink:href")]
    assert all(address and address.startswith(("#", "data:image/")) for address in addresses)
    policy = next(of["content"] for of in found.named("meta") if of.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert len(text) < 6_000_000


def test_names_are_text_whatever_they_hold(tmp_path: Path) -> None:
    categories = (EVIL, QUOTE, "skirt\udcff")
    evil = [
        drawn(tmp_path, f"{number}{EVIL}", thing(name, extra={EVIL: EVIL}), source=EVIL)
        for number, name in enumerate(categories * 2)
    ]
    datasets = {EVIL: Dataset(categories, Kept(evil)), QUOTE: Dataset(categories, Kept(evil[:3]))}
    text = render(measure(datasets, fit=figures, progress=Silent()), title=EVIL, format=EVIL)
    found = Page(text)
    assert not found.named("script")
    assert "<script" not in text
    assert not [of for _, of in found.tags if any(name.startswith("on") for name in of)]
    assert "{{ 7 * 7 }}" in "".join(found.words)  # a template inside a name is not one
    text.encode()


def test_every_class_is_on_some_picture_and_so_are_the_extremes(samples: list[Sample]) -> None:
    text = page(samples, *CLASSES, pictures=24)
    shown = Page(text).named("figure", "shot")
    assert len(shown) == 24
    seen = {label for figure in shown for label in re.findall(r"\bc(\d+)\b", figure["class"] or "")}
    assert seen == {str(number) for number in range(1, 13)}
    for why in ("smallest box", "tallest box", "widest box", "largely occluded"):
        assert f"<b>{why}</b>" in text


def test_pictures_are_small_jpegs_with_what_is_on_them(tmp_path: Path) -> None:
    mask = run_lengths.encode(np.pad(np.ones((200, 100), np.uint8), ((0, 600), (0, 500))))
    one = thing("cat", 100, 200, 400, 600, polygons=((100, 200, 400, 200, 400, 600),), mask=mask)
    text = page([drawn(tmp_path, "a/b", one, size=(600, 800))], "cat", "dog")
    found = Page(text)
    jpeg = re.search(r"data:image/jpeg;base64,([^\"]+)", text)
    small = Image.open(io.BytesIO(base64.b64decode(jpeg[1])))
    assert small.size == (SIDE * 3 // 4, SIDE)
    factor = SIDE / 800
    box = found.named("rect", "box")[0]
    assert [float(box[name] or 0) for name in ("x", "y", "width", "height")] == [
        round(value * factor, 1) for value in (100, 200, 300, 400)
    ]
    assert 'd="M45.0 90.0L180.0 90.0L180.0 270.0Z"' in text
    png = re.search(r"data:image/png;base64,([^\"]+)", text)
    shape = Image.open(io.BytesIO(base64.b64decode(png[1]))).getchannel("A")
    assert shape.getbbox() == (0, 0, 45, 90)


def test_the_same_data_make_the_same_page_and_the_same_choice(samples: list[Sample]) -> None:
    assert page(samples, *CLASSES) == page(samples, *CLASSES)
    report = measure({"train": Dataset(CLASSES, Kept(samples))}, fit=figures, progress=Silent())
    assert set(picks(report, 20)) <= set(picks(report, 40))


def test_it_can_be_used_without_a_pointer_or_eyes(samples: list[Sample]) -> None:
    found = Page(page(samples, *CLASSES, other=samples[:9]))
    assert dict(found.tags)["html"]["lang"] == "en"
    plots = [of for tag, of in found.tags if tag == "svg"]
    assert all(of.get("role") == "img" and of.get("aria-label") for of in plots)
    ids = [of["id"] for _, of in found.tags if of.get("id")]
    labels = [of["for"] for of in found.named("label")]
    assert len(ids) == len(set(ids))
    assert set(labels) <= set(ids)
    assert {of["id"] for of in found.named("input")} == set(labels)
    anchors = {(of["href"] or "")[1:] for of in found.named("a")}
    assert anchors <= set(ids)


@pytest.mark.parametrize("annotated", [True, False])
def test_little_or_nothing_to_show(tmp_path: Path, annotated: bool) -> None:
    bare = drawn(tmp_path, "1")
    for some in ([bare], []):
        data = Dataset(("cat",), Kept(some), annotated=annotated)
        text = render(measure({"test": data}, fit=figures, progress=Silent()), title="x", format="coco")
        Page(text)
        assert "nan" not in re.sub(r"base64,[^\"]+", "", text).lower().replace("annotat", "")
    one = drawn(tmp_path, "2", thing("cat", 0, 0, 120, 160))
    Page(page([one], "cat"))
    Page(page([one, drawn(tmp_path, "3", thing("cat", 50, 50, 50, 50))], "cat"))


def test_pictures_that_cannot_be_read_are_passed_over(samples: list[Sample]) -> None:
    Path(samples[0].image).write_bytes(b"no picture")
    Path(samples[1].image).unlink()
    assert len(Page(page(samples, *CLASSES, pictures=60)).named("figure", "shot")) == 48


def test_a_picture_with_far_too_much_on_it_stays_small(tmp_path: Path) -> None:
    ring = tuple(np.random.default_rng(1).uniform(0, 150, 200_000).tolist())
    many = [thing("cat", polygons=(ring,) * 3, keypoints=Keypoints([5, 5, 2] * 500)) for _ in range(60)]
    assert len(page([drawn(tmp_path, "1", *many)], "cat")) < 1_000_000


def test_thousands_of_classes_make_no_endless_page(tmp_path: Path) -> None:
    categories = tuple(f"class {number}" for number in range(1500))
    many = [drawn(tmp_path, str(number), *map(thing, categories[number::30])) for number in range(30)]
    text = page(many, *categories)
    assert len(text) < 2_500_000
    assert "The 100 most frequent of 1500" in text


def test_histograms_count_every_value_once() -> None:
    values = np.array([1, 1, 2, 8, 100], np.float32)
    axis = charts.Axis(1, 10, "size", ((1, "1"), (10, "10")), log=True)
    shares = [float(share) for share in re.findall(r": ([\d.]+)% of boxes", charts.histogram({"all": values}, axis))]
    assert sum(shares) == pytest.approx(100)


def test_hexagons_hold_every_point_in_the_nearest_one() -> None:
    rng = np.random.default_rng(1)
    points = rng.uniform(0, 1, (500, 2))
    counts = charts._hexagons(points[:, 0], points[:, 1], 10)
    assert sum(counts.values()) == 500
    middles = np.array(list(counts))
    away = np.linalg.norm(points[:, None] - middles[None], axis=2).min(axis=1)
    assert away.max() <= 1 / 10 / np.sqrt(3) + 1e-6
