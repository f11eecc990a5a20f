"""Random parts of a KITTI folder are deleted, renamed or moved: what tlt-augment and tlt-dataset-convert do not write
is counted, image by image and item by item, and no class is lost whole.

TLTPIPE_LOSS_FUZZ sets how many rounds each program gets.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from runtime.programs import augment, dataset_convert

ROUNDS = int(os.environ.get("TLTPIPE_LOSS_FUZZ", "16"))
LINE = "{} 0.00 0 0.00 {} 8.00 {} 40.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00\n"
AUGMENT = """
spatial_config { }
dataset_config { image_path: "image" label_path: "label" }
output_image_width: 64 output_image_height: 48 image_extension: "auto"
"""
CONVERT = """
kitti_config {
  root_directory_path: "data" image_dir_name: "image" label_dir_name: "label" image_extension: "auto"
  partition_mode: "random" num_partitions: 2 val_split: 20 num_shards: 2
}
"""
PROGRAMS: dict[str, Callable[[list[str]], int]] = {
    "augment": lambda more: augment.main(["-d", "data", "-a", "augment.conf", "-o", "out", "-r", "told", *more]),
    "convert": lambda more: dataset_convert.main(
        ["-d", "convert.conf", "-o", "out/x", "-r", "told", "--workers", "1", *more]
    ),
}


def make(root: Path) -> dict[str, Counter[str]]:
    """Twelve images of two kinds, in a folder and in one below; "shoe" is on one of them. The items of each."""
    truth: dict[str, Counter[str]] = {}
    for number in range(12):
        stem = f"{'deep/' if number % 4 == 3 else ''}{number:02d}"
        names = ["shirt"] * (number % 3) + ["hat"] * (number % 2) + ["shoe"] * (number == 4)
        for folder, extension in (("image", ("jpg", "PNG")[number % 2]), ("label", "txt")):
            path = root / folder / f"{stem}.{extension}"
            path.parent.mkdir(parents=True, exist_ok=True)
            if folder == "image":
                Image.new("RGB", (64, 48), (number * 9, 5, 80)).save(path)
            else:
                path.write_text("".join(LINE.format(name, 2 + 9 * n, 10 + 9 * n) for n, name in enumerate(names)))
        truth[stem] = Counter(names)
    return truth


def change(root: Path, chance: random.Random, *, only_delete: bool) -> None:
    """An image without labels, which stops a conversion, comes of everything but deleting images."""
    folder = root / ("image" if only_delete else chance.choice(["image", "label"]))
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in chance.sample(files, chance.randint(1, 5)):
        match "delete" if only_delete else chance.choice(["delete", "rename", "move"]):
            case "delete":
                path.unlink()
            case "rename":
                path.rename(path.with_name(f"x{path.name}"))
            case _:
                (folder / "moved").mkdir(exist_ok=True)
                path.rename(folder / "moved" / path.name)


def expected(root: Path, truth: dict[str, Counter[str]]) -> tuple[Counter[str], int, int, Counter[str]]:
    """Classes written, how many images; names with one half only, and their items as far as labels are there."""

    def named(folder: str) -> set[str]:
        return {
            path.relative_to(root / folder).with_suffix("").as_posix()
            for path in (root / folder).rglob("*")
            if path.is_file()
        }

    images, labels = named("image"), named("label")

    def items(stems: set[str]) -> Counter[str]:
        lines = (line for stem in stems for line in (root / "label" / f"{stem}.txt").read_text().splitlines())
        return Counter(line.split()[0] for line in lines)

    both = images & labels
    assert all(items({stem}) == truth[stem] for stem in both if stem in truth)
    return items(both), len(both), len(images ^ labels), items(labels - images)


@pytest.mark.parametrize("program", sorted(PROGRAMS))
def test_nothing_is_lost_in_silence(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "augment.conf").write_text(AUGMENT)
    (tmp_path / "convert.conf").write_text(CONVERT)
    codes = Counter[int]()
    for seed in range(ROUNDS):
        for folder in ("data", "out", "told"):
            shutil.rmtree(tmp_path / folder, ignore_errors=True)
        truth = make(tmp_path / "data")
        change(tmp_path / "data", random.Random(f"{program} {seed}"), only_delete=seed % 2 == 1)
        written, images, lone, lost = expected(tmp_path / "data", truth)
        code = PROGRAMS[program]([])
        codes[code] += 1
        error, whole = capsys.readouterr().err, lost.keys() - written.keys()
        bare = program == "convert" and "label file is missing" in error  # an image without labels stops it
        assert code == (3 if whole or bare else 0), f"{program}, seed {seed}: {error}"
        assert bare or not whole or whole & set(error.replace(",", " ").split()), f"{program}, seed {seed}: {error}"
        if code:
            assert not (tmp_path / "out").exists()
            if bare or PROGRAMS[program](["--allow-loss"]):
                continue
        told: dict[str, Any] = json.loads((tmp_path / "told/status.json").read_text().splitlines()[-1])["kpi"]["losses"]
        assert told["out"] == {"images": images, "items": written.total()}, f"{program}, seed {seed}"
        missing = [sum(each[what] for each in told["lost"]) for what in ("images", "items")]
        assert missing == [lone, lost.total()], f"{program}, seed {seed}: {told}"
    assert codes[0], "some changes take nothing away whole"
    if ROUNDS >= 16:
        assert codes[3]
