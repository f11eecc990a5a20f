"""A workspace with a few real pictures, and a Run on it that shows nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import warm
from PIL import Image, ImageDraw

from converters.model import garments
from orchestrator import session
from orchestrator.run import Run
from orchestrator.runners import local
from orchestrator.screen.report import Quiet
from orchestrator.settings.config import Given

SIZE = (96, 72)


def draw_split(folder: Path, count: int) -> None:
    """``count`` pictures of one garment each, with annotations of the published shape."""
    for part in ("image", "annos"):
        (folder / part).mkdir(parents=True)
    for number in range(1, count + 1):
        garment = garments.CATEGORIES[number % len(garments.CATEGORIES)]
        left, top = 10 + number % 7, 12
        picture = Image.new("RGB", SIZE, (200, 210, 220))
        ImageDraw.Draw(picture).rectangle((left, top, left + 50, top + 40), fill=(number * 37 % 256, 90, 120))
        picture.save(folder / "image" / f"{number:06d}.jpg")
        item = {
            "segmentation": [[left, top, left + 50, top, left + 50, top + 40, left, top + 40]],
            "scale": 2,
            "viewpoint": 2,
            "zoom_in": 1,
            "landmarks": [value for n in range(garment.landmarks) for value in (left + n % 50, top + n % 40, 2)],
            "style": 1,
            "bounding_box": [left, top, left + 50, top + 40],
            "category_id": garment.id,
            "occlusion": 1,
            "category_name": garment.label,
        }
        page = {"item1": item, "source": "user", "pair_id": number}
        (folder / "annos" / f"{number:06d}.json").write_text(json.dumps(page))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder with raw data: five pictures to train on, three to validate on."""
    root = tmp_path / "work"
    draw_split(root / "Original-Data" / "train", 5)
    draw_split(root / "Original-Data" / "validation", 3)
    return root


Start = Callable[..., Run]


@pytest.fixture
def start(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """A Run on the workspace: ``start(runner="dry", **{"ssd.num_epochs": 3}, force=True)``.

    ``programs`` is the folder that the local runner takes its programs from.
    """
    for name in ("TLTPIPE_KEY", "TLTPIPE_RUNNER", "TLTPIPE_TOOLKIT", "TLTPIPE_IMAGE"):
        monkeypatch.delenv(name, raising=False)

    def begin(
        *,
        root: Path = workspace,
        programs: Path | None = None,
        force: bool = False,
        render: bool = False,
        dry: bool = False,
        subject: Path | None = None,
        **settings: Any,
    ) -> Run:
        flags = {name: Given(value, f"--{name}") for name, value in settings.items()}
        run = session.start(root, Quiet(), flags=flags, force=force, render=render, dry=dry, subject=subject)
        if programs is not None:
            run.runner = local.LocalRunner(run.runner.place, programs=programs)  # type: ignore[attr-defined]
        return run

    return begin


PROGRAMS = [name for name in warm.SCRIPTS if name.startswith("tlt-")]


@pytest.fixture
def real_programs(tmp_path: Path) -> Path:
    """A folder of the programs for this interpreter, whether the distribution is installed or not."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in PROGRAMS:
        warm.script(folder / name)
    return folder


@pytest.fixture
def write_program() -> Callable[[Path, str], Path]:
    return program


def program(path: Path, body: str) -> Path:
    """An executable that runs the Python text ``body``; ``sys`` and ``Path`` are imported."""
    path.parent.mkdir(parents=True, exist_ok=True)
    root = Path(__file__).parents[2]
    head = f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(root)!r})\nfrom pathlib import Path\n"
    path.write_text(f"{head}{body}\n")
    path.chmod(0o755)
    return path


AUGMENT = """
import shutil
flags = dict(zip(sys.argv[1::2], sys.argv[2::2]))
for label in (Path(flags["-d"]) / "label").glob("*.txt"):
    for path, target in ((label.parents[1] / "image" / f"{label.stem}.jpg", "images"), (label, "labels")):
        (Path(flags["-o"]) / target).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, Path(flags["-o"]) / target)
"""

CONVERT = """
import re
from converters.tfrecords import examples, records
flags = dict(zip(sys.argv[1::2], sys.argv[2::2]))
spec = Path(flags["-d"]).read_text()
fields = ("root_directory_path", "image_dir_name", "label_dir_name")
root, images, labels = (re.search(name + r': "(.*)"', spec)[1] for name in fields)
box = dict(zip((f"target/coordinates_{corner}" for corner in examples.CORNERS), (10, 10, 60, 50)))
def record(path):
    name = (Path(root) / labels / f"{path.stem}.txt").read_text().split()[0]
    columns = [[box.get(number, 0)] for number in examples.NUMBERS]
    return examples.encode_record((f"{images}/{path.stem}", 288, 288), [name], columns)
found = sorted((Path(root) / images).glob("*.jpg"))
records.write_records(Path(flags["-o"] + "-fold-000-of-002-shard-00000-of-00010"), map(record, found))
"""

EVALUATE = """
import json
def keep(scores):
    folder = Path(sys.argv[sys.argv.index("-r") + 1]) / "evaluation"
    folder.mkdir(exist_ok=True)
    (folder / "evaluation.json").write_text(json.dumps(scores))
"""

TRAINER = """
from time import sleep
flags = dict(zip(sys.argv[2::2], sys.argv[3::2]))
results = Path(flags["-r"]) / "weights"
results.mkdir(parents=True, exist_ok=True)
done = [] if "--fresh" in sys.argv else sorted(results.glob("*.tlt"))
origin = str(done[-1]) if done else flags.get("-m", "from random weights")
for epoch in range(len(done) + 1, EPOCHS + 1):
    (results / f"ssd_resnet10_epoch_{epoch:03d}.tlt").write_text(origin)
    print(f"epoch {epoch}", flush=True)
    if epoch == CTRL_C:
        import os, signal
        os.kill(os.getppid(), signal.SIGINT)
        sleep(20)
    if epoch == STOP:
        print("error: train.conf:3:1: this went wrong\\n  hint: put it right", file=sys.stderr)
        sys.exit(3)
"""
"""A trainer that goes on by itself, leaves a checkpoint an epoch and may fail, or meet Ctrl-C, after one of them."""


@pytest.fixture
def fake_programs(tmp_path: Path) -> Callable[..., Path]:
    """Programs that leave what the real ones would leave, by name and number, and do nothing else."""

    def make(*, epochs: int = 3, stop: int = 0, ctrl_c: int = 0) -> Path:
        folder = tmp_path / "fakes"
        for name in PROGRAMS:
            program(folder / name, f"sys.exit('{name} has no fake')")
        program(folder / "tlt-augment", AUGMENT)
        program(folder / "tlt-dataset-convert", CONVERT)
        program(folder / "tlt-train", f"EPOCHS, STOP, CTRL_C = {epochs}, {stop}, {ctrl_c}\n{TRAINER}")
        lines = ["*" * 30, "vest           AP   0.500", "skirt          AP   0.250", "               mAP  0.375"]
        scores = {"primary": "mAP", "figures": {"mAP": 0.375}, "per_class": {"AP": {"vest": 0.5, "skirt": 0.25}}}
        scores |= {"mAP": 0.375, "average_precision": scores["per_class"]["AP"]}
        program(folder / "tlt-evaluate", f"{EVALUATE}print({chr(10).join(lines)!r})\nkeep({scores})")
        program(
            folder / "tlt-infer",
            """
flags = dict(zip(sys.argv[2::2], sys.argv[3::2]))
images = Path(flags["-i"])
for path in [images] if images.is_file() else sorted(images.iterdir()):
    (Path(flags["-o"]) / path.name).write_bytes(path.read_bytes())
    label = f"vest 0 0 0 1 2 3 4 0 0 0 0 0 0 0 {flags['-t']}\\n"
    (Path(flags["-l"]) / f"{path.stem}.txt").write_text(label)
""",
        )
        return folder

    return make
