"""One pass, two outputs, each split for itself."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from refusals import error_of

import converters
from converters.model import rules
from converters.transfer import transfer
from converters.transfer.parts import Summary
from converters.transfer.prepare import Target, prepare
from converters.transfer.selection import Selection
from tltpipe.errors import DataError, HostError, UsageError
from tltpipe.progress import Lines, Silent, read


def run(root: Path, **options: Any) -> Summary:
    """Prepare the split at ``root``."""
    return run_all(root.parent, root.name, **options)[root.name]


def run_all(data: Path, *splits: str, **options: Any) -> dict[str, Summary]:
    options.setdefault("progress", Silent())
    found = converters.splits(data, "deepfashion2")[1]
    wanted = {
        split: (found[split], Target(data / "COCO" / f"{split}.json", data / split / "label"))
        for split in splits or found
    }
    left_out = data / "left-out.txt"
    return prepare(wanted, class_maps=(data, data / "COCO"), journal=data / ".journal", left_out=left_out, **options)


def ids(page: dict[str, Any]) -> list[tuple[int, int, int]]:
    return [(record["id"], record["image_id"], record["category_id"]) for record in page["annotations"]]


def test_both_outputs_and_a_summary(maker: Any) -> None:
    root = maker.split(maker.page(maker.item(9), maker.item(1)), maker.page(), maker.page(maker.item(9)))
    summary = run(root)
    assert (summary.images, summary.items, summary.skipped) == (3, 3, 0)
    assert {name: count for name, count in summary.categories.items() if count} == {
        "short_sleeved_shirt": 1,
        "skirt": 2,
    }
    assert len(summary.categories) == 13
    assert [str(finding) for finding in summary.findings] == ["B306: 1 pictures without items: 000002"]
    rest = "10.00 12.00 61.00 41.00" + " 0.00" * 7
    assert (root / "label" / "000001.txt").read_text() == f"skirt 0.00 1 0.00 {rest}\n" + (
        f"short_sleeved_shirt 0.00 1 0.00 {rest}\n"
    )
    assert (root / "label" / "000002.txt").read_text() == ""
    page = json.loads((root.parent / "COCO" / "train.json").read_text())
    assert ids(page) == [(1, 1, 9), (2, 1, 1), (3, 3, 9)]
    assert page["annotations"][0]["occlusion"] == 2
    assert [image["source"] for image in page["images"]] == ["user"] * 3


def test_splits_do_not_leak_into_each_other(maker: Any) -> None:
    train = maker.split(*(maker.page(maker.item(9)) for _ in range(3)))
    validation = maker.split(maker.page(maker.item(8)), name="validation")
    run_all(train.parent)
    page = json.loads((validation.parent / "COCO" / "validation.json").read_text())
    assert [image["id"] for image in page["images"]] == [1]
    assert ids(page) == [(1, 1, 8)]
    assert len(list((train / "label").iterdir())) == 3


def test_bad_picture_stops_and_leaves_nothing(maker: Any) -> None:
    root = maker.split(maker.page(maker.item()), maker.page(maker.item(9, occlusion=9)))
    with pytest.raises(DataError, match=r"000002\.json: item1\.occlusion"):
        run(root)
    assert sorted(path.name for path in root.iterdir()) == ["annos", "image"]
    assert [path.name for path in root.parent.iterdir()] == ["train"]


def test_what_was_there_stays_when_a_later_run_fails(maker: Any) -> None:
    root = maker.split(maker.page(maker.item()))
    run(root)
    before = (root.parent / "COCO" / "train.json").read_bytes()
    (root / "annos" / "000001.json").write_text("{")
    with pytest.raises(DataError):
        run(root)
    assert (root.parent / "COCO" / "train.json").read_bytes() == before
    assert (root / "label" / "000001.txt").read_text()


def test_skip_bad_leaves_pictures_out_whole_and_lists_them(maker: Any) -> None:
    clipped_then_bad = maker.page(maker.item(9, bounding_box=[-1, 0, 9, 9]), maker.item(9, bounding_box=[5, 5, 5, 9]))
    root = maker.split(maker.page(maker.item()), clipped_then_bad, "{", maker.page(maker.item()))
    (root / "image" / "000004.jpg").unlink()
    summary = run(root, skip_bad=True)
    assert (summary.images, summary.items, summary.skipped) == (1, 1, 3)
    (finding,) = summary.findings
    assert (finding.rule, finding.count) == (rules.LEFT_OUT, 3)
    for example, part in zip(finding.examples, ("has no area", "cut off", "000004.jpg"), strict=True):
        assert part in example
    assert [path.name for path in (root / "label").iterdir()] == ["000001.txt"]
    listed = (root.parent / "left-out.txt").read_text().splitlines()
    assert [line.split("\t")[0] for line in listed] == ["000002", "000003", "000004"]


def test_nothing_usable_is_an_error(maker: Any) -> None:
    with pytest.raises(DataError, match="all of train is lost"):
        run(maker.split("{"), skip_bad=True)


def test_worker_processes_write_the_same_bytes(maker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "CHUNK", 4)
    root = maker.split(*(maker.page(maker.item(1 + n % 13), maker.item(9)) for n in range(30)))
    run(root, workers=1)
    outputs = [root.parent / "COCO" / "train.json", *sorted((root / "label").iterdir())]
    alone = [path.read_bytes() for path in outputs]
    run(root, workers=2)
    assert [path.read_bytes() for path in outputs] == alone
    (root / "annos" / "000017.json").write_text("{")
    assert error_of(DataError, run, root, match=r"000017\.json:1:\d+: .*cut off", workers=2).hint


def test_progress_counts_every_picture(maker: Any) -> None:
    lines: list[str] = []
    run(maker.split(*(maker.page() for _ in range(5))), progress=Lines(lines.append, every=0))
    last = read(lines[-1])
    assert (last.done, last.total, last.what) == (5, 5, "prepare")


def test_labels_lie_where_a_kitti_reader_finds_them(maker: Any) -> None:
    root = maker.split(maker.page(maker.item(9)))
    run(root)
    (sample,) = converters.read("kitti", root)
    assert sample.objects[0].category == "skirt"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_that_cannot_be_written(maker: Any) -> None:
    root = maker.split(maker.page(maker.item()))
    root.chmod(0o500)
    with pytest.raises(HostError, match="cannot be written"):
        run(root)


def test_classes_chosen_renamed_and_merged(maker: Any) -> None:
    root = maker.split(maker.page(maker.item(1), maker.item(2)), maker.page(maker.item(9)), maker.page(maker.item(8)))
    rename = {"short_sleeved_shirt": "top", "long_sleeved_shirt": "top"}
    summary = run(root, selection=Selection(rename=rename, classes=("skirt", "top")))
    assert (summary.images, summary.categories) == (2, {"skirt": 1, "top": 2})
    assert summary.selected_away == {"class": 1, "left empty": 1, "landmarks of merged classes": 2}
    assert (root.parent / "classes.txt").read_text() == (root.parent / "COCO/classes.txt").read_text() == "skirt\ntop\n"
    page = json.loads((root.parent / "COCO" / "train.json").read_text())
    assert [(record["id"], record["name"]) for record in page["categories"]] == [(1, "skirt"), (2, "top")]
    assert ids(page) == [(1, 1, 2), (2, 1, 2), (3, 2, 1)]
    assert sorted(path.name for path in (root / "label").iterdir()) == ["000001.txt", "000002.txt"]
    with pytest.raises(UsageError, match='no class "socks"'):
        run(root, selection=Selection(classes=("socks",)))


def test_dropped_by_occlusion_size_zoom_and_source(maker: Any) -> None:
    heavy = maker.item(9, occlusion=3)
    small, near = maker.item(9, bounding_box=[10, 12, 15, 41]), maker.item(9, zoom_in=3)
    root = maker.split(
        maker.page(maker.item(9), heavy, small, near), maker.page(maker.item(9), source="shop"), maker.page(heavy)
    )
    chosen = Selection(max_occlusion=1, min_size=8, max_zoom=2, sources=("user",))
    summary = run(root, selection=chosen)
    assert (summary.images, summary.items) == (1, 1)
    assert summary.selected_away == {"occlusion": 2, "size": 1, "zoom": 1, "source": 1, "left empty": 1}
    assert run(root, selection=Selection(max_occlusion=1, keep_empty=True)).images == 3


def test_subset_is_the_same_everywhere_and_grows(maker: Any) -> None:
    root = maker.split(*(maker.page(maker.item(9)) for _ in range(20)))
    chosen = []
    for count in (5, 8):
        assert run(root, selection=Selection(subset=count)).images == count
        chosen.append({path.stem for path in (root / "label").iterdir()})
    assert chosen[0] < chosen[1]
    # By blake2b of the name, on any machine.
    assert sorted(chosen[0]) == ["000003", "000004", "000013", "000015", "000017"]


def test_test_split_has_pictures_only(maker: Any) -> None:
    root = maker.split(maker.page(maker.item(9)))
    test = maker.split(maker.page(), maker.page(), name="test")
    for path in (test / "annos").iterdir():
        path.unlink()
    (test / "annos").rmdir()
    done = run_all(root.parent)
    assert (done["test"].images, done["test"].items, done["test"].findings) == (2, 0, ())
    page = json.loads((root.parent / "COCO" / "test.json").read_text())
    assert [image["file_name"] for image in page["images"]] == ["000001.jpg", "000002.jpg"]
    assert page["annotations"] == []
    assert not (test / "label").exists(), "no label is not the same as nothing to see"


def test_a_second_run_at_the_same_time_is_refused(maker: Any) -> None:
    from tltpipe.journal import alone

    root = maker.split(maker.page(maker.item(9)))
    with alone(root.parent / ".journal"), pytest.raises(HostError, match="another run"):
        run(root)
    assert run(root).images == 1
