"""The sentences of the report: what one sees on its plots, said with the numbers of this very data set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converters.statistics import Report


def words(name: str) -> str:
    """A name as people write it."""
    return name.replace("_", " ")


def lead(report: Report) -> str:
    """The data set in a sentence or two."""
    splits = report.numbers["splits"]
    pictures = sum(told["pictures"] for told in splits.values())
    items = sum(told["items"] for told in splits.values())
    named = " and ".join(f"{told['pictures']:,} in {name}" for name, told in splits.items())
    classes = len(report.numbers["categories"])
    text = f"{_count(pictures, 'picture')} with {_count(items, 'item')} of {_count(classes, 'class')}: {named}."
    left_out = sum(len(told["left_out"]) for told in splits.values())
    return text + (f" {left_out:,} more cannot be used." if left_out else "")


def facts(report: Report) -> list[tuple[str, str]]:
    """The few figures that come first, each with what it is."""
    told = report.numbers["splits"][report.main]
    everything, sizes = told["all"], told["picture_sizes"]
    found = [
        (f"{told['pictures']:,}", f"pictures in {report.main}"),
        (f"{told['items']:,}", "items on them"),
        (f"{told['items_per_picture']['mean']:.2f}", "items on a picture"),
    ]
    if sizes["width"]:
        found.append(
            (f"{sizes['width']['median']:.0f} × {sizes['height']['median']:.0f}", "pixels, the median picture")
        )
    if everything["relative_area"]:
        found.append((f"{everything['relative_area']['median']:.0%}", "of its picture, the median box"))
    anchors = report.numbers["anchors"]
    if anchors:
        found.append((f"{anchors['suggested']['all']['recall']['0.5']:.1%}", "of boxes met by the anchors below"))
    return found


def classes(report: Report) -> str:
    told = report.numbers["splits"][report.main]["classes"]
    there = [(name, own) for name, own in told.items() if own["items"]]
    if not there:
        return "There are no items."
    most, least = max(there, key=lambda each: each[1]["items"]), min(there, key=lambda each: each[1]["items"])
    text = f"Most frequent is {words(most[0])} with {most[1]['share']:.0%} of the items"
    if most[0] != least[0]:
        times, few = most[1]["items"] / least[1]["items"], least[1]["items"]
        text += f", {times:,.{1 if times < 10 else 0}f} times as many as {words(least[0])} ({few:,}), the rarest"
    missing = len(told) - len(there)
    return text + (f"; {_count(missing, 'class')} without any." if missing else ".")


def attributes(report: Report) -> str:
    told = report.numbers["splits"][report.main]["attributes"]
    if told is None:
        return ""
    counts = [each["items"] for each in told["each"].values()]
    few, none = sum(0 < count < FEW for count in counts), counts.count(0)
    text = f"{_count(len(counts), 'attribute')}, {told['mean']:.1f} of an item in the mean"
    text += f"; {few:,} on fewer than {FEW} items" if few else ""
    return text + (f", {none:,} on none." if none else ".")


FEW = 10
"""Items under which an attribute is rare."""


def density(report: Report) -> str:
    width, height = report.size
    return (
        f"Each hexagon is darker the more boxes have this width and height once pictures are {width} × {height}. "
        "Filled dots are the anchors suggested below, hollow ones the spec's own: dots should lie where it is dark."
    )


def size(report: Report) -> str:
    sizes = report.numbers["splits"][report.main]["all"]["input_sizes"]
    return (
        f"At the network's input {sizes['large']:.0%} of the boxes are large (from 96²), {sizes['medium']:.0%} medium "
        f"and {sizes['small']:.1%} small (under 32²) in the words of COCO."
    )


def shape(report: Report) -> str:
    aspect = report.numbers["splits"][report.main]["all"]["aspect_ratio"]
    return (
        f"The median box is {aspect['median']:.2f} times as high as wide; nine in ten lie between "
        f"{aspect['p5']:.2f} and {aspect['p95']:.2f}."
    )


def place(report: Report) -> str:
    rows = report.numbers["splits"][report.main]["heat"]
    total = sum(map(sum, rows)) or 1
    half = len(rows) // 2
    upper = sum(map(sum, rows[:half])) / total
    where = "the upper half" if upper > 0.53 else "the lower half" if upper < 0.47 else "neither half"
    return f"How often each part of the picture lies in a box; {where} has more of them. Lines mark thirds."


def amounts(report: Report) -> str:
    told = report.numbers["splits"][report.main]
    histogram = told["items_per_picture"]["histogram"]
    total = max(1, told["pictures"])
    single = sum(each["pictures"] for each in histogram if each["items"] == 1) / total
    most = histogram[-1]["items"] if histogram else 0
    text = f"{single:.0%} of the pictures show one item; the fullest shows {most}."
    return text + (f" {told['without_items']:,} show none." if told["without_items"] else "")


def sizes(report: Report) -> str:
    told = report.numbers["splits"][report.main]
    most, different = told["picture_sizes"]["most"][0], told["picture_sizes"]["different"]
    share = most["pictures"] / max(1, told["pictures"])
    if different == 1:
        return f"All pictures are {most['width']} × {most['height']}."
    usual = f"{most['width']} × {most['height']}"
    return f"{different:,} sizes; {usual} is the most frequent with {share:.0%} of the pictures."


def source(report: Report) -> str:
    counts = report.numbers["splits"][report.main]["sources"]
    name, count = max(counts.items(), key=lambda each: each[1])
    return f"{count / sum(counts.values()):.0%} of the pictures are from {name}."


def values(name: str, shares: Mapping[str, float]) -> str:
    most, share = max(shares.items(), key=lambda each: each[1])
    told = sum(shares.values())
    text = f"{share:.0%} of the items are “{most}”" + (f"; {1 - told:.0%} have no value." if told < 0.995 else ".")
    return f"{text} {_NOTES[name]}" if name in _NOTES else text


_NOTES = {
    "occlusion": "Evaluation in TLT leaves what is not “none” out of the count.",
    "style": "With its pair, a style above 0 says which garment this is.",
}


def together(report: Report) -> str:
    found = report.numbers["splits"][report.main]["together"]
    names, rows = found["classes"], found["pictures"]
    pairs = [(rows[a][b], names[a], names[b]) for a in range(len(names)) for b in range(a)]
    count, one, other = max(pairs)
    return (
        "In percent: of the pictures that show the class of the row, how many also show that of the column. "
        f"Most often together are {words(other)} and {words(one)}, on {_count(count, 'picture')}."
    )


def anchors(report: Report) -> str:
    told: dict[str, Any] | None = report.numbers["anchors"]
    if told is None:
        return "There are no boxes to fit anchors to."
    before, after = told["default"]["all"], told["suggested"]["all"]
    width, height = report.size
    return (
        f"Fitted to the {_count(told['boxes'], 'box')} of {told['split']} at {width} × {height}, for six feature maps "
        f"and as many anchors as the spec has by default ({told['suggested']['anchors']:,} on a picture): "
        f"{after['recall']['0.5']:.1%} of the boxes then have an anchor of IoU 0.5 or more on its grid, "
        f"where the default has one for {before['recall']['0.5']:.1%}; "
        f"the mean of the best IoU goes from {before['mean_iou']:.2f} to {after['mean_iou']:.2f}."
    )


def _count(number: int, what: str) -> str:
    many = f"{what}es" if what.endswith(("s", "x")) else f"{what}s"
    return f"{number:,} {what if number == 1 else many}"
