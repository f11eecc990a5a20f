"""One pass, two outputs, each split for itself."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from converters import prepare as module
from converters.formats import kitti
from converters.prepare import Summary, prepare
from tltpipe.errors import DataError, HostError
from tltpipe.progress import Lines, Silent, read


def run(root: Path, **options: Any) -> Summary:
    options.setdefault("progress", Silent())
    return prepare(root, annotations=root.parent / "COCO" / f"{root.name}.json", labels=root / "label", **options)


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
    assert [str(finding) for finding in summary.findings] == ["1 pictures without items: 000002"]
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
    run(train)
    run(validation)
    page = json.loads((validation.parent / "COCO" / "validation.json").read_text())
    assert [image["id"] for image in page["images"]] == [1]
    assert ids(page) == [(1, 1, 8)]
    assert len(list((train / "label").iterdir())) == 3


def test_bad_picture_stops_and_leaves_nothing(maker: Any) -> None:
    root = maker.split(maker.page(maker.item()), maker.page(maker.item(9, occlusion=9)))
    with pytest.raises(DataError, match=r"000002\.json: item1\.occlusion"):
        run(root)
    assert sorted(path.name for path in root.iterdir()) == ["annos", "image"]
    assert list((root.parent / "COCO").iterdir()) == []


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
    assert (finding.what, finding.count) == ("pictures left out", 3)
    for example, part in zip(finding.examples, ("has no area", "cut off", "000004.jpg"), strict=True):
        assert part in example
    assert [path.name for path in (root / "label").iterdir()] == ["000001.txt"]


def test_nothing_usable_is_an_error(maker: Any) -> None:
    with pytest.raises(DataError, match="not one picture"):
        run(maker.split("{"), skip_bad=True)


def test_worker_processes_write_the_same_bytes(maker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 4)
    root = maker.split(*(maker.page(maker.item(1 + n % 13), maker.item(9)) for n in range(30)))
    run(root, workers=1)
    outputs = [root.parent / "COCO" / "train.json", *sorted((root / "label").iterdir())]
    alone = [path.read_bytes() for path in outputs]
    run(root, workers=2)
    assert [path.read_bytes() for path in outputs] == alone
    (root / "annos" / "000017.json").write_text("{")
    with pytest.raises(DataError, match=r"000017\.json:1:\d+: .*cut off") as caught:
        run(root, workers=2)
    assert caught.value.hint


def test_progress_counts_every_picture(maker: Any) -> None:
    lines: list[str] = []
    run(maker.split(*(maker.page() for _ in range(5))), progress=Lines(lines.append, every=0))
    last = read(lines[-1])
    assert last is not None
    assert (last.done, last.total, last.what) == (5, 5, "prepare train")


def test_labels_lie_where_a_kitti_reader_finds_them(maker: Any) -> None:
    root = maker.split(maker.page(maker.item(9)))
    run(root)
    (sample,) = kitti.read(root)
    assert sample.objects[0].category == "skirt"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_that_cannot_be_written(maker: Any) -> None:
    root = maker.split(maker.page(maker.item()))
    root.chmod(0o500)
    with pytest.raises(HostError, match="cannot be written"):
        run(root)


def test_a_file_where_a_folder_must_be(maker: Any) -> None:
    root = maker.split(maker.page(maker.item()))
    (root.parent / "COCO").write_text("")
    with pytest.raises(HostError):
        run(root)
    assert not (root / "label").exists()
