"""The YAML augmentation spec: values as NVIDIA's structured config has them, and every fault at its place."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import pytest
from refusals import error_of

import specs
from specs.augment import tao5
from specs.augment.tao5_keys import KEYS
from specs.spec import Spec
from tltpipe.errors import SpecError

TESTS = Path(__file__).parents[1]
FOUND = ["data.image_dir=/in/images", "data.ann_path=/in/labels", "results_dir=/out"]
NVIDIA = """\
data:
  image_dir: "/datasets/kitti/images"
  ann_path: "/datasets/kitti/labels"
  dataset_type: 'kitti'
  batch_size: 2
  include_masks: False
  output_image_width: 1000
  output_image_height: 300
  output_dataset: /datasets/out
spatial_aug:
  rotation:
    angle: [0, 10, 30]
gpu_ids: [0]
num_gpus: 1
"""


def parse(text: str = "", *overrides: str) -> Spec:
    return tao5.parse(text, [*FOUND, *overrides], source="a.yaml")


def refusal(text: str = "", *overrides: str) -> SpecError:
    return error_of(SpecError, lambda: parse(text, *overrides))


def test_a_spec_as_nvidia_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "kitti.yaml"
    path.write_text(NVIDIA)
    spec = tao5.read(path)
    assert (
        spec.message["data.dataset_type"],
        spec.message["data.image_dir"],
        spec.message["data.ann_path"],
        tao5.output(spec),
    ) == (*("kitti", "/datasets/kitti/images", "/datasets/kitti/labels", "/datasets/out"),)
    assert tao5.image_size(spec) == (1000, 300)
    assert spec.message["spatial_aug.rotation.angle"] == (0.0, 10.0, 30.0)
    assert spec.message["random_seed"] == 42
    assert spec.warnings == (f"{path}:5:3: batch_size is read but has no effect",)
    assert str(spec.error("data.ann_path", "is gone")) == f"{path}:3:3: is gone"
    assert str(spec.error("data.nothing", "is gone")) == f"{path}:1:1: is gone"
    assert str(spec.error("blur_aug.std", "is gone")) == f"{path}: is gone"


def test_defaults() -> None:
    spec, drawn = parse(), ("spatial_aug.shear.", "spatial_aug.translation.", "color_aug.")
    parameters = {key: spec.message[key] for key in KEYS if key.startswith((*drawn, "blur_aug."))}
    assert parameters == dict.fromkeys(parameters, (0.0,)) | {
        **{"color_aug.saturation.saturation_shift": (1.0,), "color_aug.contrast.center": (127.0,)},
        **{"blur_aug.std": (0.1,), "blur_aug.size": (3.0,)},
    }
    assert {key: spec.message[key] for key in KEYS.keys() - parameters.keys()} == {
        **{"results_dir": "/out", "random_seed": 42, "num_gpus": 1, "gpu_ids": (0.0,), "cuda_blocking": False},
        **{"data.dataset_type": "coco", "data.image_dir": "/in/images", "data.ann_path": "/in/labels"},
        **{"data.output_dataset": "", "data.output_image_width": None, "data.output_image_height": None},
        **{"data.batch_size": 8, "data.include_masks": False},
        **{"spatial_aug.rotation.angle": (0.0,), "spatial_aug.rotation.units": "degrees"},
        **{"spatial_aug.rotation.refine_box.enabled": False, "spatial_aug.rotation.refine_box.gt_cache": ""},
        **{"spatial_aug.flip.flip_horizontal": False, "spatial_aug.flip.flip_vertical": False},
    }
    assert (spec.source, tao5.output(spec), tao5.image_size(spec), spec.warnings) == ("a.yaml", "/out", None, ())


def test_default_text_is_the_defaults(tmp_path: Path) -> None:
    text = tao5.write_default()
    assert parse(text).message == parse().message
    assert all("  # " in line for line in text.splitlines() if ": " in line and not line.startswith("#"))
    path = tmp_path / "default.yaml"
    path.write_text(text)
    with pytest.raises(SpecError, match=r"image_dir is needed"):
        tao5.read(path)
    path.write_text(text.replace("image_dir: ???", "image_dir: /i").replace("ann_path: ???", "ann_path: /a"))
    spec = tao5.read(path, ["results_dir=/r"])
    assert (spec.message["data.image_dir"], spec.message["data.ann_path"], tao5.output(spec), spec.warnings) == (
        "/i",
        "/a",
        "/r",
        (),
    )


def test_every_key_reaches_its_field() -> None:
    spec = parse(
        """
results_dir: /r
random_seed: -7
data: {dataset_type: COCO, output_image_width: 20, output_image_height: 10, include_masks: yes}
spatial_aug:
  rotation: {angle: [-1, 1], units: radians, refine_box: {enabled: on, gt_cache: masks.json}}
  shear: {shear_ratio_x: 0.25, shear_ratio_y: [.5]}
  flip: {flip_horizontal: True, flip_vertical: "true"}
  translation: {translate_x: [-3, 4], translate_y: 5.0}
color_aug:
  hue: {hue_rotation_angle: 1e1}
  saturation: {saturation_shift: [0.5, 1.5]}
  contrast: {contrast: [], center: 100}
  brightness: {offset: "20"}
blur_aug: {std: [1, 2], size: [3, 5, 7]}
"""
    )
    assert {key: value for key, value in spec.message.items() if isinstance(value, tuple)} == {
        **{"spatial_aug.rotation.angle": (-1, 1), "gpu_ids": (0,)},
        **{"spatial_aug.shear.shear_ratio_x": (0.25,), "spatial_aug.shear.shear_ratio_y": (0.5,)},
        **{"spatial_aug.translation.translate_x": (-3, 4), "spatial_aug.translation.translate_y": (5,)},
        **{"color_aug.hue.hue_rotation_angle": (10,), "color_aug.saturation.saturation_shift": (0.5, 1.5)},
        **{"color_aug.contrast.contrast": (), "color_aug.contrast.center": (100,)},
        **{"color_aug.brightness.offset": (20,), "blur_aug.std": (1, 2), "blur_aug.size": (3, 5, 7)},
    }
    assert (spec.message["random_seed"], tao5.image_size(spec), spec.message["spatial_aug.rotation.units"]) == (
        -7,
        (20, 10),
        "radians",
    )
    assert (
        spec.message["spatial_aug.rotation.refine_box.enabled"],
        spec.message["spatial_aug.rotation.refine_box.gt_cache"],
        spec.message["data.include_masks"],
    ) == (True, "masks.json", True)
    assert (
        spec.message["spatial_aug.flip.flip_horizontal"],
        spec.message["spatial_aug.flip.flip_vertical"],
        spec.message["data.dataset_type"],
    ) == (True, True, "coco")


@pytest.mark.parametrize(
    ("override", "name", "expected"),
    [
        ("spatial_aug.rotation.angle=[-10,10]", "spatial_aug.rotation.angle", (-10, 10)),
        ("++spatial_aug.rotation.angle=5", "spatial_aug.rotation.angle", (5,)),
        ("spatial_aug.rotation.angle=[]", "spatial_aug.rotation.angle", ()),
        ("data.image_dir=/a: b #1=2", "data.image_dir", "/a: b #1=2"),
        ("data.image_dir='/a b'", "data.image_dir", "/a b"),
        ("data.image_dir=123", "data.image_dir", "123"),
        ("data.ann_path=${data.image_dir}/x", "data.ann_path", "/in/images/x"),
        ("results_dir=", "results_dir", ""),
        ("results_dir=null", "results_dir", ""),
        ("random_seed=0x10", "random_seed", 16),
        ("random_seed=9007199254740993", "random_seed", 2**53 + 1),
        ("spatial_aug.flip.flip_horizontal=true", "spatial_aug.flip.flip_horizontal", True),
    ],
)
def test_overrides(override: str, name: str, expected: object) -> None:
    text = "spatial_aug: {rotation: {angle: 90}, flip: {flip_horizontal: no}}"
    assert parse(text, override).message[name] == expected
    assert parse(text, override, override).message[name] == expected


def test_an_override_is_the_place_of_its_key() -> None:
    spec = parse("random_seed: 1", "random_seed=2", "random_seed=3")
    assert spec.message["random_seed"] == 3
    assert str(spec.error("random_seed", "is odd")) == 'override "random_seed=3": is odd'
    assert str(spec.where("data.image_dir")) == 'override "data.image_dir=/in/images"'


def test_results_dir_counts_and_says_so() -> None:
    spec = parse("", "data.output_dataset=/elsewhere")
    assert tao5.output(spec) == "/out"
    told = 'override "data.output_dataset=/elsewhere": output_dataset is not used: results_dir is written, and counts'
    assert spec.warnings == (told,)
    assert parse("", "data.output_dataset=/elsewhere", "results_dir=").message["data.output_dataset"] == "/elsewhere"


def test_references() -> None:
    text = """
results_dir: /r/${random_seed}
data:
  image_dir: ${results_dir}/images
  output_image_width: 64
  output_image_height: ${data.output_image_width}
spatial_aug:
  rotation: {angle: &some [1, 2]}
  shear: {shear_ratio_x: "${spatial_aug.rotation.angle}", shear_ratio_y: *some}
  translation: {translate_x: ['${random_seed}', 50]}
"""
    spec = tao5.parse(text, ["data.ann_path=${data.image_dir}.json"], source="a.yaml")
    assert (tao5.output(spec), spec.message["data.image_dir"], spec.message["data.ann_path"]) == (
        "/r/42",
        "/r/42/images",
        "/r/42/images.json",
    )
    assert tao5.image_size(spec) == (64, 64)
    assert spec.message["spatial_aug.shear.shear_ratio_x"] == spec.message["spatial_aug.shear.shear_ratio_y"] == (1, 2)
    assert spec.message["spatial_aug.translation.translate_x"] == (42, 50)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        # syntax
        ("data:\n\timage_dir: x", "a.yaml:2:1: not YAML: found character '\\t' that cannot start any token"),
        ("data: [1", "a.yaml:1:9: not YAML: expected ',' or ']', but got '<stream end>'"),
        ("a: 1\n b: 2", "a.yaml:2:3: not YAML: mapping values are not allowed here"),
        ("random_seed: 1\n---\nrandom_seed: 2", "a.yaml:2:1: not YAML: expected a single document in the stream, but"),
        ("random_seed: 1 \x07", 'a.yaml:1:16: the character "\\x07" has no place in YAML'),
        ("[" * 60, "a.yaml:1:51: not YAML: nested too deep"),
        ("results_dir: 'a\nrandom_seed: 3\n", "a.yaml:3:1: not YAML: found unexpected end of stream in the text"),
        ("random_seed: *x", "a.yaml:1:14: not YAML: found undefined alias 'x'"),
        # keys
        ("- 1", "a.yaml:1:1: a spec must hold keys and values"),
        ("data: 3", "a.yaml:1:1: data must hold keys and values"),
        ("data:\n  image_dirs: x", 'a.yaml:2:3: data has no key "image_dirs"; did you mean "image_dir"?'),
        ("angle: 3", 'a.yaml:1:1: the spec has no key "angle"; it belongs in spatial_aug.rotation'),
        ("data: {random_seed: 3}", 'a.yaml:1:8: data has no key "random_seed"; it belongs at the top, in no section'),
        ("data.image_dir: x", 'a.yaml:1:1: the spec has no key "data.image_dir"'),
        ("? [a]\n: b", "a.yaml:1:3: a key must be a single word"),
        ("'': b", 'a.yaml:1:1: the spec has no key ""'),
        ("random_seed: 1\nrandom_seed: 2", "a.yaml:2:1: random_seed is written twice, first in line 1"),
        ("data: {}\ndata: {}", "a.yaml:2:1: data is written twice, first in line 1"),
        ("data: &a {batch_size: 2}\ncolor_aug:\n  <<: *a", 'a.yaml:3:3: "<<" is not read here'),
        # values
        ("random_seed: {a: 1}", "a.yaml:1:1: random_seed takes a value or a list, not keys and values"),
        ("random_seed: [[1]]", "a.yaml:1:1: random_seed takes a list of plain values, not lists of lists"),
        ("random_seed: [1]", "a.yaml:1:1: random_seed takes one value, not a list"),
        ("random_seed: 1.5", "a.yaml:1:1: random_seed must be a whole number, not 1.5"),
        ("random_seed: ten", 'a.yaml:1:1: random_seed must be a number, not "ten"'),
        ("random_seed:", "a.yaml:1:1: random_seed needs a number, not nothing"),
        ("random_seed: 010", 'a.yaml:1:1: random_seed has "010", which YAML reads as octal'),
        ("random_seed: ٣", 'a.yaml:1:1: random_seed must be a number, not "٣"'),
        ("random_seed: !!python/object:os.system x", "a.yaml:1:1: random_seed has the tag"),
        ("data: {output_image_width: -5}", f'{"a.yaml:1:8: "}output_image_width must be from 0 to 65500, not "-5"'),
        ("data:\n  output_image_width: 5", "a.yaml:2:3: data.output_image_height is missing or 0 while the other side"),
        ("data:\n  output_image_height: 5\n  output_image_width: 0", "a.yaml:3:3: data.output_image_width is missing"),
        ("data: {dataset_type: kiti}", 'a.yaml:1:8: dataset_type must be coco or kitti, not "kiti"'),
        ("data: {include_masks: maybe}", 'a.yaml:1:8: include_masks must be true or false, not "maybe"'),
        ("blur_aug: {size: 4}", "a.yaml:1:12: size must be odd, or 0 to follow from std, not 4"),
        ("blur_aug: {size: [3, 3.5, 5]}", "a.yaml:1:12: size must be whole, not 3.5"),
        ("blur_aug: {size: [3, 7]}", "a.yaml:1:12: size takes no range, which has even sizes in it"),
        ("blur_aug: {size: -3}", 'a.yaml:1:12: size must be from 0 to 9999, not "-3"'),
        ("blur_aug: {std: -0.5}", 'a.yaml:1:12: std must be from 0 to 1000, not "-0.5"'),
        ("spatial_aug: {rotation: {angle: .nan}}", "a.yaml:1:26: angle must be finite, not .nan"),
        ("spatial_aug: {rotation: {angle: [1, -.INF]}}", "a.yaml:1:26: angle must be finite, not -.INF"),
        ("spatial_aug: {rotation: {angle: 1e999}}", "a.yaml:1:26: angle is too large: 1e999"),
        ("spatial_aug: {rotation: {angle: 1e7}}", 'a.yaml:1:26: angle must be from -1000000 to 1000000, not "1e7"'),
        ("spatial_aug: {rotation: {angle: [9, 1]}}", "a.yaml:1:26: angle is a range from 9 down to 1"),
        ("spatial_aug: {rotation: {angle: [1, null]}}", "a.yaml:1:26: angle needs a number, not nothing"),
        ("spatial_aug: {translation: {translate_x: 1.5}}", "a.yaml:1:29: translate_x must be whole, not 1.5"),
        ("color_aug: {saturation: {saturation_shift: -1}}", "a.yaml:1:26: saturation_shift must be from 0 to 1000000"),
        (
            "data: {dataset_type: kitti}\nspatial_aug: {rotation: {refine_box: {enabled: true}}}",
            "a.yaml:2:39: refine_box needs gt_cache, a COCO JSON with the masks of the same images",
        ),
        # references
        ("random_seed: ${random_seed}", "a.yaml:1:1: random_seed refers to itself: random_seed -> random_seed"),
        ("random_seed: ${seed}", 'a.yaml:1:1: random_seed refers to "${seed}", and there is no such key'),
        ("random_seed: ${oc.env:HOME}", 'a.yaml:1:1: random_seed refers to "${oc.env:HOME}": resolvers are not read'),
        ("data: {output_dataset: '${.image_dir}'}", 'a.yaml:1:8: output_dataset refers to "${.image_dir}": relative'),
        ("data: {output_dataset: 'a${'}", 'a.yaml:1:8: output_dataset has a ${ that is not a ${key}: "a${"'),
        ("data: {output_dataset: 'a${data.output_image_width}'}", "a.yaml:1:8: output_dataset refers to"),
        ("data: {output_dataset: 'a${gpu_ids}'}", "a.yaml:1:8: output_dataset has the list gpu_ids inside a text"),
        ("gpu_ids: ['${spatial_aug.rotation.angle}']", "a.yaml:1:1: gpu_ids has a list in a list by its ${...}"),
        ('data: {output_dataset: "a\\0"}', 'a.yaml:1:8: output_dataset has the character "\\x00" in it, which no name'),
        ('data: {output_dataset: "a\\ud800"}', 'a.yaml:1:8: output_dataset has the character "\\ud800"'),
    ],
)
def test_faults(text: str, told: str) -> None:
    assert str(refusal(text)).startswith(told)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("data.image_dir", 'override "data.image_dir": this is not key=value'),
        ("=3", 'override "=3": this is not key=value'),
        ("~data.image_dir=3", 'override "~data.image_dir=3": "~" is not read here'),
        ("data=3", 'override "data=3": data has keys of its own below it'),
        ("data.imagedir=3", 'override "data.imagedir=3": data has no key "imagedir"; did you mean "image_dir"?'),
        ("dat.a=3", 'override "dat.a=3": the spec has no key "dat"; did you mean "data"?'),
        ("data.image_dir.x=3", 'override "data.image_dir.x=3": data.image_dir is one value, there are no keys below'),
        ("random_seed=[", "override \"random_seed=[\": not YAML: expected the node content, but found '<stream end>'"),
        ("random_seed={a: b}", 'override "random_seed={a: b}": random_seed takes a value or a list, not keys'),
        ("random_seed=1,2", 'override "random_seed=1,2": random_seed must be a number, not "1,2"'),
        ("data.image_dir=", 'override "data.image_dir=": image_dir is needed'),
        ("data.image_dir=a\nb", 'override "data.image_dir=a\\nb": image_dir has the character "\\n" in it, which no'),
        ("data.image_dir='", 'override "data.image_dir=\'": not YAML: found unexpected end of stream'),
        ("blur_aug.size=4", 'override "blur_aug.size=4": size must be odd, or 0 to follow from std, not 4'),
    ],
)
def test_faults_of_overrides(override: str, told: str) -> None:
    assert str(refusal("", override)).startswith(told)


def test_hints() -> None:
    assert "spaces" in (refusal("data:\n\timage_dir: x").hint or "")
    assert refusal("blur_aug: {size: [3, 7]}").hint == "name the sizes to choose from: [3, 5, 7]"
    assert refusal("blur_aug: {size: [0, 4]}").hint is None
    assert refusal("blur_aug: {size: [3, 5]}").hint == "name the sizes to choose from: [3, 5, 3, 5]"
    assert refusal("spatial_aug: {rotation: {angle: '9, 1'}}").hint == "lists are in brackets: [9, 1]"
    assert "quotes" in (refusal("data: {image_dir: @x}").hint or "")
    assert "same column" in (refusal("data:\n  image_dir: x\n   ann_path: y").hint or "")
    assert refusal("random_sed: 1").hint is None
    assert "keys of color_aug: hue, saturation, contrast" in (refusal("color_aug: {xyz: 1}").hint or "")


def test_all_faults_are_told_at_once_in_the_order_of_the_file() -> None:
    error = refusal("random_seed: x\nblur_aug: {size: 4}\ndata: {batch_size: 0}", "num_gpus=x")
    assert [line.partition(" ")[0] for line in str(error).splitlines()] == [
        *("a.yaml:1:1:", "a.yaml:2:12:", "a.yaml:3:8:", "override"),
    ]
    many = str(refusal("\n".join(f"key{number}: 1" for number in range(3000))))
    assert len(many.splitlines()) == 21
    assert many.endswith("and more")


def test_warnings() -> None:
    spec = parse(
        "data: {batch_size: 3}\nnum_gpus: 2\ngpu_ids: [0, 1]\ncuda_blocking: true\n"
        "color_aug: {saturation: {saturation_shift: []}}"
    )
    ineffective = [warning for warning in spec.warnings if warning.endswith("is read but has no effect")]
    assert [warning.partition(" is")[0] for warning in ineffective] == [
        *("a.yaml:1:8: batch_size", "a.yaml:2:1: num_gpus", "a.yaml:3:1: gpu_ids", "a.yaml:4:1: cuda_blocking"),
    ]
    assert "a.yaml:5:26: saturation_shift is an empty list, which is 0: the images come out grey" in spec.warnings
    rotation = parse("spatial_aug: {rotation: {angle: 1, units: radian}}")
    assert rotation.warnings == (
        'a.yaml:1:36: units is "radian": degrees are meant, as by every text other than "radians"',
    )
    assert rotation.message["spatial_aug.rotation.units"] == "radian"


def test_files_that_are_no_specs(tmp_path: Path) -> None:
    def told(path: Path) -> str:
        error = error_of(SpecError, tao5.read, path, FOUND)
        return str(error)

    path = tmp_path / "a.yaml"
    assert told(path) == f"{path}: there is no such spec file"
    assert told(tmp_path) == f"{tmp_path}: this is a folder, a spec file is needed"
    assert told(Path("/dev/zero")) == "/dev/zero: this is not an ordinary file"
    path.write_bytes(b"#" * (1 << 20) + b"\n")
    assert told(path) == f"{path}: 1,048,577 bytes are too many for a spec"
    path.write_text("random_seed: 3", encoding="utf-16")
    assert told(path) == f"{path}:1:1: this is not UTF-8 text (byte 0xff)"
    path.write_text("random_seed: 3", encoding="utf-8-sig")
    assert tao5.read(path, FOUND).message["random_seed"] == 3
    path.write_text("")
    assert tao5.read(path, FOUND).message["random_seed"] == 42


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [lol]\n" + "".join(f"{b}: &{b} [{f'*{a}, ' * 9}]\n" for a, b in pairwise("abcdefghi")),
        "gpu_ids: &a [*a]",
        "data: &a {data: *a}",
        "&a {data: *a}",
        f"results_dir: '{'${data.output_dataset}' * 150}'\n"
        f"data: {{output_dataset: '{'${spatial_aug.rotation.units}' * 130}'}}\n"
        f"spatial_aug: {{rotation: {{units: '{'x' * 4000}'}}}}",
        "gpu_ids: [" + "1, " * 19_000 + "1]",
        "gpu_ids: [" + "1, " * 200_000 + "1]",
        "random_seed: " + "9" * 1_000_000,
        "random_seed: " + "1:" * 400_000,
        "? " * 500_000,
        "- " * 500_000,
        "{" * 500_000,
        "".join(f"k{number}: 1\n" for number in range(90_000)),
        " " * 1_000_000 + ":",
        "\n" * 1_000_000 + "[",
        "spatial_config" + " " * 1_000_000 + ": : [",
    ],
    ids=range(16),
)
def test_bombs_are_refused_soon(text: str) -> None:
    start = time.monotonic()
    error = refusal(text)
    assert time.monotonic() - start < 10
    assert len(str(error)) < 5_000


@pytest.mark.parametrize("path", ["data/seed-specs/KITTI-augmentation.conf", "golden/specs/augment-everything.conf"])
def test_proto_text_is_for_the_other_reader(path: str) -> None:
    """The older generations' specs are read as ever, and here it is said what they are."""
    spec = specs.parse(TESTS / path, "augment")
    assert spec.message.dataset_config.image_path == "image"
    assert "proto-text" in (error_of(SpecError, tao5.read, TESTS / path).hint or "")


def test_every_section_and_key_is_in_the_table_once() -> None:
    sections = {key.rpartition(".")[0] for key in KEYS} - {""}
    assert not sections & KEYS.keys()
    assert all(key.about.endswith(".") for key in KEYS.values())


@pytest.mark.parametrize(
    ("x", "y", "flat"),
    [
        ("[2]", "[0.5]", True),
        ("[0, 1, 2]", "[.5]", True),
        ("[-4]", "[-.25, -.25]", True),
        ("[0, 2]", "[.5]", False),
        ("[1]", "[-1]", False),
        ("[]", "[1]", False),
    ],
)
def test_shears_that_flatten_a_picture(x: str, y: str, flat: bool) -> None:
    text = f"spatial_aug:\n  shear:\n    shear_ratio_x: {x}\n    shear_ratio_y: {y}\n"
    if flat:
        assert str(refusal(text)).startswith("a.yaml:4:5: shear_ratio_x times shear_ratio_y is 1")
    else:
        parse(text)


def test_both_generations_are_read_by_the_kind_alone() -> None:
    """As they are recognised: the text, not the name of the file, says which of the two it is."""
    text = "data: {image_dir: 'a \"b#c', ann_path: /c, output_image_width: 20, output_image_height: 9}"
    spec = specs.parse_text(text, "augment", source="augment.conf")
    assert (spec.kind, spec.dialect, specs.image_size(spec)) == ("augment", "tao5", (20, 9))
    assert specs.recognise(text, source="augment.conf") == "augment"
    again = specs.parse_text(specs.dump(spec), "augment", source="again")
    assert (again.message, again.message["data.image_dir"]) == (spec.message, 'a "b#c')
    older = specs.parse(TESTS / "data/seed-specs/KITTI-augmentation.conf", "augment")
    assert (older.dialect, specs.image_size(older)) == ("tlt2", (288, 288))


@pytest.mark.parametrize(
    ("text", "place"), [("data:\n  image_dir: [\n", "a.conf:3:1"), ("data:\n  dataset_tpye: kitti\n", "a.conf:2:3")]
)
def test_one_with_mistakes_is_refused_in_its_own_terms(text: str, place: str) -> None:
    assert specs.recognise(text, source="a.conf") == "augment"
    assert str(error_of(SpecError, specs.parse_text, text, "augment", source="a.conf").where) == place


def test_all_that_is_wrong_at_once() -> None:
    data = "data: {dataset_type: kitti, image_dir: /i, ann_path: /a, output_image_width: 9}"
    text = f"{data}\nblur_aug: {{size: [4]}}\nfoo: 1\n"
    _, findings = specs.examine(text, "augment", source="a.yaml")
    assert [finding.code for finding in findings] == ["S211", "S005", "S004"]
