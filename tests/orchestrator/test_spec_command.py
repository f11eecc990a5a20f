"""tltpipe spec as a user meets it: specs written for nothing and for data sets, specs of every kind checked."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

import specs
from orchestrator.cli import app

DATA = Path(__file__).parents[1] / "data"
TRAIN = DATA / "training.tlt3.conf"


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def new(*arguments: object) -> Any:
    return run("spec", "new", *arguments)


@pytest.fixture
def kitti(tmp_path: Path) -> Path:
    """Two splits in KITTI's layout; all boxes are tall."""
    root = tmp_path / "my data"
    for split, count in (("train", 6), ("validation", 2)):
        for name in ("label_2", "image_2"):
            (root / split / name).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (300, 300), (10 * number, 90, 90)).save(root / split / "image_2" / f"{number:06d}.png")
            box = f"{20 + number * 8}.00 30.00 {70 + number * 9}.00 {230 + number * 9}.00"
            line = f"{'Skirt' if number % 2 else 'vest'} 0.00 0 0.00 {box}{' 0.00' * 7}\n"
            (root / split / "label_2" / f"{number:06d}.txt").write_text(line)
    return root


@pytest.mark.parametrize("dialect", ["tlt2", "tlt3"])
def test_a_spec_for_nothing(dialect: str, tmp_path: Path) -> None:
    path = tmp_path / "train.conf"
    told = new(
        "--dialect", dialect, "-o", path, "--classes", "Vest, skirt", "--size", "320x256", "--set", "num_epochs=3"
    )
    assert told.exit_code == 0, told.output
    spec = specs.parse(path, "ssd")
    assert (spec.dialect, spec.strict, spec.warnings) == (dialect, False, ())
    assert specs.image_size(spec) == (320, 256)
    assert spec.message.training_config.num_epochs == 3
    assert sorted(spec.message.dataset_config.target_class_mapping) == ["skirt", "vest"]
    bare = specs.render(
        "ssd",
        f"train.{dialect}.conf.j2",
        specs.tunables_from("ssd", {"num_epochs": 3, "input_width": 320, "input_height": 256}),
        **dict.fromkeys(("tfrecords_path", "label_directory_path", "image_directory_path", "image_extension"), "x"),
        classes=["skirt", "vest"],
    )
    written = [line.partition("#")[0].strip() for line in path.read_text().splitlines()]
    fields = [line.strip() for line in bare.splitlines() if "path" not in line and "extension" not in line]
    assert [line for line in fields if line not in written] == [], "comments change nothing"


def test_every_field_is_explained(tmp_path: Path) -> None:
    text = new().stdout
    lines = text.splitlines()
    for number, line in enumerate(lines):
        name = line.strip().partition(":")[0]
        if ":" not in line or line.strip().startswith("#") or name in ("key", "value"):
            continue
        assert "  # " in line or lines[number - 1].strip().startswith("# "), line
    assert max(map(len, lines)) <= 120


def test_to_the_letter(tmp_path: Path) -> None:
    path = tmp_path / "train.conf"
    assert new("-o", path, "--strict-tlt").exit_code == 0
    assert specs.parse(path, "ssd").strict


@pytest.mark.parametrize(
    ("arch", "found"),
    [
        ("resnet34", ("resnet", 34)),
        ("vgg", ("vgg", 16)),
        ("mobilenet_v2", ("mobilenet_v2", 0)),
        ("resnet", ("resnet", 18)),
    ],
)
def test_backbones(arch: str, found: tuple[str, int], tmp_path: Path) -> None:
    path = tmp_path / "train.conf"
    assert new("-o", path, "--arch", arch).exit_code == 0
    config = specs.parse(path, "ssd").message.ssd_config
    assert (config.arch, config.nlayers) == found


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--arch", "resnext50"), "arch must be resnet,"),
        (("--arch", "resnet7"), "nlayers of resnet must be 10, 18, 34, 50 or 101, not 7"),
        (("--set", "num_epoch=3"), 'ssd has no setting "num_epoch"; did you mean "num_epochs"?'),
        (("--set", "num_epochs"), "write key=value"),
        (("--arch", "lenet"), "error: --arch: arch must be"),
        (("--size", "320x1"), "error: --size: input_height must be"),
        (("--arch", "resnet18", "--set", "arch=lenet"), "error: --set: arch must be"),
        (("--set", "scales=[0.1]"), "scales needs 7 or more entries, not 1"),
        (("--set", "soft_start=0.9"), "soft_start must be below annealing (0.8), not 0.9"),
        (("--size", "300"), "write WIDTHxHEIGHT"),
        (("--size", "20x20"), "input_width must be above 32"),
    ],
)
def test_what_cannot_be_written(arguments: tuple[str, str], complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "train.conf"
    told = new("-o", path, *arguments)
    assert told.exit_code == 2
    assert complaint in " ".join(told.output.split())
    assert not path.exists()


def test_no_file_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "train.conf"
    path.write_text("mine")
    assert new("-o", path).exit_code == 2
    assert path.read_text() == "mine"
    assert new("-o", path, "--force").exit_code == 0
    assert path.read_text() != "mine"
    assert new("-o", tmp_path).exit_code == 2


def test_a_spec_for_kitti_folders(kitti: Path, tmp_path: Path) -> None:
    path = tmp_path / "train.conf"
    told = new("--from", kitti, "-o", path, "--size", "300x300", "--json")
    assert told.exit_code == 0, told.output
    answer = json.loads(told.stdout)
    assert answer["dialect"] == "tlt3"
    assert answer["classes"] == ["skirt", "vest"]
    shares = [answer["anchors"][title]["all"]["mean_iou"] for title in ("suggested", "default")]
    assert shares[0] > shares[1]
    spec = specs.parse(path, "ssd")
    config = spec.message.dataset_config
    assert Path(config.data_sources[0].label_directory_path) == kitti / "train" / "label_2"
    assert Path(config.data_sources[0].image_directory_path) == kitti / "train" / "image_2"
    assert Path(config.validation_data_sources[0].label_directory_path) == kitti / "validation" / "label_2"
    assert specs.numbers(spec.message.ssd_config.scales) == answer["anchors"]["suggested"]["scales"]
    assert "# Anchors fitted to the 6 boxes of train: " in path.read_text()


def test_settings_go_over_what_fits(kitti: Path) -> None:
    scales = "[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]"
    text = new("--from", kitti, "--set", f"scales={scales}").stdout
    assert f'scales: "{scales}"' in text
    assert "Anchors fitted" not in text


def test_a_spec_for_what_must_be_converted(kitti: Path, tmp_path: Path) -> None:
    path = tmp_path / "train.conf"
    assert new("--from", kitti, "--dialect", "tlt2", "-o", path).exit_code == 0
    line = next(line for line in path.read_text().splitlines() if "tltpipe convert" in line)
    program, *arguments = shlex.split(line.partition(": ")[2])
    assert program == "tltpipe"
    assert run(*arguments).exit_code == 0
    source = specs.parse(path, "ssd").message.dataset_config.data_sources[0]
    folder = Path(source.tfrecords_path).parent
    assert list(folder.glob(Path(source.tfrecords_path).name)), "the line makes what the spec names"
    assert (Path(source.image_directory_path) / "images" / "train").is_dir()
    again = tmp_path / "again.conf"
    assert new("--from", Path(source.image_directory_path), "-o", again).exit_code == 0
    found = specs.parse(again, "ssd")
    assert found.dialect == "tlt2", "records are what TLT 2.0 trains on"
    assert found.message.dataset_config.data_sources[0] == source
    assert found.message.dataset_config.image_extension == "png"
    assert new("--from", kitti.parent / "nothing").exit_code == 3


def test_a_class_without_a_box_is_left_out(kitti: Path) -> None:
    (kitti / "classes.txt").write_text("skirt\nvest\nhat\nSkirt\n")
    told = new("--from", kitti, "--json")
    assert "hat" not in json.loads(told.stdout)["classes"]
    assert "# Left out, since train has none of them: " in json.loads(told.stdout)["text"]


def test_a_class_that_the_data_set_does_not_know(kitti: Path) -> None:
    """It would be trained on nothing; one that the data set names, and has no box of yet, may be asked for."""
    (kitti / "classes.txt").write_text("Skirt\nvest\nhat\n")
    told = new("--from", kitti, "--classes", "vest,skrt")
    assert told.exit_code == 2
    assert "--classes: the data set has no skrt" in told.output
    assert 'did you mean "skirt"?' in told.output
    assert json.loads(new("--from", kitti, "--classes", "Hat,vest", "--json").stdout)["classes"] == ["hat", "vest"]


def test_no_box_at_all(kitti: Path) -> None:
    for path in kitti.glob("*/label_2/*.txt"):
        path.write_text("")
    told = new("--from", kitti, "--format", "kitti")
    assert told.exit_code == 3
    assert "there is no box to train on" in told.output


def test_specs_of_every_kind() -> None:
    seeds = DATA / "seed-specs"
    files = [TRAIN, *(seeds / name for name in ("training.conf", "KITTI_dataset_conversion.conf"))]
    files.append(seeds / "KITTI-augmentation.conf")
    told = run("spec", "check", *files, "--json")
    assert told.exit_code == 0
    answer = json.loads(told.stdout)
    assert answer["valid"] is True
    assert [(each["kind"], each["dialect"]) for each in answer["files"]] == [
        ("ssd", "tlt3"),
        ("ssd", "tlt2"),
        ("dataset_convert", "tlt2"),
        ("augment", "tlt2"),
    ]
    shown = run("spec", "check", TRAIN)
    assert shown.output.splitlines() == [f"{TRAIN}: valid (ssd, tlt3), no warnings"]


def test_yaml_specs(tmp_path: Path) -> None:
    path = tmp_path / "augment.yaml"
    path.write_text("data:\n  dataset_type: kitti\n  image_dir: /i\n  ann_path: /a\n")
    told = run("spec", "check", path)
    assert told.exit_code == 0, told.output
    assert "valid (augment, tao5)" in told.output
    path.write_text("data:\n  dataset_tpye: kitti\n")
    assert run("spec", "check", path).exit_code == 2


def test_errors_and_warnings(tmp_path: Path) -> None:
    path = tmp_path / "bad.conf"
    path.write_text(TRAIN.read_text().replace("num_epochs: 60", "num_epochs: 0").replace("top_k: 200", "top_k: 0"))
    warned = tmp_path / "warned.conf"
    warned.write_text(TRAIN.read_text().replace("enable_qat: false", "enable_qat: true"))
    told = run("spec", "check", path, warned, "--json")
    assert told.exit_code == 2
    first, second = json.loads(told.stdout)["files"]
    assert first["errors"] == [
        f"{path}:15:3: num_epochs must be above 0, not 0",
        f"{path}:30:71: top_k must be above 0, not 0",
    ]
    assert second["valid"]
    assert second["warnings"] == [f"{warned}:16:3: enable_qat is read but has no effect"]
    shown = run("spec", "check", path, warned)
    assert shown.exit_code == 2
    assert f"{path}:15:3: error S120: num_epochs must be above 0, not 0" in shown.output
    assert f"{warned}:16:3: warning S139: enable_qat is read but has no effect" in shown.output
    assert "valid (ssd, tlt3), 1 warning" in shown.output


def test_what_nvidia_refuses(tmp_path: Path) -> None:
    path = tmp_path / "train.conf"
    path.write_text(TRAIN.read_text().replace("random_flip: 0.5", "random_flip: 1"))
    assert run("spec", "check", path).exit_code == 0
    told = run("spec", "check", path, "--strict-tlt")
    assert told.exit_code == 2
    assert "random_flip must be 0 or more and below 1, not 1" in told.output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\n  foo {", ':2:3: error S009: no telling what this is a spec for: none has a field "foo"'),
        ("ssd_conf {", ':1:1: error S009: no telling what this is a spec for: none has a field "ssd_conf"; did'),
        ("num_epochs 3", ': error S002: this is not a spec: it has no field, neither "name: value" nor "name { ... }"'),
        ("dataset_config {", ": error S009: no telling what this is a spec for: its fields fit augment, dssd or ssd"),
    ],
)
def test_where_it_goes_astray(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "what.conf"
    path.write_text(text)
    assert f"{path}{said}" in run("spec", "check", path).output


def test_no_telling_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "what.conf"
    path.write_text("colour: 3\n")
    told = run("spec", "check", path)
    assert told.exit_code == 2
    assert "no telling what this is a spec for" in told.output
    assert "--as augment, dataset_convert, " in " ".join(told.output.split())
    told = run("spec", "check", path, "--as", "ssd")
    assert 'the spec has no field "colour"' in told.output
    for text in ("", "# nothing but a comment\n"):
        path.write_text(text)
        assert f"{path}: error S003: the spec is empty" in run("spec", "check", path).output
    assert "there is no such spec file" in run("spec", "check", tmp_path / "none").output


def test_the_line_a_caret_and_help(tmp_path: Path) -> None:
    path = tmp_path / "train.conf"
    path.write_text(TRAIN.read_text().replace("top_k: 200", "top_k: 0").replace("nlayers: 18", "nlayers: 17"))
    told = run("spec", "check", path)
    assert told.exit_code == 2
    first, line, caret, help, *rest = told.output.splitlines()
    assert first.startswith(f"{path}:9:3: error S104: nlayers of resnet must be 10, 18, 34, 50 or 101, not 17")
    assert (line, caret) == ("    nlayers: 17", "    ^")
    assert help.startswith("  help: ")
    assert rest[0].startswith(f"{path}:30:71: error S146: ")
    assert rest[2].index("^") == rest[1].index("top_k")
    assert rest[-1] == f"{path}: 2 errors"


def test_findings_as_json(tmp_path: Path) -> None:
    path = tmp_path / "train.conf"
    path.write_text(TRAIN.read_text().replace("num_epochs: 60", "num_epoch: 60"))
    told = run("spec", "check", path, "--json")
    assert told.exit_code == 2
    (verdict,) = json.loads(told.stdout)["files"]
    (finding,) = verdict["findings"]
    assert (verdict["kind"], verdict["dialect"], verdict["valid"], verdict["fixed"]) == ("ssd", "tlt3", False, [])
    assert (finding["code"], finding["line"], finding["column"], finding["fixable"]) == ("S004", 15, 3, True)


def test_what_can_be_mended_is_and_the_rest_stays(tmp_path: Path) -> None:
    path = tmp_path / "train.conf"
    spoilt = {
        "num_epochs: 60": "num_epoch: 60",
        "enable_qat: false": "enable_qat: true",
        'arch: "resnet"': "arch: resnet",
        "clip_boxes: false": 'clip_boxes: "False"',
        "top_k: 200": "top_k: 0",
    }
    text = TRAIN.read_text()
    for old, new in spoilt.items():
        text = text.replace(old, new, 1)
    path.write_text(text)
    told = run("spec", "check", path, "--fix", "--json")
    (verdict,) = json.loads(told.stdout)["files"]
    assert told.exit_code == 2
    assert [each["code"] for each in verdict["findings"]] == ["S146"]
    assert [each["code"] for each in verdict["fixed"]] == ["S005", "S005", "S004", "S139"]
    kept = {"enable_qat: true": "", 'clip_boxes: "False"': "clip_boxes: False"}
    expected = text
    for old, new in spoilt.items():
        if "top_k" not in old:
            expected = expected.replace(new, kept.get(new, old), 1)
    assert path.read_text() == expected
    again = path.read_text()
    assert "fixed" not in run("spec", "check", path, "--fix").output
    assert path.read_text() == again


def test_a_link_and_permissions_outlive_a_fix(tmp_path: Path) -> None:
    path, link = tmp_path / "train.conf", tmp_path / "link.conf"
    path.write_text("\ufeff" + TRAIN.read_text().replace("num_epochs: 60", "num_epoch: 60"))
    path.chmod(0o640)
    link.symlink_to(path.name)
    told = run("spec", "check", link, "--fix")
    assert told.exit_code == 0, told.output
    assert told.output.splitlines()[:2] == [
        f"{link}:1:1: fixed S002: byte order mark removed",
        f"{link}:15:3: fixed S004: num_epochs in place of num_epoch",
    ]
    assert link.is_symlink()
    assert path.read_text() == TRAIN.read_text()
    assert path.stat().st_mode & 0o777 == 0o640


def test_what_cannot_be_fixed_in_place(tmp_path: Path) -> None:
    path = tmp_path / "train.conf"
    text = TRAIN.read_text().replace("num_epochs: 60", "num_epoch: 60")
    path.write_text(text)
    path.chmod(0o444)
    told = run("spec", "check", path, "--fix")
    assert (told.exit_code, path.read_text()) == (6, text)
    assert "the file is read-only" in told.output
    for stream in ("-", "/dev/null"):
        told = run("spec", "check", stream, "--fix")
        assert told.exit_code == 2
        assert "--fix needs a file that it can write" in told.output


def test_the_caret_is_below_its_column(tmp_path: Path) -> None:
    """Also behind letters that are two columns wide."""
    path = tmp_path / "train.conf"
    path.write_text('ssd_config { arch: "日本" clip_boxes: maybe }')
    lines = run("spec", "check", path).output.splitlines()
    place = next(place for place, line in enumerate(lines) if " error S005: " in line)
    assert lines[place + 2].index("^") == lines[place + 1].index("maybe") + 2


def test_from_standard_input() -> None:
    text = TRAIN.read_text().replace("num_epochs: 60", "num_epoch: 60")
    told = CliRunner().invoke(app, ["spec", "check", "-"], input=text)
    assert told.exit_code == 2
    assert "<stdin>:15:3: error S004: " in told.output


def test_hundreds_of_mistakes(tmp_path: Path) -> None:
    """All are told, and mended in one go."""
    path = tmp_path / "train.conf"
    path.write_text(TRAIN.read_text() + "random_seed: '1'\n" * 300)
    assert f"{path}: 300 errors" in run("spec", "check", path).output
    assert run("spec", "check", path, "--fix").exit_code == 0
    other = tmp_path / "train.yaml"
    other.write_text("train:\n  num_epochs: 3\n" + "".join(f"  foo_{number}: 3\n" for number in range(300)))
    assert f"{other}: 300 errors" in run("spec", "check", other, "--as", "yolox").output


@pytest.mark.parametrize(
    ("text", "code", "help"),
    [
        ("", "S003", "write one: tltpipe spec new"),
        ("model: {type: s\ntrain:\n  num_epochs: 3\n", "S002", "close braces and quotes; write name: value"),
        ("colour: 3\n", "S009", "name the kind: --as augment"),
        (
            "ssd_config { alpha: -1 }",
            "S102",
            "write a value in this range; `tltpipe spec explain ssd_config.alpha` says",
        ),
        ("ssd_config { arch: /a/b.c }", "S005", 'write arch: "/a/b.c"'),
        ("ssd_config { arch: C:\\a }", "S005", 'write arch: "C:/a"'),
    ],
)
def test_help_is_about_what_is_wrong(tmp_path: Path, text: str, code: str, help: str) -> None:
    path = tmp_path / "spec"
    path.write_text(text)
    lines = run("spec", "check", path).output.splitlines()
    place = next(place for place, line in enumerate(lines) if f"error {code}: " in line)
    assert next(line for line in lines[place:] if "help: " in line).startswith(f"  help: {help}")


def test_which_rules_and_for_which_toolkit(tmp_path: Path) -> None:
    path = tmp_path / "train.conf"
    path.write_text(TRAIN.read_text().replace("enable_qat: false", "max_queue_size: 8"))

    def codes(*arguments: object) -> set[str]:
        (verdict,) = json.loads(run("spec", "check", path, "--json", *arguments).stdout)["files"]
        return {finding["code"] for finding in verdict["findings"]}

    assert codes() == {"S139"}
    assert codes("--ignore", "S1") == codes("--select", "S10,S11") == set()
    assert codes("--toolkit", "tlt2") - codes() == {"S501"}
    for wrong in (("--select", "S9"), ("--ignore", "top_k"), ("--toolkit", "tlt9"), ("--data", tmp_path / "none")):
        assert run("spec", "check", path, *wrong).exit_code == 2


def test_against_the_data_of_a_workspace(kitti: Path) -> None:
    """As a job sees them: the workspace is /workspace."""
    path = kitti / "train.conf"
    assert new("--from", kitti, "-o", path).exit_code == 0
    text = path.read_text().replace(str(kitti), "/workspace")
    path.write_text(text.replace('key: "vest"', 'key: "west"'))
    (verdict,) = json.loads(run("spec", "check", path, "--data", kitti, "--json").stdout)["files"]
    found = {finding["code"]: finding for finding in verdict["findings"]}
    assert "S401" in found, verdict
    assert "vest" in found["S401"]["what"]
    path.write_text(text.replace("/workspace", str(kitti)))
    told = run("spec", "check", path, "--data", kitti, "--toolkit", "tao5", "--fix")
    assert told.exit_code == 0, told.output
    assert 'fixed S301: "/workspace/train/label_2" in place of ' in told.output
    assert path.read_text().partition("\n\n")[2] == text.partition("\n\n")[2]
