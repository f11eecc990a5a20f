"""COCO: what pycocotools sees, the official conversion field by field, any file that people have, in any order."""

from __future__ import annotations

import json
import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO
from refusals import error_of

import converters
from converters.formats import coco, deepfashion2
from converters.formats.coco import reading
from converters.model import Box, Dataset, Keypoint, KeypointSlot, Mask, Object, Sample, garments, run_lengths
from converters.model.findings import Findings
from converters.model.splits import Place
from tltpipe.errors import DataError, Location


def sample(id: str, *objects: Object) -> Sample:
    return Sample(id, f"image/{id}.jpg", 80, 60, objects)


def write(path: Path, *samples: Sample, categories: tuple[str, ...] = ("cat", "dog"), **options: Any) -> Path:
    with converters.open_writer("coco", path, categories, **options) as writer:
        for each in samples:
            writer.add(each)
    return path


def read(path: Path, images: Path | None = None) -> Dataset:
    return coco.read(Place(path.parent, path, images or path.parent / "pictures"))


def page(**changes: Any) -> dict[str, Any]:
    """A small file of somebody else's; ``changes`` are those of its annotation."""
    annotation = {"id": 5, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "iscrowd": 0, "segmentation": []}
    return {
        "info": {"year": 2017},
        "images": [{"id": 1, "file_name": "a.jpg", "width": 80, "height": 60}],
        "annotations": [{key: value for key, value in (annotation | changes).items() if value is not ...}],
        "categories": [{"id": 1, "name": "cat"}, {"id": 7, "name": "dog", "supercategory": "animal"}],
    }


def first(path: Path, content: dict[str, Any]) -> Object:
    """The object in the file of ``content``."""
    path.write_text(json.dumps(content))
    return next(iter(read(path))).objects[0]


BOX = Object("dog", Box(1, 2, 31, 42), polygons=((1, 2, 31, 2, 31, 42),))

# Writing


def test_every_field_is_that_of_the_official_conversion(maker: Any, tmp_path: Path) -> None:
    pages = [
        maker.page(maker.item(2), maker.item(9, landmarks=[0] * 24), pair_id=3),
        maker.page(),
        maker.page(maker.item(13)),
    ]
    split = maker.split(*pages)
    source = converters.read("deepfashion2", split)
    path = write(
        tmp_path / "a.json",
        *source,
        categories=source.categories,
        keypoints=source.keypoints,
        supercategories=source.supercategories,
        joint_pairs=source.joint_pairs,
    )
    # As its published program goes about it.
    images, annotations = [], []
    for number, content in enumerate(pages, 1):
        images.append(
            {
                **{
                    "coco_url": "",
                    "date_captured": "",
                    "file_name": f"{number:06d}.jpg",
                    "flickr_url": "",
                    "id": number,
                },
                **{"license": 0, "width": 80, "height": 60},
            }
        )
        for item in (value for key, value in content.items() if key not in ("source", "pair_id")):
            left, top, right, bottom = item["bounding_box"]
            vector, garment = [0] * 882, garments.BY_ID[item["category_id"]]
            vector[3 * garment.offset : 3 * garment.offset + len(item["landmarks"])] = item["landmarks"]
            annotations.append(
                {
                    **{"id": len(annotations) + 1, "image_id": number, "category_id": item["category_id"]},
                    **{"bbox": [left, top, right - left, bottom - top], "area": (right - left) * (bottom - top)},
                    **{"iscrowd": 0, "segmentation": item["segmentation"], "keypoints": vector},
                    **{"num_keypoints": sum(seen > 0 for seen in item["landmarks"][2::3])},
                    **{"pair_id": content["pair_id"], "style": item["style"]},
                }
            )
    points = {"keypoints": [str(number) for number in range(1, 295)], "skeleton": []}
    ours = json.loads(path.read_text())

    def same(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> bool:
        """Equal, ints as ints and floats as floats."""
        return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)

    kept = {"source": "user"}
    assert same(ours["images"], [each | kept for each in images])
    kept_of_item = {"scale": 2, "zoom_in": 1, "viewpoint": 2, "occlusion": 2}
    assert same(ours["annotations"], [each | kept_of_item for each in annotations])
    names = [(garment.id, garment.name) for garment in garments.CATEGORIES]
    assert same(
        ours["categories"], [{"id": id, "name": name, "supercategory": "clothes"} | points for id, name in names]
    )
    assert ours["licenses"] == []


def test_pycocotools_loads_what_is_written(tmp_path: Path) -> None:
    pixels = np.zeros((60, 80), np.uint8)
    pixels[20:40, 30:61] = 1
    mask = run_lengths.encode(pixels)
    crowd = Object("cat", Box(30, 20, 61, 40), mask=mask, crowd=True)
    outlined = Object("cat", Box(1, 2, 31, 42), BOX.polygons, crowd=True)
    path = write(tmp_path / "a.json", sample("000012", BOX, crowd, outlined))
    data = COCO(str(path))
    assert data.imgs[12]["file_name"] == "000012.jpg"
    assert data.anns[2]["iscrowd"] == data.anns[3]["iscrowd"] == 1
    assert data.anns[2]["segmentation"] == {"size": [60, 80], "counts": mask.counts.decode()}
    assert data.anns[2]["area"] == pixels.sum()
    assert np.array_equal(data.annToMask(data.anns[2]), pixels)
    assert data.annToMask(data.anns[1]).sum() > 300
    assert data.anns[3]["segmentation"] == [list(BOX.polygons[0])]


def test_ids_are_names_where_they_can_be(tmp_path: Path) -> None:
    ids = ["000002", "cat", "2", "000004", "dog", "000000", "a/000123", "b/000123", "٣"]
    content = json.loads(write(tmp_path / "a.json", *(sample(id, BOX) for id in ids)).read_text())
    assert [image["id"] for image in content["images"]] == [2, 1, 3, 4, 5, 6, 123, 7, 8]
    assert [annotation["id"] for annotation in content["annotations"]] == list(range(1, 10))
    assert [a["image_id"] for a in content["annotations"]] == [image["id"] for image in content["images"]]
    assert content["images"][6]["file_name"] == "a/000123.jpg"


def test_empty_and_failed(tmp_path: Path) -> None:
    content = json.loads(write(tmp_path / "a.json").read_text())
    assert (content["images"], content["annotations"]) == ([], [])
    assert [category["name"] for category in content["categories"]] == ["cat", "dog"]
    assert list(read(tmp_path / "a.json")) == []
    with pytest.raises(RuntimeError), converters.open_writer("coco", tmp_path / "b.json", ["cat"]) as writer:
        writer.add(sample("1"))
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_own_points_lie_among_zeros_and_a_category_may_have_the_id_0(tmp_path: Path) -> None:
    names = ("a", "b", "c", "d")
    slots = {"cat": KeypointSlot(names, 1, 2), "dog": KeypointSlot(names, 3, 1)}
    points = (Keypoint(7, 8.5, 2), Keypoint(0, 0, 0))
    cats = [Object("cat", Box(0, 0, 9, 9), keypoints=points), Object("cat", Box(0, 0, 5, 5))]
    dog = Object("dog", Box(0, 0, 9, 9), keypoints=points[:1])
    path = write(tmp_path / "a.json", sample("1", *cats), sample("2", dog), keypoints=slots, ids={"cat": 0, "dog": 4})
    assert [
        (each["id"], each["image_id"], each["category_id"], each["num_keypoints"], each["keypoints"])
        for each in json.loads(path.read_text())["annotations"]
    ] == [
        (1, 1, 0, 1, [0, 0, 0, 7, 8.5, 2, 0, 0, 0, 0, 0, 0]),
        (2, 1, 0, 0, [0] * 12),
        (3, 2, 4, 1, [0] * 9 + [7, 8.5, 2]),
    ]


def test_categories_without_keypoints_have_no_keypoint_fields(tmp_path: Path) -> None:
    content = json.loads(write(tmp_path / "a.json", sample("1", BOX)).read_text())
    assert "keypoints" not in content["annotations"][0]
    assert content["categories"][1] == {"id": 2, "name": "dog", "supercategory": ""}
    assert content["info"] == {}


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    point = (Keypoint(1, 1, 2),)
    slots = {"dog": KeypointSlot(("nose", "tail"), 0, 2)}
    for thing, message in (
        (Object("cow", Box(0, 0, 1, 1)), "cow is none of"),
        (Object("cat", Box(0, 0, 1, 1), keypoints=point), "not announced"),
        (Object("dog", Box(0, 0, 1, 1), keypoints=point), "1 keypoints, not 2"),
        (Object("cat", Box(0, 0, 1, 1), mask=Mask(80, 60, b"_1o0")), "do not fill"),
    ):
        with pytest.raises(DataError, match=message):
            write(tmp_path / "a.json", sample("1", thing), keypoints=slots)


def test_all_that_is_carried_comes_back(tmp_path: Path) -> None:
    slots = {
        "dog": KeypointSlot(("nose", "tail", "paw"), 0, 3, ((1, 2), (2, 3))),
        "cat": KeypointSlot(("1", "2"), 1, 1),
    }
    mask = run_lengths.encode(np.eye(60, 80))
    things = (
        Object(
            "dog", Box(0.1, 0.2, 3.4, 44.7), BOX.polygons, (Keypoint(1.5, 2, 1), Keypoint(0, 0, 0), Keypoint(3, 4, 2))
        ),
        Object("cat", Box(1 / 3, 2 / 3, 70.1, 50), keypoints=(Keypoint(7, 8, 2),), mask=mask, crowd=True),
        Object("cow", Box(1, 2, 3, 4), occlusion=3, truncation=0.25, pair_id=7, style=0),
        Object("cow", Box(1, 2, 3, 4), extra={"area": 3.5, "style": "formal", "pair_id": -1, "x": True, "note": "ü"}),
        Object("cow", Box(1, 2, 3, 4), BOX.polygons, crowd=True),
    )
    samples = (sample("a b/c.d-ü", *things), Sample("7", "7.png", 5, 4, source="shop"))
    above = {"dog": "animal"}
    options: dict[str, Any] = {"keypoints": slots, "supercategories": above, "joint_pairs": False}
    path = write(tmp_path / "a.json", *samples, categories=("dog", "cat", "cow"), **options)
    back = read(path)
    assert (back.categories, back.keypoints, back.supercategories) == (("dog", "cat", "cow"), slots, above)
    assert (back.joint_pairs, back.annotated) == (False, True)
    for one, other in zip(back, samples, strict=True):
        assert (one.id, one.width, one.height, one.objects, one.source) == (
            *(other.id, other.width, other.height, other.objects, other.source),
        )
    assert json.loads(path.read_text())["annotations"][0]["bbox"] == [0.1, 0.2, 3.3, 44.5], (
        "no digits that nobody wrote"
    )


# Reading


def test_other_peoples_files(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(page(category_id=7, area=10.5, score=0.5, ignored=[1], caption=None)))
    dataset = read(path, Path("pictures"))
    assert dataset.categories == ("cat", "dog")
    assert dataset.supercategories == {"dog": "animal"}
    assert dataset.joint_pairs
    for _ in range(2):
        (found,) = dataset
        thing = Object("dog", Box(1, 2, 4, 6), extra={"area": 10.5, "score": 0.5}, origin="annotation 5")
        assert found == Sample("a", "pictures/a.jpg", 80, 60, (thing,))
        assert found.where(found.objects[0]) == Location(path)


@pytest.mark.parametrize("counts", [[47, 31, 4722], "compressed"])
@pytest.mark.parametrize("crowd", [0, 1])
def test_masks_and_crowds(counts: Any, crowd: int, tmp_path: Path) -> None:
    mask = run_lengths.compressed([47, 31, 4722], 80, 60)
    given = mask.counts.decode() if counts == "compressed" else counts
    content = page(segmentation={"size": [60, 80], "counts": given}, iscrowd=crowd, area=31)
    thing = first(tmp_path / "a.json", content)
    assert (thing.mask, thing.polygons, thing.crowd, thing.extra) == (mask, (), bool(crowd), {})
    content = page(segmentation={"size": [60, 80], "counts": given}, bbox=...)
    assert first(tmp_path / "b.json", content).box == Box(0, 0, 2, 60)


def test_a_box_that_is_missing_is_that_of_the_polygons(tmp_path: Path) -> None:
    assert first(tmp_path / "a.json", page(bbox=..., segmentation=[[1, 2, 5, 2, 5, 9]])).box == Box(1, 2, 5, 9)


def test_keypoints(tmp_path: Path) -> None:
    content = page(keypoints=[1, 2, 2, 9, 9, 0, 3.5, 4, 1], num_keypoints=2)
    content["categories"][0] |= {"keypoints": ["a", "b", "c"], "skeleton": [[1, 2], [0, 1], [3, 9], "x"]}
    thing = first(tmp_path / "a.json", content)
    assert tuple(thing.keypoints) == (Keypoint(1, 2, 2), Keypoint(0, 0, 0), Keypoint(3.5, 4, 1))
    assert read(tmp_path / "a.json").keypoints == {"cat": KeypointSlot(("a", "b", "c"), 0, 3, ((1, 2),))}
    content["annotations"][0]["keypoints"] = [0] * 9
    path = tmp_path / "b.json"
    assert first(path, content).keypoints == ()
    findings = Findings()
    pictures = read(path).pictures
    pictures.load(pictures.keys()[0], findings)
    assert [str(finding) for finding in findings] == ["K502: 1 items without landmarks: a annotation 5"]


def test_the_official_deepfashion2_vector_is_known(tmp_path: Path) -> None:
    names = [str(number) for number in range(1, 295)]
    vector = [0] * 882
    vector[3 * 182 : 3 * 190] = [4, 5, 2] * 8
    content = page(keypoints=vector)
    content["categories"] = [{"id": 1, "name": "skirt", "keypoints": names, "skeleton": []}]
    assert tuple(first(tmp_path / "a.json", content).keypoints) == (Keypoint(4, 5, 2),) * 8
    dataset = read(tmp_path / "a.json")
    assert dataset.keypoints == {"skirt": deepfashion2.KEYPOINTS["skirt"]}
    assert not dataset.joint_pairs


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("style", [{}, {"separators": (",", ":")}, {"indent": 1}])
def test_any_order_any_layout_any_ids(
    large: bool, style: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        monkeypatch.setattr(reading, "LARGE", 0)
    path = tmp_path / "a.json"
    for seed in range(12):
        chance = random.Random(seed)
        as_id = chance.choice([int, float, str, lambda n: f"ü{n}", lambda n: -n, lambda n: n + 2**61])
        numbers = chance.sample(range(1, 9999), 40)
        images = [{"id": as_id(n), "file_name": f"{n}.jpg", "width": 99, "height": 99} for n in numbers]
        notes = [
            {"id": place, "image_id": as_id(chance.choice(numbers)), "category_id": 3, "bbox": [place, 1, 2, 2]}
            for place in range(90)
        ]
        parts = [("images", images), ("annotations", notes), ("categories", [{"id": 3, "name": "x"}]), ("info", {})]
        chance.shuffle(parts)
        path.write_bytes(b"\xef\xbb\xbf" * (seed % 2) + json.dumps(dict(parts), **style).encode())
        wanted = {f"{n}": [note["bbox"][0] for note in notes if note["image_id"] == as_id(n)] for n in numbers}
        dataset = read(path)
        assert {each.id: [thing.box.left for thing in each.objects] for each in dataset} == wanted
        keys = dataset.pictures.keys()
        assert list(wanted) == [dataset.pictures.name(key) for key in keys]
        # As a worker sees it: without the index, and in any order.
        pictures, some = pickle.loads(pickle.dumps((dataset.pictures, chance.sample(list(keys), 9))))
        for key in some:
            found = pictures.load(key, Findings())
            assert [thing.box.left for thing in found.objects] == wanted[found.id]


def test_categories_go_by_id(tmp_path: Path) -> None:
    content = page(category_id=90)
    names = [(90, "toothbrush"), (1, "person"), (13, "stop sign"), (2, "person")]
    content["categories"] = [{"id": id, "name": name} for id, name in names]
    assert first(tmp_path / "a.json", content).category == "toothbrush"
    assert read(tmp_path / "a.json").categories == ("person", "stop sign", "toothbrush")
    for note in content["categories"]:
        note["id"] = str(note["id"])
    content["annotations"][0]["category_id"] = "13"
    assert first(tmp_path / "b.json", content).category == "stop sign"
    assert read(tmp_path / "b.json").categories == ("person", "stop sign", "toothbrush")


def test_pictures_alone(tmp_path: Path) -> None:
    content = page()
    del content["annotations"]
    path = tmp_path / "image_info_test2017.json"
    path.write_text(json.dumps(content))
    for dataset in (read(path), converters.read("coco", path, "test")):
        assert not dataset.annotated
        assert [found.objects for found in dataset] == [()]
    del content["categories"]
    path.write_text(json.dumps(content))
    assert read(path).categories == ()


def test_a_size_that_is_missing_is_looked_up(tmp_path: Path) -> None:
    content = page()
    del content["images"][0]["width"], content["images"][0]["height"]
    (tmp_path / "a.json").write_text(json.dumps(content))
    Image.new("RGB", (33, 22)).save(tmp_path / "a.jpg")
    (found,) = read(tmp_path / "a.json", tmp_path)
    assert (found.width, found.height) == (33, 22)


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("a.jpg", "a"),
        ("deep/er/a.b.jpg", "deep/er/a.b"),
        ("./a.jpg", "a"),
        ("win\\a.jpg", "win/a"),
        ("C:\\data\\a.jpg", "a"),
        ("/data/set/a.jpg", "a"),
        ("/data/val2017/x/a.jpg", "x/a"),
        ("http://images.cocodataset.org/val2017/a.jpg", "a"),
        ("../../etc/a.jpg", "etc/a"),
        ("val2017/a.jpg", "a"),
        ("a", "a"),
        ("ü b.jpeg", "ü b"),
    ],
)
def test_names_of_pictures(name: str, id: str, tmp_path: Path) -> None:
    content = page()
    content["images"][0]["file_name"] = name
    (tmp_path / "a.json").write_text(json.dumps(content))
    (found,) = read(tmp_path / "a.json", tmp_path / "val2017")
    assert found.id == id
    assert Path(found.image) == tmp_path / "val2017" / found.file_name
    assert Path(found.image).resolve().is_relative_to(tmp_path)


@pytest.mark.parametrize(
    "name", ["", "..", "/", "a\0.jpg", "a\nb.jpg", 5, None, "x" * 5000, "x" * 300, "x/" * 9 + "x" * 256]
)
def test_names_that_are_none(name: Any, tmp_path: Path) -> None:
    content = page()
    content["images"][0]["file_name"] = name
    (tmp_path / "a.json").write_text(json.dumps(content))
    pictures = read(tmp_path / "a.json").pictures
    pictures.name(pictures.keys()[0])
    error = error_of(DataError, lambda: pictures.load(pictures.keys()[0], Findings()), match="file_name")
    assert isinstance(error.where, Location)


def test_pictures_of_one_name_are_told(tmp_path: Path) -> None:
    content = page()
    content["images"] += [content["images"][0] | {"id": 2, "file_name": name} for name in ("b.jpg",)]
    content["images"] += [content["images"][0] | {"id": 3, "file_name": "/x/a.png"}]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content, indent=1))
    pictures = read(path).pictures
    one, two, three = pictures.keys()
    assert [pictures.load(key, Findings()).id for key in (one, two)] == ["a", "b"]
    with pytest.raises(DataError, match=r'another image is called "a".*a\.json:6:3') as caught:
        pictures.load(three, Findings())
    assert caught.value.code == "F105"


# What is wrong


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"category_id": 3}, "id 5 has the category 3, which is not listed"),
        ({"category_id": True}, "must be a whole number, but is true"),
        ({"category_id": "3"}, 'category the string "3", which is not listed'),
        ({"category_id": ...}, '"category_id" of .* but is missing'),
        *(
            ({"bbox": bad}, '"bbox" of .* list of 4 numbers')
            for bad in ([1, 2, 3], [1, 2, 3, None], [1, 2, 3, True], ...)
        ),
        ({"bbox": [1, 2, 3, 1e300]}, r'"bbox" of .* 1e\+300, which cannot be a pixel'),
        *(({"segmentation": bad}, '"segmentation" of') for bad in ([[1, 2, 3]], [[1, 2, 3, "4"]], [1, 2, 3, 4], "x")),
        *(
            ({"segmentation": {"size": [60, 80], **counts}}, '"counts" that are no run lengths')
            for counts in ({}, {"counts": "ab"}, {"counts": "ü"})
        ),
        ({"segmentation": {"size": [60, 80], "counts": [1, 2]}}, "do not fill"),
        ({"segmentation": {"size": [10**9, 10**9], "counts": [10**18]}}, "cannot have"),
        ({"segmentation": {"size": [60, 8.5], "counts": [1]}}, '"size"'),
        ({"iscrowd": 2}, '"iscrowd" of'),
        ({"pair_id": []}, '"pair_id" of .* a list'),
        ({"occlusion": {}}, '"occlusion" of'),
        ({"keypoints": [1, 2]}, '"keypoints" of .* 3 numbers, but holds 2'),
        ({"keypoints": [1, 2, 7]}, "visibility"),
        ({"keypoints": [1, "2", 1]}, '"keypoints" of'),
        ({"id": 2**70, "iscrowd": 2}, '"iscrowd" of'),
    ],
)
def test_says_which_record_is_wrong(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = tmp_path / "a.json"
    content = page(**changes)
    content["categories"][0]["keypoints"] = ["nose"]
    path.write_text(json.dumps(content, indent=1))
    assert error_of(DataError, lambda: list(read(path)), match=message).where == Location(path, 14, 3)


@pytest.mark.parametrize(
    ("part", "record", "message"),
    [
        ("images", {"id": 1, "file_name": "b.jpg"}, "two images with the id 1"),
        ("images", {"file_name": "b.jpg"}, '"id" of .* but is missing'),
        ("images", {"id": 1.5}, '"id" of .* but is the number 1.5'),
        ("images", {"id": 2**62}, "too large for an id"),
        ("images", {"id": 10**300}, '"id" of'),
        ("images", {"id": 2, "file_name": "b.jpg", "width": 5}, '"height" of .* but is missing'),
        ("images", {"id": 2, "file_name": "b.jpg", "width": 5, "height": 0}, '"height" of'),
        ("images", {"id": 2, "file_name": "b.jpg", "width": "5 px", "height": 6}, '"width" of'),
        ("annotations", {"id": 9, "image_id": 8}, "id 9 is an annotation of the image 8, which is not listed"),
        ("annotations", {"id": 9, "image_id": "2"}, 'of the image the string "2", which is not listed'),
        ("annotations", {"id": 9}, '"image_id" of .* but is missing'),
        ("annotations", {"id": 9, "image_id": [1]}, '"image_id" of'),
        ("categories", {"id": 1, "name": "x"}, "two categories with the id 1"),
        ("categories", {"id": 2}, '"name" of .* but is missing'),
        ("categories", {"name": "x"}, '"id" of .* but is missing'),
        ("categories", 5, '"categories" must be a list of objects'),
    ],
)
def test_says_what_does_not_fit_together(part: str, record: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    content = page()
    content[part].append(record)
    text = json.dumps(content, indent=1)
    path.write_text(text)
    error = error_of(DataError, lambda: list(read(path)), match=message)
    if part != "categories":
        assert isinstance(error.where, Location)
        assert text.splitlines()[(error.where.line or 0) - 1].strip() == "{"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "a JSON object is needed here, not a list"),
        ("{}", '"images" is missing'),
        ('{"images": [1]}', '"images" must be a list of objects'),
        ('{"images": [', "cut off"),
        ('{"images": [], "annotations": []}', '"categories" is missing'),
        ('{"images": [], "annotations": [], "categories": {}}', '"categories" must be a list'),
        ('{"images": [], "annotations": 5, "categories": []}', '"annotations" must be a list'),
    ],
)
def test_says_what_is_no_coco(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read(path)
    with pytest.raises(DataError, match="missing"):
        read(tmp_path / "b.json")


# Finding


def laid_out(root: Path, *files: str) -> Path:
    content = page()
    content["images"][0]["file_name"] = "000001.jpg"
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".json":
            path.write_text(json.dumps(content))
        else:
            path.write_bytes(b"picture")
    return root


@pytest.mark.parametrize(
    ("files", "inner", "found"),
    [
        (
            ("annotations/instances_train.json", "annotations/instances_validation.json", "images/train/000001.jpg"),
            "",
            {"train": "images/train", "validation": "images/validation"},
        ),
        (
            (
                *("annotations/instances_train2017.json", "annotations/instances_val2017.json", "val2017/000001.jpg"),
                *("annotations/captions_val2017.json", "annotations/person_keypoints_val2017.json"),
                *("train2017/000001.jpg", "annotations/image_info_test-dev2017.json", "test2017/000002.jpg"),
            ),
            "",
            {"train": "train2017", "validation": "val2017", "test-dev": "images/test-dev2017"},
        ),
        (
            ("annotations/instances_val2017.json", "val2017/000001.jpg"),
            "annotations/instances_val2017.json",
            {"validation": "val2017"},
        ),
        (
            ("train/_annotations.coco.json", "train/000001.jpg", "valid/_annotations.coco.json", "valid/000001.jpg"),
            "",
            {"train": "train", "validation": "valid"},
        ),
        (("valid/_annotations.coco.json", "valid/000001.jpg"), "valid", {"validation": "valid"}),
        (("train.json", "val.json", "images/000001.jpg"), "", {"train": "images", "validation": "images"}),
        (
            (
                "COCO/train.json",
                "COCO/validation.json",
                *(f"Original-Data/{s}/image/000001.jpg" for s in ("train", "validation")),
            ),
            "COCO",
            {"train": "Original-Data/train/image", "validation": "Original-Data/validation/image"},
        ),
        (("COCO/train.json",), "COCO/train.json", {"train": "COCO"}),
        (("labels.json", "data/000001.jpg"), "", {"train": "data"}),
        (("my.json", "000001.jpg"), "my.json", {"train": ""}),
        (("annotations/instances_default.json", "images/000001.jpg"), "", {"train": "images"}),
    ],
)
def test_finds_every_arrangement(files: tuple[str, ...], inner: str, found: dict[str, str], tmp_path: Path) -> None:
    laid_out(tmp_path, *files)
    places = coco.find(tmp_path / inner)
    assert {name: place.images for name, place in places.items()} == {
        name: tmp_path / folder for name, folder in found.items()
    }
    assert list(places) == list(found)
    for place in places.values():
        assert coco.read(place).categories == ("cat", "dog")
        assert "captions" not in place.annotations.name
        assert "person" not in place.annotations.name


def test_finds_none_where_there_is_none(tmp_path: Path) -> None:
    for number in range(100):
        laid_out(tmp_path / "annos", f"{number}.json")
    (tmp_path / "settings.json").write_text('{"images": 5}')
    (tmp_path / "results.json").write_text('[{"image_id": 1, "annotations": "categories", "images": 1}]')
    (tmp_path / "empty.json").touch()
    assert coco.find(tmp_path) == coco.find(tmp_path / "annos") == coco.find(tmp_path / "results.json") == {}


def test_a_written_set_is_found_with_its_pictures(tmp_path: Path) -> None:
    place = coco.layout(tmp_path, "validation")
    write(place.annotations, sample("000001", BOX))
    assert coco.find(tmp_path)["validation"] == place, "also without pictures"
    assert coco.find(place.annotations)["validation"] == place
