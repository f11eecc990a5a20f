"""The live page and the report in a real browser: what they show, by mouse and keyboard, wide and on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import run_folders
from browser import PHONE, server
from run_folders import CLASSES, STEPS

pytest.importorskip("playwright")
from playwright.sync_api import expect

if TYPE_CHECKING:
    from browser import Pages
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
FAILURE = "loss became NaN or infinite at epoch 38, step 5"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of 200 epochs, one under way, one that failed, and one that has only begun."""
    root = tmp_path_factory.mktemp("runs")
    run_folders.write(root / "finished", epochs=200, done=200, evaluated=True)
    run_folders.write(root / "going", epochs=50, done=10, best=0.4)
    run_folders.write(root / "failed", epochs=60, done=37, failure=FAILURE, rate=0.02)
    run_folders.write(root / "begun", epochs=5, done=0)
    return root


@pytest.fixture(scope="module")
def live(runs: Path) -> Iterator[str]:
    """The address of tltpipe watch on all of them."""
    with server(["tltpipe", "watch", str(runs), "--port", "0"]) as url:
        yield url


def choose(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.locator("#run-title")).to_have_text(name)


def facts(page: Page) -> dict[str, str]:
    """The figures on top, by what they are."""
    return {
        each.locator("dt").inner_text(): each.locator("dd").inner_text() for each in page.locator(".facts div").all()
    }


def chart(page: Page, title: str) -> Page:
    """The card with the chart called ``title``."""
    return page.locator(".card", has=page.get_by_role("heading", name=title, exact=True, level=3))  # type: ignore[return-value]


def test_the_live_page_shows_a_run_and_lays_others_over(live: str, pages: Pages) -> None:
    page = pages.open(live)
    choose(page, "finished")
    assert page.locator("#runs a").all_inner_texts() == ["begun", "failed", "finished", "going"]
    assert page.locator("#runs .chip").all_inner_texts() == ["running", "failed", "finished", "running"]
    shown = facts(page)
    assert (shown["epoch"], shown["step"]) == ("200 / 200", "4,000")
    assert shown["best mean average precision, epoch 200"] == "0.599"

    page.get_by_label("Lay failed over").check()
    figure = chart(page, "mean average precision")
    expect(figure.locator(".chart-key button")).to_have_text(["finished", "failed"])
    figure.locator("svg").focus()
    page.keyboard.press("Home")
    for _ in range(29):
        page.keyboard.press("ArrowRight")
    assert figure.locator(".chart-read").inner_text().split("\n") == [
        "epoch 30",
        "finished",
        "0.379",
        "failed",
        "0.379",
    ]
    pages.shot(page, "overlay")
    assert re.search(r"#run=finished[^&]*&with=failed", page.url)

    rows = page.locator(".classes tbody th").all_inner_texts()
    assert rows == list(CLASSES)  # as text, whatever they hold
    slider = page.get_by_label("Epoch or step of the samples")
    last = page.locator("img.sample").get_attribute("src")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert (last or "").endswith("epoch_0191.jpg")
    expect(page.locator("img.sample")).to_have_attribute("src", re.compile("epoch_0181.jpg$"))


def test_the_live_page_follows_a_run(live: str, runs: Path, pages: Pages) -> None:
    page = pages.open(live)
    choose(page, "going")
    expect(page.locator(".facts")).to_contain_text("10 / 50")
    with (runs / "going/steps.jsonl").open("a") as stream:
        stream.writelines(map(run_folders.step, range(10 * STEPS, 11 * STEPS)))
    (runs / "going" / run_folders.LOG).write_text(run_folders.log(11, 0.4, CLASSES))
    expect(page.locator(".facts")).to_contain_text("11 / 50")
    expect(page.locator(".facts")).to_contain_text("220")
    figure = chart(page, "Loss")
    expect(figure.locator("svg")).to_have_attribute(
        "aria-label", re.compile(r"step \d+ to 219\.")
    )  # figures may be first
    figure.locator("svg").focus()
    page.keyboard.press("End")
    assert figure.locator(".chart-read b").inner_text() == "step 219"


def test_the_live_page_says_how_a_run_died_and_goes_on(live: str, runs: Path, pages: Pages) -> None:
    page = pages.open(live, dark=True)
    choose(page, "failed")
    assert page.locator(".banner pre").inner_text() == FAILURE
    assert page.locator(".banner code").inner_text().endswith(f"tlt-train yolox -e train.yaml -r {runs / 'failed'}")
    pages.shot(page, "failed-dark")
    choose(page, "begun")
    assert "No step" in page.locator("main").inner_text()
    pages.shot(page, "begun")


def test_the_live_page_on_a_phone_and_by_keyboard(live: str, pages: Pages) -> None:
    page = pages.open(live, width=PHONE, height=860)
    page.wait_for_selector("#run-title")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the run"
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "finished":
            break
    page.keyboard.press("Enter")
    expect(page.locator("#run-title")).to_have_text("finished")
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    assert paint < 5000  # benchmarks/watch.py measures it
    toggle = page.get_by_role("button", name="Colours: system")
    toggle.click()
    page.get_by_role("button", name="Colours: light").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 21, 23)"
    pages.shot(page, "phone-dark")


def written(runs: Path, target: Path, *names: str) -> str:
    from typer.testing import CliRunner

    from orchestrator.cli import app

    told = CliRunner().invoke(app, ["report", *(str(runs / name) for name in names), "-o", str(target)])
    assert told.exit_code == 0, told.output
    return target.as_uri()


def test_a_report_is_one_file_that_asks_nobody(runs: Path, tmp_path: Path, pages: Pages) -> None:
    page = pages.open(written(runs, tmp_path / "one.html", "finished"))
    assert page.locator("h1").inner_text() == "finished"
    assert facts(page)["mAP, evaluated"] == "0.600"
    figure = chart(page, "precision over recall")
    figure.locator("svg").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert figure.locator(".chart-read b").inner_text() == "recall 0.5"
    assert figure.locator(".chart-read span").first.inner_text().split("\n") == ["vest", "0.9"]
    matrix = chart(page, "Confusion")
    matrix.locator(".cell").first.focus()
    page.keyboard.press("ArrowRight")
    assert matrix.locator("[role=status]").inner_text() == "annotated vest, predicted skirt: 1, 10.0 %"
    assert [CLASSES[2] in text for text in page.locator("#classes tbody th").all_inner_texts()].count(True) == 1
    assert page.locator("#pictures img").first.evaluate("image => image.naturalWidth") == 640
    pages.shot(page, "one")


def test_two_runs_side_by_side_and_others_that_have_little(runs: Path, tmp_path: Path, pages: Pages) -> None:
    page = pages.open(written(runs, tmp_path / "two.html", "finished", "failed"), dark=True)
    assert page.locator("#verdict .chip").all_inner_texts() == ["finished", "failed"]
    row = page.locator("#spec tr", has_text="train.optim.lr").first
    assert row.locator("td").all_inner_texts() == ["0.01", "0.02"]
    assert chart(page, "mean average precision").locator(".chart-key button").all_inner_texts() == [
        "finished",
        "failed",
    ]
    pages.shot(page, "two-dark")
    page = pages.open(written(runs, tmp_path / "empty.html", "begun"), width=PHONE)
    assert "Nothing has been measured yet." in page.locator("#verdict").inner_text()
    assert page.locator("#no-curves").is_visible()
    pages.shot(page, "empty-phone")
