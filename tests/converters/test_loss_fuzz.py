"""A random part of a data set is deleted, renamed or moved: no run that ends well may have lost anything in silence.

TLTPIPE_LOSS_FUZZ sets how many rounds each format gets (300 take some minutes in all). A failure names format and seed.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import converters
from converters.transfer import opening
from converters.transfer.convert import Converted, convert
from converters.transfer.prepare import Target, prepare
from tltpipe import registry
from tltpipe.errors import DataError, TltpipeError
from tltpipe.progress import Silent

ROUNDS = int(os.environ.get("TLTPIPE_LOSS_FUZZ", "12"))
FORMATS = sorted(converters.known(writing=True))
CLASSES = ("shirt", "hat", "shoe")
SPLITS = {"train": 10, "validation": 5}
EMPTY = "B306"
"""Pictures without items: what images without a label file are in a format whose rule that is."""

Truth = dict[str, dict[str, Counter[str]]]
"""The items of each class, by split and picture."""


@dataclass
class Change:
    """What was taken away: ``images`` that must be missed, None where that depends on the format.

    ``known``: what was on them is still written somewhere, so that every item that is not there must be counted.
    """

    what: str
    images: int | None = None
    items: int | None = None
    known: bool = True


def write_source(root: Path) -> Path:
    """A COCO data set in which "shoe" is on two pictures only, and one picture of each split is empty."""
    chance = random.Random(5)
    (root / "annotations").mkdir(parents=True)
    for split, count in SPLITS.items():
        (root / "images" / split).mkdir(parents=True)
        images, annotations = [], []
        for number in range(1, count + 1):
            name = f"{split}_{number:02d}.jpg"
            Image.new("RGB", (64, 48), (number * 9, len(split), 80)).save(root / "images" / split / name)
            images.append({"id": number, "file_name": name, "width": 64, "height": 48})
            for place in range(0 if number == 3 else chance.randint(1, 3)):
                left, top = 2 + 9 * place, 3 + number
                box, ring = [left, top, 12, 14], [left, top, left + 12, top, left + 12, top + 14, left, top + 14]
                category = 3 if place == 0 and number in (1, 2) else chance.randint(1, 2)
                record = {"id": len(annotations) + 1, "image_id": number, "category_id": category, "bbox": box}
                annotations.append(record | {"area": 168, "iscrowd": 0, "segmentation": [ring]})
        categories = [{"id": number, "name": name} for number, name in enumerate(CLASSES, start=1)]
        page = {"images": images, "annotations": annotations, "categories": categories}
        (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(page))
    return root


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_source(tmp_path_factory.mktemp("loss") / "coco")


@pytest.fixture(scope="module", params=FORMATS)
def whole(request: pytest.FixtureRequest, source: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The data set in each format."""
    root = tmp_path_factory.mktemp(request.param) / "whole"
    convert(source, root, format=request.param, pictures="copy", progress=Silent())
    return request.param, root


def truth_of(root: Path, format: str = "coco") -> Truth:
    datasets = converters.splits(root, format)[1]
    return {
        split: {sample.id: Counter(thing.category for thing in sample.objects) for sample in dataset}
        for split, dataset in datasets.items()
    }


def pictures(root: Path, split: str) -> list[Path]:
    return sorted(path for path in root.rglob("*.jpg") if path.stem.startswith(f"{split}_"))


def labels(root: Path, split: str) -> list[Path]:
    """Files that each say what is on one picture."""
    return sorted(path for path in root.rglob(f"{split}_*") if path.suffix in (".txt", ".xml", ".json", ".png"))


def items(truth: Truth, split: str, stems: list[str]) -> int:
    return sum(truth[split][stem].total() for stem in stems)


# Each change takes the folder, the truth, the split and chance; None where the format has nothing of the kind.


def delete_pictures(root: Path, truth: Truth, split: str, chance: random.Random) -> Change:
    gone = chance.sample(pictures(root, split), chance.randint(1, len(truth[split]) - 1))
    for path in gone:
        path.unlink()
    return Change(f"deleted {[p.stem for p in gone]}", len(gone), items(truth, split, [p.stem for p in gone]))


def delete_class(root: Path, truth: Truth, split: str, chance: random.Random) -> Change:
    """Every picture that shows a shoe, in both splits."""
    gone = [
        path
        for name in truth
        for path in pictures(root, name)
        if "shoe" in truth[name][path.stem] and not path.unlink()  # type: ignore[func-returns-value]
    ]
    lost = sum(items(truth, name, [p.stem for p in gone if p.stem in truth[name]]) for name in truth)
    return Change("deleted a class", len(gone), lost)


def delete_labels(root: Path, truth: Truth, split: str, chance: random.Random) -> Change | None:
    found = labels(root, split)
    if not found:
        return None
    gone = chance.sample(found, chance.randint(1, len(truth[split])))
    for path in gone:
        path.unlink()
    return Change(f"deleted labels {[p.stem for p in gone]}", known=False)


def move_picture(root: Path, truth: Truth, split: str, chance: random.Random) -> Change:
    path = chance.choice(pictures(root, split))
    target = root / chance.choice(["elsewhere", "images/old"]) / path.name
    target.parent.mkdir(parents=True, exist_ok=True)
    path.rename(target)
    return Change(f"moved {path.stem} to {target.parent}", None, items(truth, split, [path.stem]))


def swap_sides(root: Path, truth: Truth, split: str, chance: random.Random) -> Change:
    path = chance.choice(pictures(root, split))
    other = next(name for name in truth if name != split)
    path.rename(pictures(root, other)[0].parent / path.name)
    return Change(f"moved {path.stem} to {other}", None, items(truth, split, [path.stem]))


def rename_picture(root: Path, truth: Truth, split: str, chance: random.Random) -> Change:
    path = chance.choice(pictures(root, split))
    path.rename(path.with_name(f"x{path.name}"))
    return Change(f"renamed {path.stem}", None, items(truth, split, [path.stem]))


def move_label(root: Path, truth: Truth, split: str, chance: random.Random) -> Change | None:
    found = labels(root, split)
    if not found:
        return None
    path = chance.choice(found)
    other = next(name for name in truth if name != split)
    path.rename(labels(root, other)[0].parent / path.name)
    return Change(f"moved the label {path.stem}", None, items(truth, split, [path.stem]))


def rename_class(root: Path, truth: Truth, split: str, chance: random.Random) -> Change:
    path = root / "classes.txt"
    names = path.read_text().splitlines()
    kind = chance.choice(["rename", "swap", "drop", "delete"])
    if kind == "rename":
        names[chance.randrange(3)] = "glove"
    elif kind == "swap":
        names[0], names[1] = names[1], names[0]
    elif kind == "drop":
        names.pop(chance.randrange(3))
    path.write_text("".join(f"{name}\n" for name in names))
    if kind == "delete":
        path.unlink()
    return Change(f"classes.txt: {kind}")


def delete_list(root: Path, truth: Truth, split: str, chance: random.Random) -> Change | None:
    """The file, or the records, that say what is on all pictures of a split."""
    known = [path for path in root.rglob("*") if path.is_file() and path.suffix != ".jpg"]
    found = [path for path in known if split in path.name and path not in labels(root, split)]
    for path in found:
        path.unlink()
    return Change(f"deleted {[str(path) for path in found]}", known=False) if found else None


def delete_split(root: Path, truth: Truth, split: str, chance: random.Random) -> Change:
    """Every picture of it: some formats refuse such a split whatever one allows."""
    gone = pictures(root, split)
    for path in gone:
        path.unlink()
    return Change(f"deleted {split}", None, items(truth, split, [path.stem for path in gone]))


CHANGES: tuple[Callable[[Path, Truth, str, random.Random], Change | None], ...] = (
    *(delete_pictures, delete_pictures, delete_class, delete_labels, move_picture, swap_sides, rename_picture),
    *(move_label, rename_class, delete_list, delete_split),
)


def prepared(root: Path, target: Path, *, source_format: str, **options: Any) -> Converted:
    """As `tltpipe prepare` does it: a COCO file and KITTI labels of each split."""
    found, places = opening.find(root, source_format)
    datasets = opening.read_all(root, places, source_format)
    splits = {
        name: (dataset, Target(target / f"annotations/instances_{name}.json", target / f"KITTI/{name}"))
        for name, dataset in datasets.items()
    }
    common: dict[str, Any] = {"class_maps": (target,), "journal": target.with_name("journal"), "progress": Silent()}
    done = prepare(splits, **common, places=places, roots=[root], **options)
    for name, (dataset, each) in splits.items():
        kitti = sum(len(path.read_text().splitlines()) for path in each.labels.rglob("*.txt"))
        assert kitti == done[name].items * dataset.annotated, "the labels hold what the COCO file does"
        (target / "images").mkdir(exist_ok=True)
        (target / "images" / name).symlink_to(places[name].images)
    return Converted(found, done)


def attempt(root: Path, target: Path, format: str, command: str, **options: Any) -> Converted | TltpipeError:
    shutil.rmtree(target, ignore_errors=True)
    try:
        if command == "prepare":
            return prepared(root, target, source_format=format, **options)
        return convert(root, target, format="coco", source_format=format, progress=Silent(), **options)
    except TltpipeError as problem:
        assert problem.exit_code in (2, 3), problem  # noqa: PT017 - an error is one of the right outcomes
        return problem


def judge(done: Converted, change: Change, truth: Truth, target: Path) -> None:
    """What is written is true, and what is not there is counted."""
    written, losses = truth_of(target), done.losses
    every = {stem: counts for split in truth.values() for stem, counts in split.items()}
    blank = 0
    for pictures_of in written.values():
        for stem, counts in pictures_of.items():
            expected = every.get(stem, Counter())
            assert counts in (expected, Counter()), f"{stem}: {counts} written, {expected} given"
            blank += counts != expected or stem not in every
    missed = len(set(every) - {stem for split in written.values() for stem in split})
    assert losses.written.images == sum(map(len, written.values()))
    assert losses.written.items == sum(counts.total() for split in written.values() for counts in split.values())
    assert losses.missing.images >= missed, f"{missed} pictures are not there: {losses.lines()}"
    empty = sum(found.count for split in done.splits.values() for found in split.findings if found.rule.code == EMPTY)
    assert empty >= blank, f"{blank} pictures were written without their items, {empty} were said to have none"
    if change.images is not None:
        assert losses.missing.images == change.images, losses.lines()
    given = sum(counts.total() for counts in every.values())
    gone = given - losses.written.items
    if change.items is not None:
        assert gone == change.items, (change, gone, losses.lines())
    if change.known:
        assert losses.missing.items == gone, (change, gone, losses.lines())
    elif gone:
        assert losses.missing.images or empty > len(SPLITS), losses.lines()


def loses_too_much(done: Converted) -> bool:
    """A whole class, or a whole split."""
    splits = [summary.losses for summary in done.splits.values()]
    return bool(done.losses.emptied()) or any(each.read.images and not each.written.images for each in splits)


@pytest.mark.parametrize("command", ["convert", "prepare"])
def test_nothing_is_lost_in_silence(whole: tuple[str, Path], command: str, tmp_path: Path) -> None:
    format, root = whole
    truth = truth_of(root, format)
    for seed in range(ROUNDS):
        chance = random.Random(f"{format} {seed}")
        copy = tmp_path / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(root, copy)
        change = CHANGES[(seed + len(format)) % len(CHANGES)](copy, truth, chance.choice(sorted(truth)), chance)
        if change is None:
            continue
        try:
            for options in ({}, {"skip_bad": True}, {"skip_bad": True, "allow_loss": True}):
                done = attempt(copy, tmp_path / "out", format, command, **options)
                if isinstance(done, Converted):
                    judge(done, change, truth, tmp_path / "out")
                    assert options.get("allow_loss") or not loses_too_much(done)
                elif options.get("allow_loss") and change.images:
                    raise AssertionError(f"refused: {done}")
        except AssertionError as fault:
            raise AssertionError(f"{format}, seed {seed}: {change}: {fault}") from fault


@pytest.mark.parametrize("format", FORMATS)
def test_a_whole_class_is_an_error_and_nothing_appears(format: str, source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "in", format=format, pictures="copy", progress=Silent())
    truth = truth_of(tmp_path / "in", format)
    change = delete_class(tmp_path / "in", truth, "train", random.Random(1))
    with pytest.raises(DataError, match="shoe"):
        convert(tmp_path / "in", tmp_path / "out", format="coco", skip_bad=True, progress=Silent())
    assert not (tmp_path / "out").exists()
    done = convert(tmp_path / "in", tmp_path / "out", format="coco", skip_bad=True, allow_loss=True, progress=Silent())
    assert done.losses.missing == (change.images, change.items)
    assert done.losses.emptied()["shoe"][0] == 4
    kept = convert(tmp_path / "in", tmp_path / "few", format="coco", skip_bad=True, progress=Silent(), **only_shirts())
    assert kept.losses.written.items > 0, "a class that nobody chose is no loss"


def only_shirts() -> dict[str, Any]:
    from converters.transfer.selection import Selection

    return {"selection": Selection(classes=("shirt",))}


def test_every_writable_format_takes_part() -> None:
    assert set(FORMATS) <= set(registry.names("converters.formats"))
    assert len(FORMATS) >= 7
