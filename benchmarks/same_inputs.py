"""The data sets on which ``same_outputs`` compares two versions: drawn, converted, handmade, damaged, and many."""

from __future__ import annotations

import importlib.util
import json
import random
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import corpus
from forked_programs import Programs

ROOT = Path(__file__).parents[1]
WRITABLE = ("coco", "csv", "kitti", "mask_png", "open_images", "tfrecord", "voc", "yolo")
LAYOUTS = ("deepfashion2", "deepfashion", "mask_png", "penn_fudan")
DAMAGED = ("coco", "kitti", "yolo", "voc", "deepfashion2")
"""Formats that are damaged twice as often as others."""
MANY = 1000
"""Pictures: several chunks, so that there is something to do for two workers."""
PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".avif", ".jfif"}


@dataclass(frozen=True)
class Input:
    """A data set in ``folder``, damaged as ``seed`` says (None: not); ``kind`` says which commands it is for."""

    name: str
    folder: Path
    kind: str
    seed: int | None = None

    def put(self, target: Path) -> None:
        """A copy of it at ``target``: the same at every call."""
        shutil.copytree(self.folder, target, symlinks=True)
        if self.seed is not None:
            damage(target, random.Random(f"{self.name} {self.seed}"))


def _tests(name: str) -> ModuleType:
    """A file of the tests."""
    sys.path[:0] = [str(ROOT / "tests/helpers")]
    found = importlib.util.spec_from_file_location(name, ROOT / f"tests/converters/{name}.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    found.loader.exec_module(module)
    return module


def damage(root: Path, chance: random.Random) -> None:
    """Change some bytes of an annotation file, of a picture, or take a file to where it does not belong."""
    files = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    pictures = [path for path in files if path.suffix.lower() in PICTURES]
    others = [path for path in files if path not in pictures]
    kind = chance.choice(["text"] * 7 + ["picture", "file", "file"])
    if kind == "file":
        _misplace(root, chance.choice(files), chance)
        return
    path = chance.choice(others if kind == "text" and others else pictures)
    data = bytearray(path.read_bytes() or b" ")
    for _ in range(chance.randint(1, 3)):
        chance.choice(_MUTATIONS)(data, chance)
        data = data or bytearray(b" ")
    path.write_bytes(data)


def _misplace(root: Path, path: Path, chance: random.Random) -> None:
    match chance.choice(["delete", "rename", "move", "double", "folder"]):
        case "delete":
            path.unlink()
        case "rename":
            path.rename(path.with_name(f"x{path.name}"))
        case "move":
            (root / "elsewhere").mkdir()
            path.rename(root / "elsewhere" / path.name)
        case "double":
            shutil.copy(path, path.with_name(f"copy of {path.name}"))
        case _:
            path.unlink()
            path.mkdir()


_MUTATIONS = _tests("test_fuzz").MUTATIONS


def make(folder: Path, programs: Programs, cases: Path, *, seeds: int) -> Iterator[Input]:
    """All inputs, those first that take longest."""
    (folder / "logs").mkdir(parents=True)
    yield from many(folder / "many", programs)
    examples = dict(_examples(folder, programs))
    for name, path in examples.items():
        yield Input(name, path, "whole")
    for layout in LAYOUTS[1:]:
        yield Input(f"{layout} as drawn", _sample(folder / f"drawn-{layout}", programs, layout), "whole")
    for case in sorted(path for path in cases.glob("*") if path.is_dir()):
        data = case / "Original-Data" if (case / "Original-Data").is_dir() else case
        yield Input(f"case {case.name}", data, "case")
    for seed in range(seeds):
        for name, path in examples.items():
            yield Input(f"{name} damaged {seed}", path, "damaged", seed)
            if name in DAMAGED:
                yield Input(f"{name} damaged {seeds + seed}", path, "damaged", seeds + seed)


def _examples(folder: Path, programs: Programs) -> Iterator[tuple[str, Path]]:
    """A small data set in every format, with all that it can hold."""
    drawn = _sample(folder / "deepfashion2", programs, "deepfashion2")
    coco = _converted(drawn, folder / "drawn-coco", programs, "coco")
    _enrich(coco)
    yield "deepfashion2", drawn
    for name in WRITABLE:
        source = drawn if name == "mask_png" else coco  # a box alone cannot be painted
        yield name, _converted(source, folder / name, programs, name)
    conftest = _tests("conftest")
    handmade: dict[str, Any] = {name: getattr(conftest, name) for name in ("labelme", "cvat", "visdrone", "via")}
    handmade |= {"penn_fudan": conftest.penn_fudan, "multitask_csv": conftest.multitask_csv}
    handmade |= {"deepfashion": conftest.deepfashion_lists.coarse}
    for name, write in handmade.items():
        write(folder / "handmade" / name)
        yield name, folder / "handmade" / name


def _sample(target: Path, programs: Programs, layout: str) -> Path:
    counts = ["--train", "7", "--validation", "4", "--size", "64", "--layout", layout]
    _succeed(programs, ["tltpipe", "sample", str(target), *counts], target.parent)
    return target


def _converted(source: Path, target: Path, programs: Programs, format: str, *more: str) -> Path:
    argv = ["tltpipe", "convert", str(source), str(target), "--to", format, "--allow-loss", *more]
    _succeed(programs, argv, target.parent)
    return target


def _succeed(programs: Programs, argv: Sequence[str], folder: Path) -> None:
    logs = folder / "logs"
    if code := programs.run(argv, cwd=folder, logs=logs):
        raise RuntimeError(f"{' '.join(argv)} ended with {code}:\n{(logs / 'stderr').read_text()}")


def _enrich(root: Path) -> None:
    """To the COCO files at ``root``: a mask, a crowd, a second outline, a decimal box, what we do not know, a blank."""
    for path in sorted(root.glob("annotations/*.json")):
        page = json.loads(path.read_text())
        notes, image = page["annotations"], page["images"][0]
        width, height = image["width"], image["height"]
        counts = [width * height // 2, height * 4, width * height - width * height // 2 - height * 4]
        first = {key: value for key, value in notes[0].items() if key not in ("keypoints", "num_keypoints")}
        first |= {"image_id": image["id"]}
        mask = {"size": [height, width], "counts": counts}
        notes.append(first | {"id": 9001, "iscrowd": 1, "segmentation": mask, "bbox": [width // 2, 0, 5, height]})
        ring = [[1, 1, 9, 1, 9, 9], [20.5, 20, 30, 20, 30, 31.25]]
        notes.append(first | {"id": 9002, "segmentation": ring, "bbox": [1, 1, 29, 30.25], "area": 90.5})
        notes.append(first | {"id": 9003, "segmentation": [], "bbox": [0.1, 0.2, 10.30000001, 7.123456789], "score": 1})
        empty = page["images"][-1]["id"]
        page["annotations"] = [note for note in notes if note["image_id"] != empty]
        path.write_text(json.dumps(page))


def many(folder: Path, programs: Programs) -> Iterator[Input]:
    """Enough pictures for several chunks, in the formats that matter most, and one to be killed on."""
    corpus.write(folder / "deepfashion2", pictures=MANY, light=True, workers=1)
    (folder / "logs").mkdir()
    for name in ("deepfashion2", "coco", "kitti", "yolo", "voc"):
        if name != "deepfashion2":
            _converted(folder / "deepfashion2", folder / name, programs, name)
        yield Input(f"many {name}", folder / name, "many")
    yield Input("killed deepfashion2", folder / "deepfashion2", "killed")
    yield Input("killed coco", folder / "coco", "killed")
