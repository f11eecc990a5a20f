"""The server's page in a real browser: exported graphs that answer in known places, drawn where they are."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from browser import PHONE, server
from fixed_model import map_model, model
from PIL import Image

if TYPE_CHECKING:
    from browser import Pages
    from playwright.sync_api import Page

pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.browser

SHOP = [[16, 16, 56, 112], [64, 16, 104, 112], [70, 20, 80, 30]]
OTHER = [[18, 16, 58, 112], [4, 4, 12, 120]]
"""Of 128 x 128; the first is almost that of SHOP."""
SHIRT, SHORTS = (230, 57, 70), (29, 120, 216)
BOTH, FIRST, SECOND = (128, 134, 145), (251, 111, 36), (29, 120, 216)
COLOUR = """([at, x, y]) => {
    const canvas = document.querySelectorAll(".panel canvas")[at], scale = canvas.width / 256;
    return [...canvas.getContext("2d").getImageData(x * scale, y * scale, 1, 1).data];
}"""
DRAWN = """() => {
    const context = document.querySelector(".panel canvas").getContext("2d");
    return [...context.getImageData(0, 0, 800, 800).data].some(Boolean);
}"""
GIVE = """([event, name, bytes]) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
    const init = { bubbles: true, cancelable: true };
    document.dispatchEvent(event === "drop" ? new DragEvent(event, { ...init, dataTransfer: data })
                                            : new ClipboardEvent(event, { ...init, clipboardData: data }));
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photograph that a camera held sideways took: 256 x 128 pixels as it is shown, not as it is stored."""
    folder = tmp_path_factory.mktemp("page")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (128, 256), (200, 180, 190)).save(folder / "light.jpg", exif=exif)
    Image.new("RGB", (64, 64), (9, 9, 9)).save(folder / "it's dark.png")
    (folder / "no image.jpg").write_text("really not")
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """Five models and a cascade, behind the real program."""
    classes = ("shirt", "shorts")
    shop = model(folder / "shop.onnx", classes, 128, SHOP, [1, 2, 2])
    other = model(folder / "other.onnx", classes, 128, OTHER, [1, 2])
    masks = model(folder / "masks.onnx", classes, 128, SHOP, [1, 2, 2], network="mask_rcnn")
    people = model(folder / "people.onnx", ("person",), 128, SHOP[:2], [1, 1])
    halves = np.zeros((128, 128), np.uint8)
    halves[:, :64], halves[64:, 64:] = 1, 2
    pixels = map_model(folder / "pixels.onnx", classes, halves)
    others = map_model(folder / "others.onnx", classes, np.where(halves == 2, 1, halves).astype(np.uint8))
    words = [shop, other, masks, pixels, others, "--cascade", people, other, "--port", "0"]
    with server(["tlt-serve", *map(str, words)]) as url:
        yield url


@pytest.fixture
def page(pages: Pages, address: str, folder: Path) -> Page:
    opened = pages.open(address)
    opened.set_input_files("#file", folder / "light.jpg")
    opened.wait_for_selector("#rows tbody tr")
    return opened


def rows(page: Page) -> list[list[str]]:
    return [[cell.inner_text() for cell in row.locator("td").all()] for row in page.locator("#rows tbody tr").all()]


def colour(page: Page, x: float, y: float, panel: int = 0) -> list[int]:
    """Red, green, blue and alpha of the canvas at a place of the picture as shown."""
    value: list[int] = page.evaluate(COLOUR, [panel, x, y])
    return value


def is_colour(found: list[int], wanted: tuple[int, int, int]) -> bool:
    return found[3] > 200 and all(abs(one - other) < 12 for one, other in zip(found, wanted, strict=False))


def test_objects_lie_where_they_are_and_follow_the_controls(page: Page, pages: Pages) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    assert rows(page) == [["shirt", "0.90"], ["shorts", "0.75"], ["shorts", "0.60"]]
    assert "256 × 128" in page.inner_text("#status")
    assert is_colour(colour(page, 32, 64), SHIRT)
    assert is_colour(colour(page, 128, 64), SHORTS)
    assert is_colour(colour(page, 140, 25), SHORTS)
    assert colour(page, 100, 64)[3] == 0
    pages.shot(page, "objects")
    page.fill("#threshold", "0.7")
    assert rows(page) == [["shirt", "0.90"], ["shorts", "0.75"]]
    assert "2 of 3" in page.inner_text("#counts")
    assert colour(page, 140, 25)[3] == 0
    page.uncheck("#classes [name=shirt]")
    assert rows(page) == [["shorts", "0.75"]]
    assert colour(page, 32, 64)[3] == 0
    page.check("#classes [name=shirt]")
    assert requests == []


def test_a_row_and_its_object_light_up_together(page: Page, pages: Pages) -> None:
    page.hover("#rows tbody tr:nth-child(2)")
    assert 0 < colour(page, 32, 64)[3] < 100
    assert is_colour(colour(page, 128, 64), SHORTS)
    pages.shot(page, "highlighted")
    page.focus("#rows tbody tr:nth-child(1)")
    assert is_colour(colour(page, 32, 64), SHIRT)
    assert 0 < colour(page, 128, 64)[3] < 100
    box = page.locator(".panel canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 150 / 256 * box["width"], box["y"] + 25 / 128 * box["height"])
    assert page.locator("#rows tr.lit").inner_text().split() == ["shorts", "0.60"]


def test_two_models_agree_and_differ(page: Page, pages: Pages) -> None:
    page.select_option("#model-b", "other")
    page.wait_for_selector("#rows tbody tr:nth-child(4)")
    assert rows(page) == [
        ["shirt", "0.90", "0.90"],
        ["shorts", "0.75", "–"],
        ["shorts", "0.60", "–"],
        ["shorts", "–", "0.60"],
    ]
    assert page.inner_text("#counts").split("\n") == ["1 both", "2 only the first", "1 only the second"]
    assert is_colour(colour(page, 32, 64), BOTH)
    assert is_colour(colour(page, 36, 64, 1), BOTH)
    assert is_colour(colour(page, 128, 64), FIRST)
    assert is_colour(colour(page, 8, 64, 1), SECOND)
    pages.shot(page, "two")
    page.uncheck("#agreement")
    assert is_colour(colour(page, 36, 64, 1), SHIRT)


def test_masks_and_parts(page: Page, pages: Pages) -> None:
    page.select_option("#model-a", "masks")
    page.locator(".panel figcaption", has_text="masks").wait_for()
    page.wait_for_selector("#rows tbody tr")
    inside, outside = colour(page, 50, 64), colour(page, 100, 64)
    assert (inside[3] > 60, outside[3]) == (True, 0)
    assert inside[0] > inside[2]
    pages.shot(page, "masks")
    page.select_option("#model-a", "people+other")
    page.wait_for_selector("#rows tr.inner")
    assert [row[0] for row in rows(page)][:2] == ["person", "shirt"]
    pages.shot(page, "cascade")


def test_what_is_saved_and_repeated_elsewhere(
    page: Page, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with page.expect_download() as json_file:
        page.click("#save-json")
    answer: dict[str, Any] = json.loads(json_file.value.path().read_text())
    assert [each["category"] for each in answer["predictions"]] == ["shirt", "shorts", "shorts"]
    assert answer["predictions"][0]["bbox"] == pytest.approx([32, 16, 80, 96], abs=0.1)
    assert answer["image"]["exif"] == {"orientation": 6, "turned": True}
    with page.expect_download() as picture:
        page.click("#save-picture")
    assert (json_file.value.suggested_filename, picture.value.suggested_filename) == ("light.json", "light.drawn.png")
    with Image.open(picture.value.path()) as drawn:
        assert drawn.size == (256, 128)
        assert drawn.convert("RGB").getpixel((32, 64)) == SHIRT
        assert drawn.convert("RGB").getpixel((230, 64)) == pytest.approx((200, 180, 190), abs=3)
    page.fill("#threshold", "0.7")
    line, script = page.inner_text("#curl"), page.inner_text("#python")
    if shutil.which("curl"):
        done = subprocess.run(["sh", "-c", line], cwd=folder, capture_output=True, check=True)
        assert [each["score"] for each in json.loads(done.stdout)["predictions"]] == pytest.approx([0.9, 0.75])
    monkeypatch.chdir(folder)
    with redirect_stdout(io.StringIO()) as printed:
        exec(script, {})
    assert [text.split()[:2] for text in printed.getvalue().splitlines()] == [["shirt", "0.9"], ["shorts", "0.75"]]


def test_dropped_pasted_and_refused(page: Page, pages: Pages, folder: Path) -> None:
    light = folder.joinpath("light.jpg").read_bytes()
    page.set_input_files("#file", folder / "no image.jpg")
    page.wait_for_selector("#status.wrong")
    assert "image" in page.inner_text("#status")
    assert rows(page) == []
    assert not page.evaluate(DRAWN)  # of the picture before
    assert ["415" in fault for fault in pages.faults] == [True]  # the console says so, too
    pages.faults.clear()
    page.evaluate(GIVE, ["drop", "dropped.jpg", [*light]])
    page.locator("#status", has_text="dropped.jpg: 256").wait_for()
    assert len(rows(page)) == 3
    page.evaluate(GIVE, ["paste", "it's dark.png", [*folder.joinpath("it's dark.png").read_bytes()]])
    page.locator("#status", has_text="it's dark.png: 64").wait_for()
    assert rows(page) == []
    assert "it'\\''s dark.png" in page.inner_text("#curl")
    assert not page.is_visible("#url-form")


def test_camera_on_a_phone_in_the_dark(pages: Pages, address: str) -> None:
    page = pages.open(address, width=PHONE, dark=True)
    page.click("#camera")
    page.locator(".stage:not(.empty)").wait_for()
    before = page.evaluate(COLOUR, [0, 128, 64])
    assert before[3] == 255
    pages.shot(page, "camera")
    page.click("#camera")
    assert page.get_attribute("#camera", "aria-pressed") == "false"


def test_classes_of_pixels(page: Page, pages: Pages, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page.select_option("#model-a", "pixels")
    page.locator("#rows td", has_text="background").wait_for()
    assert rows(page) == [["background", "25.0 %"], ["shirt", "50.0 %"], ["shorts", "25.0 %"]]
    shirt, shorts = colour(page, 64, 64), colour(page, 192, 96)
    assert (shirt[3] > 100, shorts[3] > 100, colour(page, 192, 32)[3]) == (True, True, 0)
    assert shirt[:3] != shorts[:3]
    assert not page.is_visible("#threshold")
    pages.shot(page, "pixels")
    monkeypatch.chdir(folder)
    with redirect_stdout(io.StringIO()) as printed:
        exec(page.inner_text("#python"), {})
    assert "'background', 'shirt', 'shorts'" in printed.getvalue()
    with Image.open("light.map.png") as index:
        assert (index.size, index.getpixel((64, 64)), index.getpixel((192, 96))) == ((256, 128), 1, 2)
    page.uncheck("#classes [name=shirt]")
    assert (colour(page, 64, 64)[3], colour(page, 192, 96)) == (0, shorts)
    page.check("#classes [name=shirt]")
    page.select_option("#model-b", "others")
    page.locator("#counts", has_text="75.0 %").wait_for()
    assert rows(page)[1:] == [["shirt", "50.0 %", "75.0 %"], ["shorts", "25.0 %", "0.0 %"]]
    agreed, differing = colour(page, 64, 64), colour(page, 192, 96)
    assert max(agreed[:3]) - min(agreed[:3]) < 30
    assert differing[:3] == shorts[:3]
    pages.shot(page, "pixels-two")
