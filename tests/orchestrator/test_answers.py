"""--json: one object of the documented shape, from every command, and the same keys for the same thing."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from types import UnionType
from typing import Any, NotRequired, get_args, get_origin, get_type_hints, is_typeddict

import pytest
import warm
from PIL import Image

from orchestrator.screen import answers

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/json.md").read_text("utf-8")
SHAPES = {name: shape for name, shape in vars(answers).items() if is_typeddict(shape)}


def tltpipe(*words: str, cwd: Path) -> tuple[int, Any]:
    command = [*warm.command("tltpipe"), *words, "--json"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(cwd)}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout)


def fits(shape: str, value: Any) -> Any:
    require(SHAPES[shape], value, shape)
    return value


def require(kind: Any, value: Any, where: str) -> None:
    """That ``value`` is of the annotated ``kind``, all the way down."""
    origin, parts = get_origin(kind), get_args(kind)
    if is_typeddict(kind):
        for name, hint in get_type_hints(kind, include_extras=True).items():
            if get_origin(hint) is NotRequired:
                if name in value:
                    require(get_args(hint)[0], value[name], f"{where}.{name}")
            else:
                assert name in value, f"{where}.{name} is missing"
                require(hint, value[name], f"{where}.{name}")
    elif origin is dict:
        for name, each in value.items():
            require(parts[1], each, f"{where}.{name}")
    elif origin is list:
        for each in value:
            require(parts[0], each, f"{where}[]")
    elif origin is UnionType:
        assert value is None or isinstance(value, parts[0]), where
    elif kind is not Any:
        assert isinstance(value, (int, float) if kind is float else kind), where


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """COCO, with a class that is called like one of our keys, and an image without items."""
    images = []
    for number in (1, 2):
        images.append({"id": number, "file_name": f"{number}.jpg", "width": 64, "height": 48})
        (tmp_path / "coco/train").mkdir(parents=True, exist_ok=True)
        Image.effect_noise((64, 48), 40 * number).convert("RGB").save(tmp_path / f"coco/train/{number}.jpg")
    content = {
        "images": images,
        "annotations": [{"id": 1, "image_id": 1, "category_id": 5, "bbox": [4, 4, 30, 30], "iscrowd": 0}],
        "categories": [{"id": 5, "name": "pictures"}],
    }
    (tmp_path / "coco/train/_annotations.coco.json").write_text(json.dumps(content))
    return tmp_path / "coco"


def test_the_commands_on_data_sets(data: Path) -> None:
    check = fits("Check", tltpipe("check", str(data), cwd=data.parent)[1])
    stats = fits("Stats", tltpipe("stats", str(data), cwd=data.parent)[1])["splits"]["train"]
    convert = fits("Convert", tltpipe("convert", str(data), "out", "--to", "coco", cwd=data.parent)[1])
    split = convert["splits"]["train"]
    for told in (check, check["splits"]["train"], stats, split):
        assert (told["images"], told["items"], list(told["classes"])) == (2, 1, ["pictures"])
        assert not {"pictures", "categories"} & told.keys()
    for finding in (*check["findings"], *split["findings"]):
        fits("Finding", finding)
    assert any(finding["code"] == "B306" for finding in check["findings"])


def test_an_error_has_the_same_keys_alone_and_beside_an_answer(data: Path) -> None:
    code, alone = tltpipe("check", "nowhere", cwd=data.parent)
    fits("Failure", alone)
    assert (code, alone["error"]["exit_code"], alone["error"]["kind"]) == (3, 3, "DataError")
    path = data / "train/_annotations.coco.json"
    path.write_text(path.read_text().replace("[4, 4, 30, 30]", "[4, 4, 2, 2]"))
    code, beside = tltpipe("check", str(data), "--strict", cwd=data.parent)
    fits("Check", beside)
    assert (code, beside["error"]["exit_code"]) == (7, 7)
    assert beside["error"].keys() == alone["error"].keys()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("train", "--epochs", "x"), "--epochs"),
        (("bogus",), "bogus"),
        (("image", "build", "--dry-run"), "--dry-run"),
        (("infer",), "IMAGE_OR_FOLDER"),
    ],
)
def test_a_command_line_that_is_wrong_is_answered_in_json(words: tuple[str, ...], told: str, tmp_path: Path) -> None:
    code, failed = tltpipe(*words, cwd=tmp_path)
    fits("Failure", failed)
    assert (code, failed["error"]["exit_code"], failed["error"]["kind"]) == (2, 2, "UsageError")
    assert told in failed["error"]["what"]


def test_a_bad_spec_is_an_error_beside_the_answer(tmp_path: Path) -> None:
    (tmp_path / "bad.conf").write_text("random_seed: many\n")
    code, told = tltpipe("spec", "check", "bad.conf", "--as", "ssd", cwd=tmp_path)
    assert (code, told["valid"], told["error"]["kind"], told["error"]["exit_code"]) == (2, False, "SpecError", 2)
    assert "bad.conf:1" in told["error"]["what"]


def test_the_commands_on_a_workspace(workspace: Path) -> None:
    run = fits("Run", tltpipe("prepare", cwd=workspace)[1])
    assert run["stages"]["prepare"]["result"]["validation"]["images"] == 3
    assert "classes" in run["stages"]["prepare"]["result"]["validation"]
    status = fits("Status", tltpipe("status", cwd=workspace)[1])
    assert list(status["stages"]) == ["prepare", "augment", "tfrecords", "train", "evaluate"]
    code, failed = tltpipe("train", cwd=workspace)
    fits("Failure", failed)
    assert code == failed["error"]["exit_code"] == 3


def test_the_page_names_every_shape_and_member() -> None:
    for name, shape in SHAPES.items():
        assert f"## {name}" in PAGE or f"### {name}" in PAGE, name
        section = re.split(rf"^##+ {name}$", PAGE, flags=re.M)[1].split("\n## ")[0]
        for member in shape.__annotations__:
            assert f"`{member}`" in section, f"{name}.{member}"
