"""What people see, on a terminal and in a pipe."""

import io
from pathlib import Path

from PIL import Image

from orchestrator.commands import gallery
from orchestrator.jobs.verify import lacking_pictures, lacking_records, records
from orchestrator.screen import console
from tltpipe.errors import DataError
from tltpipe.progress import Tick


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_precision_table_has_a_bar_for_each_class() -> None:
    stream = io.StringIO()
    per_class = {"AP": {"vest": 1.0, "skirt": 0.5, "sling": 0.0}}
    console.Console(stream=stream).scores({"primary": "mAP", "figures": {"mAP": 0.5}, "per_class": per_class})
    lines = {line.split()[0]: line for line in stream.getvalue().splitlines() if line.strip()}
    assert lines["vest"].count("█") == 2 * lines["skirt"].count("█") == 30
    assert "█" not in lines["sling"]
    assert "0.500" in lines["mAP"]


def test_names_in_brackets_are_text() -> None:
    stream = io.StringIO()
    console.Console(stream=stream).line("file [bold]x[/bold] [/nothing]")
    assert stream.getvalue() == "  file [bold]x[/bold] [/nothing]\n"


def test_a_pipe_gets_no_bars_and_no_escapes(monkeypatch: object) -> None:
    stream = io.StringIO()
    shown = console.Console(stream=stream)
    shown.last = 0.0
    shown.tick(Tick("epoch 1/2", 3, 9, "steps"), "epoch 1/2: 3/9 steps, 33%, 1.0/s")
    shown.tick(Tick("epoch 1/2", 4, 9, "steps"), "epoch 1/2: 4/9 steps, 44%, 1.0/s")
    assert stream.getvalue() == "  epoch 1/2: 3/9 steps, 33%, 1.0/s\n"


def test_a_terminal_gets_one_bar_at_a_time() -> None:
    stream = Terminal()
    shown = console.Console(stream=stream)
    for epoch in (1, 2, 3):
        shown.tick(Tick(f"epoch {epoch}/3", 1, 9, "steps"), "")
    assert [task.description for task in shown.bars.tasks] == ["epoch 3/3"]
    shown.end("train", 65)
    assert shown.bars is None
    assert "1 min 05 s" in stream.getvalue()


def test_an_error_on_a_terminal_is_a_panel_and_elsewhere_lines() -> None:
    problem = DataError("has no items", where="a.json", hint="look\ninto it")
    plain, panel = io.StringIO(), Terminal()
    console.error(problem, stream=plain)
    console.error(problem, stream=panel)
    assert plain.getvalue() == "error: a.json: has no items\n  hint: look\n  hint: into it\n"
    assert "╭" in panel.getvalue()
    assert "has no items" in panel.getvalue()


def test_durations() -> None:
    assert [console.duration(s) for s in (0.04, 59.9, 61, 7325)] == ["0.0 s", "59.9 s", "1 min 01 s", "2 h 02 min"]


def test_contact_sheet(tmp_path: Path) -> None:
    for number in range(5):
        Image.new("RGB", (40 + number, 30), (255, 0, 0)).save(tmp_path / f"{number}.jpg")
    (tmp_path / "notes.txt").write_text("no picture")
    with Image.open(gallery.sheet(tmp_path, tmp_path / "out" / "sheet.jpg", columns=3, cell=50)) as page:
        assert page.size == (3 * 56 + 6, 2 * 56 + 6)


def test_outputs_are_counted(tmp_path: Path) -> None:
    images, labels, out = tmp_path / "image", tmp_path / "label", tmp_path / "out"
    for folder in (images, labels, out / "images", out / "labels"):
        folder.mkdir(parents=True)
    lacking = lacking_pictures(images, labels, out)
    assert "no image" in str(lacking())
    for name in ("a", "b", "unlabelled"):
        (images / f"{name}.jpg").touch()
        (out / "images" / f"{name}.jpg").touch()
    for name in ("a", "b"):
        (labels / f"{name}.txt").touch()
    assert lacking() == "2 of 2 labels (a, b) did not come out"
    for name in ("a", "b"):
        (out / "labels" / f"{name}.txt").touch()
    assert lacking() is None
    (out / "images" / "b.jpg").unlink()
    assert lacking() == "1 of 2 images (b) did not come out"


def test_shards_are_counted(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for name in "abc":
        (images / f"{name}.jpg").touch()
    lacking = lacking_records(images, tmp_path, prefix="train")
    assert lacking() == "it wrote no shard train-*"
    shard = tmp_path / "train-shard"
    record = (5).to_bytes(8, "little") + b"sum4" + b"12345" + b"sum4"
    shard.write_bytes(b"")
    assert lacking() == "its shards hold 0 records for 3 images"
    shard.write_bytes(record * 3)
    assert (records(shard), lacking()) == (3, None)
    shard.write_bytes(record * 3 + b"cut")
    assert lacking() == "the shard train-shard ends in the middle of a record"
