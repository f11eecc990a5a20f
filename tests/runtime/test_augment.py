"""tlt-augment on real files: what it writes, what it says, what it leaves alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from converters.formats.kitti import rows as kitti_rows
from runtime.programs import augment
from tltpipe.errors import DataError

SEED_SPEC = """\
spatial_config{
}

color_config{
}

dataset_config{
  image_path: "image"
  label_path: "label"
}
output_image_width: 288
output_image_height: 288
output_image_channel: 3
image_extension: ".jpg"
"""
LINE = "short_sleeved_shirt 0.25 1 -1.57 10 20 110.5 220 1 2 3 4 5 6 0.5\n"


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for folder in ("image", "label"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    write_spec(tmp_path)
    return tmp_path


def write_spec(work: Path, *, spatial: str = "", colour: str = "", rest: str = "", size: bool = True) -> None:
    text = SEED_SPEC.replace("spatial_config{\n", f"spatial_config{{ {spatial}\n")
    text = text.replace("color_config{\n", f"color_config{{ {colour}\n") + rest
    if not size:
        text = "".join(
            line for line in text.splitlines(keepends=True) if "_width" not in line and "_height" not in line
        )
    (work / "augment.conf").write_text(text)


def add(work: Path, name: str, label: str | None = LINE, *, size: tuple[int, int] = (200, 300)) -> Path:
    path = work / "data" / "image" / name
    pixels = np.random.default_rng(len(name)).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    if label is not None:
        (work / "data" / "label" / f"{path.stem}.txt").write_text(label)
    return path


def run(*options: str, output: str = "out") -> int:
    return augment.main(["-d", "data", "-a", "augment.conf", "-o", output, *options])


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_seed_spec_resizes_images_and_boxes(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(work, "000001.jpg")
    add(work, "000002.jpg", "", size=(50, 40))
    assert run(output="out/train/") == 0
    out = work / "out" / "train"
    assert tree(out) == [
        "images",
        "images/000001.jpg",
        "images/000002.jpg",
        "labels",
        "labels/000001.txt",
        "labels/000002.txt",
    ]
    with Image.open(out / "images" / "000001.jpg") as image:
        assert (image.size, image.mode, image.format) == ((288, 288), "RGB", "JPEG")
    expected = "short_sleeved_shirt 0.25 1 -1.57 14.40 19.20 159.12 211.20 1.00 2.00 3.00 4.00 5.00 6.00 0.50\n"
    assert (out / "labels" / "000001.txt").read_text() == expected
    assert (out / "labels" / "000002.txt").read_text() == ""
    assert "wrote 2 images (288x288) and 1 boxes to out/train" in capsys.readouterr().out


def test_own_size_and_identity_keep_pixels(work: Path) -> None:
    path = add(work, "a.b.png")
    write_spec(work, size=False)
    spec = (work / "augment.conf").read_text().replace('".jpg"', '"png"')
    (work / "augment.conf").write_text(spec)
    assert run() == 0
    with Image.open(work / "out" / "images" / "a.b.png") as ours, Image.open(path) as given:
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(given))
    assert (work / "out" / "labels" / "a.b.txt").read_text().split()[4:8] == ["10.00", "20.00", "110.50", "220.00"]


def test_everything_at_once(work: Path) -> None:
    add(work, "1.jpg")
    write_spec(
        work,
        spatial='rotation_config { angle: 1.5707963 units: "radians" } flip_config { flip_horizontal: true }',
        colour="hue_saturation_config { saturation_shift: 0 } brightness_config { offset: 500 }",
        rest="blur_config { size: 3 std: 1 }\n",
    )
    assert run("-v") == 0
    with Image.open(work / "out" / "images" / "1.jpg") as image:
        pixels = np.asarray(image)
    # 200 x 300 turned a quarter fills rows 50 to 250 of 300 and reaches over both sides.
    assert pixels[144, 144].min() > 240
    assert pixels.shape == (288, 288, 3)
    left, top, right, bottom = map(float, (work / "out" / "labels" / "1.txt").read_text().split()[4:8])
    # (x, y) turns to (250 - y, x + 50), is mirrored to (y - 50, x + 50), and scaled by 1.44 and 0.96.
    np.testing.assert_allclose([left, right], [0, 170 * 1.44], atol=0.01)
    np.testing.assert_allclose([top, bottom], [60 * 0.96, 160.5 * 0.96], atol=0.01)


def test_grey_output(work: Path) -> None:
    add(work, "1.jpg")
    text = (work / "augment.conf").read_text().replace("output_image_channel: 3", "output_image_channel: 1")
    (work / "augment.conf").write_text(text)
    assert run() == 0
    with Image.open(work / "out" / "images" / "1.jpg") as image:
        assert image.mode == "L"


@pytest.mark.parametrize("mode", ["L", "RGBA", "CMYK", "P", "I;16"])
def test_any_kind_of_picture_comes_out_rgb(work: Path, mode: str) -> None:
    name = "1.jpg" if mode == "CMYK" else "1.png"
    text = (work / "augment.conf").read_text().replace(".jpg", Path(name).suffix)
    (work / "augment.conf").write_text(text)
    if mode == "I;16":
        image = Image.fromarray(np.full((30, 20), 0x9940, np.uint16))
    else:
        image = Image.new("RGB", (20, 30), (153, 153, 153)).convert(mode)
    image.save(work / "data" / "image" / name)
    (work / "data" / "label" / "1.txt").write_text("")
    assert run() == 0
    with Image.open(work / "out" / "images" / name) as written:
        assert written.mode == "RGB"
        assert abs(np.asarray(written)[140, 140].astype(int) - 153).max() <= 2


def test_orientation_tag_is_not_applied(work: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (200, 100)).save(work / "data" / "image" / "1.jpg", exif=exif)
    (work / "data" / "label" / "1.txt").write_text("x 0 0 0 0 0 200 100 0 0 0 0 0 0 0\n")
    assert run() == 0
    assert (work / "out" / "labels" / "1.txt").read_text().split()[4:8] == ["0.00", "0.00", "288.00", "288.00"]
    with Image.open(work / "out" / "images" / "1.jpg") as image:
        assert image.getexif().get(0x0112) is None


def test_drawn_boxes_come_with_verbose_and_go_without(work: Path) -> None:
    add(work, "1.jpg")
    assert run("-v") == 0
    drawn = work / "out" / "images_annotated" / "1.jpg"
    with Image.open(drawn) as annotated, Image.open(work / "out" / "images" / "1.jpg") as plain:
        difference = np.abs(np.asarray(annotated).astype(int) - np.asarray(plain)).max(axis=2)
    rows, columns = np.nonzero(difference > 120)
    assert abs(rows.min() - 19) <= 8
    assert abs(columns.max() - 159) <= 8
    assert run() == 0
    assert not drawn.parent.exists()


def test_unpaired_files_are_told(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(work, "1.jpg")
    add(work, "2.jpg", None)
    add(work, "3.JPG")
    for stem in ("4", "5"):
        (work / "data" / "label" / f"{stem}.txt").write_text("")
    assert run() == 0
    assert tree(work / "out" / "images") == ["1.jpg", "3.JPG"]
    error = capsys.readouterr().err
    assert "image: 1 images have no label file" in error
    assert "label: 2 label files have no image" in error


def test_superset_of_label_forms(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(
        work,
        "1.jpg",
        "\ufeffa  0  2.00 0 0 0 100 150  0 0 0 0 0 0 0 0.77\r\n\n \t\nb 0 0 0 100 150 200 300 0 0 0 0 0 0 0 ",
    )
    assert run() == 0
    lines = (work / "out" / "labels" / "1.txt").read_text().splitlines()
    assert lines[0] == "a 0.00 2 0.00 0.00 0.00 144.00 144.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00"
    assert lines[1].startswith("b 0.00 0 0.00 144.00 144.00 288.00 288.00")
    assert "1 label lines had a 16th column" in capsys.readouterr().err


def test_boxes_moved_outside_are_told(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(work, "1.jpg")
    write_spec(work, spatial="translation_config { translate_x: 500 }")
    assert run() == 0
    assert (work / "out" / "labels" / "1.txt").read_text().split()[4:8] == ["288.00", "19.20", "288.00", "211.20"]
    assert "1 boxes are lines or points now" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a 0 0 0 1 2 3 4 0 0 0 0 0 0", "1.txt:2: 14 columns"),
        ("vest dress 0 0 0 1 2 3 4 0 0 0 0 0 0 0", 'write "vest_dress"'),
        ("a,0,0,0,1,2,3,4,0,0,0,0,0,0,0", "1.txt:2: 1 columns"),
        ("a 0 0 0 1 2 x 4 0 0 0 0 0 0 0", '1.txt:2: column "right" is not a number but "x"'),
        ("a 0 0 0 1 2 nan 4 0 0 0 0 0 0 0", "1.txt:2: occlusion and the box must be finite"),
    ],
)
def test_bad_label_line(work: Path, capsys: pytest.CaptureFixture[str], line: str, message: str) -> None:
    add(work, "1.jpg", LINE + line + "\n")
    assert run() == 3
    assert message in capsys.readouterr().err
    assert not (work / "out").exists()


def test_label_that_is_no_text(work: Path) -> None:
    path = work / "1.txt"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="not UTF-8"):
        kitti_rows.text_of(path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-a", "augment.conf", "-d", "data", "-o", "out", "--workers", "-1"], "--workers -1: there must be one at"),
        (["-a", "augment.conf", "-d", "data", "-o", "out", "--workers", "0"], "--workers 0: there must be one at"),
        (["-a", "augment.conf", "-o", "out"], "-d missing\n  hint: an augmentation needs -a SPEC -d DIR -o DIR"),
    ],
)
def test_usage(work: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert augment.main(arguments) == 2
    assert message in capsys.readouterr().err


def test_bad_image_in_a_worker_process(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(6):
        add(work, f"{number}.jpg", size=(20, 20))
    (work / "data" / "image" / "3.jpg").write_bytes((work / "data" / "image" / "2.jpg").read_bytes()[:500])
    assert run("--workers", "2") == 3
    assert "error: data/image/3.jpg: the image cannot be read" in capsys.readouterr().err
    assert not (work / "out").exists()


def test_processes_do_as_one(work: Path) -> None:
    for number in range(5):
        add(work, f"{number}.jpg", size=(40 + number, 30))
    assert run("--workers", "1", output="one") == 0
    assert run("--workers", "2", output="two") == 0
    assert tree(work / "one") == tree(work / "two")
    for path in (work / "one" / "images").iterdir():
        assert path.read_bytes() == (work / "two" / "images" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda data: (data / "image").rename(data / "images"), "data/image: there is no such folder for images"),
        (lambda data: (data / "label").rename(data / "labels"), 'did you mean "labels"?'),
        (lambda data: data.rename(data.parent / "other"), "data: this data set folder does not exist"),
        (lambda data: (data / "image" / "1.jpg").rename(data / "image" / "1.jpeg"), "no images ending in .jpg"),
        (lambda data: (data / "image" / "1.jpg").rename(data / "image" / "1.jpeg"), "there are .jpeg"),
        (lambda data: (data / "label" / "1.txt").unlink(), "none of the 1 images (.jpg) has a label file"),
    ],
)
def test_wrong_folders(work: Path, capsys: pytest.CaptureFixture[str], prepare: object, message: str) -> None:
    add(work, "1.jpg")
    assert callable(prepare)
    prepare(work / "data")
    assert run() == 3
    assert message in capsys.readouterr().err
    assert not (work / "out").exists()


def test_failure_keeps_the_earlier_result_and_other_files(work: Path) -> None:
    add(work, "1.jpg")
    (work / "out").mkdir()
    (work / "out" / "notes.txt").write_text("mine")
    assert run() == 0
    before = {path: path.read_bytes() for path in (work / "out").rglob("*") if path.is_file()}
    add(work, "2.jpg", "broken\n")
    assert run() == 3
    assert {path: path.read_bytes() for path in (work / "out").rglob("*") if path.is_file()} == before
    (work / "data" / "label" / "1.txt").unlink()
    (work / "data" / "label" / "2.txt").write_text("")
    assert run() == 0
    assert tree(work / "out") == ["images", "images/2.jpg", "labels", "labels/2.txt", "notes.txt"]


def test_output_may_not_replace_its_input(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(work, "1.jpg")
    (work / "data" / "image").rename(work / "data" / "images")
    text = (work / "augment.conf").read_text().replace('"image"', '"images"')
    (work / "augment.conf").write_text(text)
    assert run(output="data") == 2
    assert "would replace its own input" in capsys.readouterr().err


def test_two_images_of_one_stem(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(work, "1.jpg")
    add(work, "1.JPG")
    assert run() == 3
    assert "would share one label file" in capsys.readouterr().err


def test_unset_saturation_is_no_change(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(work, "1.jpg")
    write_spec(work, colour="hue_saturation_config { hue_rotation_angle: 0 }")
    assert run() == 0
    assert "saturation_shift" in capsys.readouterr().err
    with Image.open(work / "out" / "images" / "1.jpg") as image:
        pixels = np.asarray(image).astype(int)
    assert (pixels.max(axis=2) - pixels.min(axis=2)).mean() > 20


def test_workspace_is_mapped(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(work, "1.jpg")
    arguments = ["-d", "/workspace/data", "-a", "/workspace/augment.conf", "-o", "/workspace/out/"]
    monkeypatch.delenv("TLTPIPE_WORKSPACE", raising=False)
    assert augment.main(arguments) == 2
    monkeypatch.setenv("TLTPIPE_WORKSPACE", str(work))
    assert augment.main(arguments) == 0
    assert tree(work / "out" / "images") == ["1.jpg"]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_stopped_run_leaves_nothing_that_looks_whole(work: Path, stop: signal.Signals) -> None:
    first = add(work, "0.jpg", size=(1500, 1500))
    for number in range(1, 120):
        os.link(first, first.with_name(f"{number}.jpg"))
        (work / "data" / "label" / f"{number}.txt").write_text(LINE)
    code = "import sys; from runtime.programs.augment import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "-d", "data", "-a", "augment.conf", "-o", "out", "--workers", "2"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, start_new_session=True)
    deadline = time.monotonic() + 30
    while not list(work.glob("out/.images.partial/*.jpg")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, stop) if stop is signal.SIGINT else process.send_signal(stop)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert error.decode().splitlines()[-1] == "error: interrupted"
    assert "Traceback" not in error.decode()
    assert [path.name for path in (work / "out").iterdir() if not path.name.startswith(".")] == []


def any_extension(work: Path) -> None:
    text = (work / "augment.conf").read_text().replace('".jpg"', '"auto"')
    (work / "augment.conf").write_text(text)


def add_below(work: Path, name: str) -> None:
    """An image and its label in the sub-folder that ``name`` says."""
    for folder in ("image", "label"):
        (work / "data" / folder / name).parent.mkdir(parents=True, exist_ok=True)
    add(work, name, None, size=(20, 30))
    (work / "data" / "label" / f"{name.rpartition('.')[0]}.txt").write_text(LINE.replace("10 20 110.5 220", "2 3 8 9"))


def test_all_extensions_and_sub_folders(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["1.JPG", "2.png", "a/1.jpeg", "a/b/1.webp", "b/1.bmp", "b/2.tif"]
    for name in names:
        add_below(work, name)
    any_extension(work)
    assert run("-v") == 0
    captured = capsys.readouterr()
    assert "wrote 6 images" in captured.out
    assert captured.err == ""
    out = work / "out"
    for folder, written in (("images", names), ("images_annotated", names)):
        found = {path.relative_to(out / folder).as_posix() for path in (out / folder).rglob("*") if path.is_file()}
        assert found == set(written)
    for name in names:
        with Image.open(out / "images" / name) as image:
            assert image.size == (288, 288)
        columns = (out / "labels" / f"{name.rpartition('.')[0]}.txt").read_text().split()
        assert columns[4:8] == ["28.80", "28.80", "115.20", "86.40"]


def test_what_has_no_encoder_for_colours_becomes_png(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_below(work, "a/1.gif")
    add_below(work, "2.jp2")
    any_extension(work)
    write = (work / "augment.conf").read_text().replace("output_image_width: 288\noutput_image_height: 288\n", "")
    (work / "augment.conf").write_text(write)
    assert run() == 0
    assert "1 .gif, 1 .jp2 are written as .png" in capsys.readouterr().err
    for name in ("a/1.gif", "2.jp2"):
        written = work / "out/images" / f"{name.rpartition('.')[0]}.png"
        with Image.open(written) as ours, Image.open(work / "data/image" / name) as given:
            np.testing.assert_array_equal(np.asarray(ours), np.asarray(given.convert("RGB")))


def test_what_an_extension_leaves_out_is_counted(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("1.jpg", "2.JPG", "3.png", "a/4.jpeg"):
        add_below(work, name)
    (work / "data/image/5.heic").touch()
    (work / "data/label/5.txt").touch()
    assert run() == 0
    captured = capsys.readouterr()
    assert "wrote 2 images" in captured.out
    left_out, unread = captured.err.splitlines()
    assert "1 .jpeg, 1 .png" in left_out
    assert "1 .heic" in unread


def test_left_out_images_keep_their_folder(work: Path) -> None:
    for name in ("a/1.jpg", "b/1.jpg"):
        add_below(work, name)
    (work / "data/image/b/1.jpg").write_bytes(b"no image")
    assert run("--skip-bad") == 0
    assert (work / "out/left_out.txt").read_text().startswith("b/1.jpg\t")
