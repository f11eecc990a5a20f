"""What is decided about pictures: garments and like pictures on one side, and the report tells no lies."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kept import Kept
from msgspec import structs
from PIL import Image
from refusals import error_of

from converters import partition
from converters.model import Box, Dataset, Object, Sample, rules
from converters.partition import AT_RANDOM, Plan, Rules
from tltpipe.errors import DataError, UsageError

CLASSES = ("skirt", "vest", "shorts")


def thing(category: str, pair: int | None = None, style: int | None = None) -> Object:
    return Object(category, Box(1, 2, 30, 40), pair_id=pair, style=style)


def sample(name: str, *things: Object, image: Path | None = None) -> Sample:
    return Sample(name, str(image or f"nowhere/{name}.jpg"), 80, 60, things)


def dataset(*samples: Sample, joint_pairs: bool = True) -> Dataset:
    return Dataset(CLASSES, Kept(samples, (Path("nowhere"),)), joint_pairs=joint_pairs)


def planned(*samples: Sample, **options: object) -> Plan:
    return partition.plan({"train": dataset(*samples)}, needed=False, **options)  # type: ignore[arg-type]


def sides(plan: Plan) -> dict[str, str]:
    return {name: side for side in plan.names for name in plan.pictures(side)}


def together(samples: Sequence[Sample]) -> int:
    """How many groups of pictures there are that share garments."""
    groups: list[set[tuple[int | None, int]]] = []
    bare = 0
    for each in samples:
        own = {(one.pair_id, one.style) for one in each.objects if one.style}
        bare += not own
        touched = [group for group in groups if group & own]
        groups = [group for group in groups if not group & own] + ([own.union(*touched)] if own else [])
    return len(groups) + bare


things = st.lists(st.builds(thing, st.sampled_from(CLASSES), st.integers(1, 12), st.integers(0, 2)), max_size=3)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(things, min_size=6, max_size=60), st.booleans(), st.text(max_size=3), st.integers(0, 99), st.integers(2, 3)
)
def test_garments_never_cross_and_order_does_not_matter(
    pages: list[list[Object]], stratify: bool, seed: str, shuffle: int, number: int
) -> None:
    samples = [sample(f"{n:06d}", *page) for n, page in enumerate(pages)]
    shares = {"train": 0.7, "validation": 0.3} if number == 2 else {"train": 0.6, "validation": 0.2, "test": 0.2}
    options = {"shares": shares, "rules": Rules(stratify=stratify, seed=seed)}
    if together(samples) < number:
        with pytest.raises(DataError, match="belong together"):
            planned(*samples, **options)
        return
    plan = planned(*samples, **options)
    assert plan.report.groups.count == together(samples)
    found = sides(plan)
    assert sorted(found) == [each.id for each in samples]
    assert sum(len(plan.pictures(side)) for side in plan.names) == len(samples)
    garments: dict[tuple[int | None, int], set[str]] = {}
    for each in samples:
        for own in each.objects:
            if own.style:
                garments.setdefault((own.pair_id, own.style), set()).add(found[each.id])
    assert all(len(on) == 1 for on in garments.values())
    assert plan.report.leaks.total == plan.report.leaks.pictures == 0
    moved = samples[:]
    random.Random(shuffle).shuffle(moved)
    again = planned(*moved, **options)
    assert sides(again) == found
    assert again.report == plan.report


def test_without_identity_what_leaks_is_counted() -> None:
    samples = [sample(f"{n:03d}", thing("skirt", pair=n // 4, style=1)) for n in range(100)]
    apart = planned(*samples)
    assert apart.report.leaks.total == 0
    assert apart.report.before[AT_RANDOM].garments.count > 5
    torn = planned(*samples, rules=Rules(identity=False))
    found = sides(torn)
    crossing = [n for n in range(25) if len({found[f"{4 * n + k:03d}"] for k in range(4)}) == 2]
    assert torn.report.leaks.garments.count == len(crossing) > 0
    small = [name for name, side in found.items() if side == "validation"]
    assert torn.report.leaks.pictures == sum(int(name) // 4 in crossing for name in small)
    for example in torn.report.leaks.garments.examples:
        one, other = example.split(" ~ ")
        assert found[one] != found[other]
        assert int(one) // 4 == int(other) // 4


def test_style_0_and_no_pair_are_no_garment() -> None:
    samples = [sample(f"{n:03d}", thing("skirt", pair=1, style=0), thing("vest", style=5)) for n in range(20)]
    assert planned(*samples).report.groups.largest == 1


def test_another_seed_is_another_split() -> None:
    samples = [sample(f"{n:03d}", thing("skirt")) for n in range(100)]
    one, other = (planned(*samples, rules=Rules(seed=seed)).pictures("validation") for seed in ("", "2"))
    assert one != other
    assert len(one) == len(other) == 20


def test_the_same_on_every_machine() -> None:
    samples = [sample(f"{n:03d}", thing(CLASSES[n % 3], pair=n // 4, style=n % 2)) for n in range(30)]
    assert planned(*samples).pictures("validation") == ["004", "012", "013", "015", "020", "026"]


def test_counts() -> None:
    samples = [sample(f"{n:03d}", thing("skirt")) for n in range(100)]
    plan = planned(*samples, counts={"validation": 7})
    assert len(plan.pictures("validation")) == 7
    with pytest.raises(UsageError, match="100 pictures"):
        planned(*samples, counts={"validation": 100})


def test_one_group_of_all_is_refused() -> None:
    samples = [sample(f"{n:03d}", thing("skirt", 1, 1)) for n in range(10)]
    assert "--no-identity" in str(error_of(DataError, lambda: planned(*samples), match="10 of 10 belong together").hint)
    assert len(planned(*samples, rules=Rules(identity=False)).pictures("validation")) == 2


def test_a_group_larger_than_a_side_is_told() -> None:
    samples = [sample(f"{n:03d}", thing("skirt", 1 if n < 60 else n, 1)) for n in range(100)]
    report = planned(*samples).report
    assert report.groups.largest == 60
    assert "60 pictures that belong together is more than validation is to have (20)" in report.notes[0]
    assert report.splits["validation"].pictures == 20


def test_a_class_of_one_group_is_told() -> None:
    samples = [sample(f"{n:03d}", thing("skirt")) for n in range(20)]
    samples += [sample(f"v{n}", thing("vest", 1, 1)) for n in range(2)]
    notes = planned(*samples).report.notes
    assert any(note.startswith("no vest in") and "one group" in note for note in notes)


def test_class_shares_add_up() -> None:
    samples = [sample(f"{n:03d}", *[thing("skirt")] * (n % 3), thing("vest")) for n in range(90)]
    report = planned(*samples).report
    assert {name: sum(side.classes[name] for side in report.splits.values()) for name in CLASSES} == {
        "skirt": 90,
        "vest": 90,
        "shorts": 0,
    }
    side = report.splits[report.deviation.split]
    share = 100 * side.classes[report.deviation.category] / report.deviation.items
    assert share - 100 * side.asked / 90 == pytest.approx(report.deviation.points, abs=0.001)


def test_pooled_splits_whose_names_collide_are_kept_apart() -> None:
    sources = {
        name: dataset(*(sample(f"{n:02d}", thing("skirt", n // 2, 1)) for n in range(20)), joint_pairs=False)
        for name in ("train", "validation")
    }
    plan = partition.plan(sources, {"a": 0.5, "b": 0.5}, needed=False)
    assert sorted(sides(plan)) == sorted(f"{split}/{n:02d}" for split in sources for n in range(20))
    assert plan.report.groups.count == 20  # pair 3 of train is not pair 3 of validation
    assert "pair ids, numbered anew in each split, are moved: validation by 10" in plan.report.notes
    read = [each for made in plan.datasets(sources).values() for each in made]
    assert sorted(each.id for each in read) == sorted(sides(plan))
    pairs: dict[int | None, set[str]] = {}
    for each in read:
        pairs.setdefault(each.objects[0].pair_id, set()).add(each.id.split("/")[0])
    assert len(pairs) == 20
    assert all(len(origins) == 1 for origins in pairs.values())


def test_pooled_splits_with_joint_pairs_and_names_of_their_own() -> None:
    sources = {
        "train": dataset(*(sample(f"t{n}", thing("skirt", n, 1)) for n in range(20))),
        "validation": dataset(*(sample(f"v{n}", thing("skirt", n, 1)) for n in range(20))),
    }
    plan = partition.plan(sources, {"a": 0.5, "b": 0.5}, needed=False)
    found = sides(plan)
    assert all(found[f"t{n}"] == found[f"v{n}"] for n in range(20))
    assert plan.report.before["the source's splits"].garments.count == 20
    assert {each.objects[0].pair_id for made in plan.datasets(sources).values() for each in made} == set(range(20))


def test_judging_splits_as_they_are() -> None:
    samples = [sample(f"{n}", thing("skirt", n, 1)) for n in range(10)]
    for joint_pairs, leaks in ((True, 4), (False, 0)):
        report = partition.judge(
            {
                "train": dataset(*samples, joint_pairs=joint_pairs),
                "validation": dataset(
                    *(structs.replace(each, id=f"v{each.id}") for each in samples[:4]), joint_pairs=joint_pairs
                ),
            }
        )
        assert report.leaks.garments.count == report.leaks.pictures == leaks
        assert report.splits["validation"].pictures == 4
        assert report.not_found == 14


# Real pictures


def scene(seed: int) -> Image.Image:
    patches = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(patches).resize((80, 60), Image.Resampling.BICUBIC)


def jpeg(seed: int, *, quality: int = 90) -> bytes:
    stream = io.BytesIO()
    scene(seed).save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def photographs(folder: Path, contents: Sequence[bytes]) -> list[Sample]:
    samples = []
    for number, content in enumerate(contents):
        path = folder / f"{number:03d}.jpg"
        path.write_bytes(content)
        samples.append(sample(path.stem, thing("skirt"), image=path))
    return samples


def test_identical_pictures_stay_together(tmp_path: Path) -> None:
    samples = photographs(tmp_path, [jpeg(n // 2) for n in range(20)])
    plan = partition.plan({"train": dataset(*samples)})
    found = sides(plan)
    assert all(found[f"{n:03d}"] == found[f"{n + 1:03d}"] for n in range(0, 20, 2))
    assert plan.report.groups.sizes == {"2": 10}
    torn = partition.plan({"train": dataset(*samples)}, {"a": 0.5, "b": 0.5}, rules=Rules(identity=False)).report
    assert torn.leaks.identical.count > 0
    assert torn.leaks.alike is None


def test_pictures_that_begin_alike_are_not_identical(tmp_path: Path) -> None:
    content = jpeg(1) + bytes(5000)
    samples = photographs(tmp_path, [content + bytes([n]) for n in range(10)])
    assert partition.plan({"train": dataset(*samples)}).report.groups.largest == 1


def test_pictures_that_look_alike_stay_together_when_asked(tmp_path: Path) -> None:
    samples = photographs(tmp_path, [jpeg(n // 2, quality=95 - 40 * (n % 2)) for n in range(20)])
    assert partition.plan({"train": dataset(*samples)}).report.groups.largest == 1
    plan = partition.plan({"train": dataset(*samples)}, rules=Rules(near=True))
    found = sides(plan)
    assert all(found[f"{n:03d}"] == found[f"{n + 1:03d}"] for n in range(0, 20, 2))
    assert plan.report.leaks.alike.count == 0
    assert plan.report.before[AT_RANDOM].alike.count > 0  # type: ignore[union-attr]


def test_a_missing_picture_stops_or_is_left_out_or_is_told(tmp_path: Path) -> None:
    samples = photographs(tmp_path, [jpeg(n) for n in range(10)])
    Path(samples[3].image).unlink()
    with pytest.raises(DataError, match=r"003\.jpg: this picture is missing") as caught:
        partition.plan({"train": dataset(*samples)})
    assert caught.value.code == rules.NO_PICTURE.code
    plan = partition.plan({"train": dataset(*samples)}, skip_bad=True)
    assert "003" not in sides(plan)
    assert (len(sides(plan)), plan.report.left_out) == (9, 1)
    assert plan.facts.left_out[0].startswith("003\t")
    assert partition.plan({"train": dataset(*samples)}, needed=False).report.not_found == 1


def test_a_box_that_cannot_be_is_found_before_anything_is_decided() -> None:
    samples = [sample(f"{n}", thing("skirt")) for n in range(9)]
    bad = sample("bad", Object("skirt", Box(30, 20, 10, 40)))
    with pytest.raises(DataError, match="no area"):
        planned(*samples, bad)
    assert "bad" not in sides(planned(*samples, bad, skip_bad=True))
    with pytest.raises(DataError, match="not one picture"):
        planned(bad, skip_bad=True)
