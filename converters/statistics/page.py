"""The report as one web page: nothing is loaded from anywhere, nothing on it runs, whatever names it shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from converters.pictures.drawing import PALETTE
from converters.statistics import Anchors, Report, captions, charts
from converters.statistics.charts import Axis
from converters.statistics.showcase import shots
from tltpipe import __version__

PICTURES = 48
"""Pictures that are shown."""
ROWS = 100
"""Classes in a table; with more the most frequent."""
FREQUENT, RARE = 30, 10
"""Attributes in a table: the most frequent, and the rarest of those that an item has."""
CHIPS = 40
"""Classes that the pictures can be filtered by."""
_SIZES = ("small", "medium", "large")
_KITTI = {"0": "none", "1": "partly", "2": "largely", "3": "unknown"}
_MEANINGS = {
    "occlusion": _KITTI,
    "scale": {"1": "small", "2": "moderate", "3": "large"},
    "zoom_in": {"1": "none", "2": "medium", "3": "large"},
    "viewpoint": {"1": "not worn", "2": "frontal", "3": "side or back"},
}
"""What numbers stand for: occlusion as in KITTI, the others as in DeepFashion2 (where all values are among these)."""


@dataclass(frozen=True)
class Figure:
    """A plot with its heading and what one sees on it."""

    title: str
    plot: Markup
    caption: str
    tall: bool = False


def render(report: Report, *, title: str, format: str, pictures: int = PICTURES) -> str:
    """The page about ``report``; ``title`` is the data set's name, ``pictures`` how many are shown."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["words"] = captions.words
    page = _Page(report)
    chosen = tuple(shots(report, pictures))
    text = environment.get_template("page.html.j2").render(
        title=title,
        format=format,
        version=__version__,
        report=report,
        numbers=report.numbers,
        main=page.main,
        others=page.others,
        told=page.told,
        lead=captions.lead(report),
        facts=captions.facts(report),
        colours=[f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in PALETTE],
        classes=list(page.classes()),
        class_caption=captions.classes(report),
        attributes=list(page.attributes()),
        attribute_caption=captions.attributes(report),
        has_landmarks=page.told["all"]["landmarks"] is not None,
        has_occlusion=page.occluded,
        boxes=list(page.boxes()),
        pictures=list(page.pictures()),
        circumstances=list(page.circumstances()),
        together=page.together(),
        anchors=report.numbers["anchors"],
        anchor_caption=captions.anchors(report),
        anchor_rows=list(page.anchor_rows()),
        shots=chosen,
        shapes=any(thing.shape or thing.mask for shot in chosen for thing in shot.things),
        points=any(thing.points for shot in chosen for thing in shot.things),
        chips=page.chips({thing.label for shot in chosen for thing in shot.things}),
    )
    return text.encode("utf-8", "replace").decode()  # names of files may hold what is no character


class _Page:
    """The parts of the page, one after the other."""

    def __init__(self, report: Report) -> None:
        self.report, self.main = report, report.main
        self.splits = report.numbers["splits"]
        self.told = self.splits[self.main]
        self.others = [name for name, told in self.splits.items() if name != self.main and told["annotated"]]
        self.order = [self.main, *self.others]
        self.labels = {name: number for number, name in enumerate(report.numbers["categories"], start=1)}

    @property
    def occluded(self) -> bool:
        """Whether anything is, or occlusion would say the same of all."""
        told = self.told["all"]
        return bool(told["items"]) and told["occlusion"]["0"] < 1

    def classes(self) -> Iterator[dict[str, Any]]:
        rows = sorted(self.told["classes"].items(), key=lambda each: -each[1]["items"])[:ROWS]
        most = max((told["items"] for _, told in rows), default=0) or 1
        for name, told in rows:
            landmarks = told["landmarks"]
            marks = {key: landmarks[key] for key in ("visible", "occluded", "unlabelled")} if landmarks else None
            about = f"{told['items']:,} items, {told['share']:.1%} of all"
            yield {
                "name": name,
                "colour": _colour(self.labels[name]),
                "told": told,
                "others": [self.splits[split]["classes"].get(name) for split in self.others],
                "bar": charts.bar(told["items"] / most, style=f"fill {_colour(self.labels[name])}", about=about),
                "sizes": charts.stack(told["input_sizes"], styles=("q3", "q2", "q1")) if told["width"] else "",
                "occlusion": charts.stack(_named(told["occlusion"], _KITTI), styles=("q1", "q2", "q3", "q4")),
                "landmarks": charts.stack(marks, styles=("q1", "q2", "q4")) if marks else "",
            }

    def attributes(self) -> Iterator[dict[str, Any]]:
        told = self.told["attributes"]
        if told is None:
            return
        there = sorted(((each["items"], name) for name, each in told["each"].items()), key=lambda pair: -pair[0])
        there = [pair for pair in there if pair[0]]
        shown = there if len(there) <= FREQUENT + RARE else [*there[:FREQUENT], *there[-RARE:]]
        others = [self.splits[split]["attributes"]["each"] for split in self.others]
        for items, name in shown:
            bar = charts.bar(items / there[0][0], style="main", about=f"{items:,} items")
            own = [each.get(name) for each in others]
            yield {"name": name, "told": told["each"][name], "others": own, "bar": bar}

    def boxes(self) -> Iterator[Figure]:
        report = self.report
        width, height = report.size
        relative = {name: report.columns[name].relative for name in self.order}
        own = relative[self.main]
        own = own[~np.isnan(own[:, 0])]
        if not len(own):
            return
        points = [
            (style, _dots(report.anchors[title], report.size))
            for style, title in (("before", "default"), ("after", "suggested"))
        ]
        titles = (f"width, of the picture's ({width} px)", f"height, of the picture's ({height} px)")
        plot = charts.density(own[:, 2], own[:, 3], points, titles=titles)
        yield Figure("Width and height", plot, captions.density(report), tall=True)
        sides = {name: np.sqrt(each[:, 2] * each[:, 3] * width * height) for name, each in relative.items()}
        axis = Axis(
            4,
            float(max(width, height)),
            "√area in pixels of the network's input",
            [(value, f"{value}") for value in (4, 8, 16, 32, 64, 96, 192, 384, 768) if value <= max(report.size)],
            log=True,
        )
        yield Figure("Size", charts.histogram(sides, axis), captions.size(report))
        usual = self.told["picture_sizes"]
        shape = (usual["width"]["median"], usual["height"]["median"])
        plot = charts.heat(self.told["heat"], shape=shape, title="Where boxes lie in the picture")
        yield Figure("Place", plot, captions.place(report), tall=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            aspects = {name: each.box[:, 3] / each.box[:, 2] for name, each in report.columns.items() if name in sides}
        ticks = ((0.2, "1:5"), (1 / 3, "1:3"), (0.5, "1:2"), (1, "1:1"), (2, "2:1"), (3, "3:1"), (5, "5:1"))
        axis = Axis(0.15, 1 / 0.15, "height : width", ticks, log=True)
        yield Figure("Shape", charts.histogram(aspects, axis), captions.shape(report))

    def pictures(self) -> Iterator[Figure]:
        report = self.report
        amounts = {}
        for name in self.order:
            split = self.splits[name]
            told = {
                f"{each['items']}": each["pictures"] / max(1, split["pictures"])
                for each in split["items_per_picture"]["histogram"]
                if each["items"] <= 15
            }
            more = 1 - sum(told.values())
            amounts[name] = told | ({"16+": more} if more > 1e-9 else {})
        order = sorted({name for told in amounts.values() for name in told}, key=lambda name: int(name.rstrip("+")))
        parts = {split: {name: told.get(name, 0.0) for name in order} for split, told in amounts.items()}
        yield Figure("Items on a picture", charts.columns(parts, "items"), captions.amounts(report))
        if len(report.columns[self.main].size):
            different, counts = np.unique(report.columns[self.main].size, axis=0, return_counts=True)
            most = np.argsort(-counts, kind="stable")[:250]
            sizes = [(int(different[k][0]), int(different[k][1]), int(counts[k])) for k in most]
            yield Figure("Sizes", charts.bubbles(sizes, title="Sizes of the pictures"), captions.sizes(report))
        if self.told["sources"]:
            parts = {name: _shares(self.splits[name]["sources"] or {}) for name in self.order}
            yield Figure("Source", charts.columns(parts, "source"), captions.source(report))

    def circumstances(self) -> Iterator[Figure]:
        told = self.told["all"]
        if self.occluded:
            yield self._values("occlusion", {name: self.splits[name]["all"]["occlusion"] for name in self.order})
        if told["items"] and told["truncation"]["0"] < 1:
            parts = {}
            for name in self.order:
                shares = self.splits[name]["all"]["truncation"]
                parts[name] = {"inside" if end == "0" else f"≤ {float(end):.0%}": each for end, each in shares.items()}
            caption = f"{1 - told['truncation']['0']:.0%} of the items are cut off by the border."
            yield Figure("Truncation", charts.columns(parts, "share outside the picture", unit="items"), caption)
        for name, shares in told["fields"].items():
            if shares:
                yield self._values(
                    name, {split: self.splits[split]["all"]["fields"].get(name) or {} for split in self.order}
                )

    def _values(self, name: str, parts: Mapping[str, Mapping[str, float]]) -> Figure:
        meanings = _MEANINGS.get(name, {})
        if not all(set(shares) <= set(meanings) for shares in parts.values()):
            meanings = {}
        named = {split: _most(_named(shares, meanings), 10) for split, shares in parts.items()}
        title = captions.words(name)
        return Figure(
            title.capitalize(), charts.columns(named, title, unit="items"), captions.values(name, named[self.main])
        )

    def together(self) -> Figure | None:
        together = self.told["together"]
        names = together["classes"]
        pairs = [rows[k] for place, rows in enumerate(together["pictures"]) for k in range(len(rows)) if k != place]
        if len(names) < 2 or not any(pairs):
            return None
        plot = charts.matrix(
            [captions.words(name) for name in names],
            together["pictures"],
            [_colour(self.labels[name]) for name in names],
        )
        return Figure("Classes that share pictures", plot, captions.together(self.report))

    def anchor_rows(self) -> Iterator[dict[str, Any]]:
        anchors = self.report.numbers["anchors"]
        if anchors is None:
            return
        before, after = anchors["default"], anchors["suggested"]
        rows = [("all classes", "", before["all"], after["all"])]
        rows += [
            (f"all of {name}", "", before["splits"][name], after["splits"][name])
            for name in self.others
            if after["splits"][name]["boxes"]
        ]
        classes = sorted(after["classes"], key=lambda name: -after["classes"][name]["boxes"])[:ROWS]
        rows += [
            (name, _colour(self.labels[name]), before["classes"][name], after["classes"][name])
            for name in classes
            if after["classes"][name]["boxes"]
        ]
        for name, colour, old, new in rows:
            about = f"recall at IoU 0.5: {old['recall']['0.5']:.1%} before, {new['recall']['0.5']:.1%} after"
            bell = charts.dumbbell(
                old["mean_iou"],
                new["mean_iou"],
                about=f"mean best IoU: {old['mean_iou']:.2f} before, {new['mean_iou']:.2f} after",
            )
            yield {"name": name, "colour": colour, "before": old, "after": new, "bell": bell, "about": about}

    def chips(self, shown: set[int]) -> list[tuple[int, str]]:
        """Number and name of the classes that pictures can be filtered by, the most frequent first."""
        names = sorted(self.labels, key=lambda name: -self.told["classes"].get(name, {"items": 0})["items"])
        return [(self.labels[name], name) for name in names if self.labels[name] in shown][:CHIPS]


def _colour(label: int) -> str:
    """The style of a class."""
    return f"t{(label - 1) % len(PALETTE)}"


def _named(shares: Mapping[str, float], names: Mapping[str, str]) -> dict[str, float]:
    return {names.get(value, value): share for value, share in shares.items() if share or value in ("0", "1")}


def _most(shares: Mapping[str, float], count: int) -> dict[str, float]:
    """The first ``count`` of ``shares``, the rest as one."""
    if len(shares) <= count:
        return dict(shares)
    kept = dict(list(shares.items())[: count - 1])
    return kept | {"other": 1 - sum(kept.values())}


def _shares(counts: Mapping[str, int]) -> dict[str, float]:
    total = sum(counts.values()) or 1
    return _most({name: count / total for name, count in counts.items()}, 8)


def _dots(anchors: Anchors, size: tuple[int, int]) -> Sequence[tuple[float, float, str]]:
    return [
        (float(width) / size[0], float(height) / size[1], f"anchor of map {number}: {width:.0f} x {height:.0f} pixels")
        for number, shapes in enumerate(anchors.shapes(size), start=1)
        for width, height in shapes
    ]
