"""Tables on screens of any width: no line is too long, and nothing that tells rows apart is lost."""

from __future__ import annotations

import io

import pytest

from orchestrator.screen.console import Console

WIDTHS = (30, 40, 60, 80, 160)
NAME = "long_sleeved_outwear"
WHY = "classes changed: long_sleeved_dress, shorts -> skirt; output/weights/ssd_resnet18_epoch_080.tlt is missing"


@pytest.fixture(params=WIDTHS)
def width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("COLUMNS", str(request.param))
    return int(request.param)


def lines(stream: io.StringIO, width: int) -> list[str]:
    shown = stream.getvalue().splitlines()
    assert max(map(len, shown)) <= width
    return shown


def joined(shown: list[str]) -> str:
    """All that was printed, without blanks: folded words are whole again where their column is the only one."""
    return "".join("".join(shown).split())


def test_a_long_text_folds_beside_short_ones(width: int) -> None:
    stream = io.StringIO()
    rows = [("prepare", "done", "2026-11-29 17:02", "nothing changed"), ("train", "stale", "2026-11-29 17:03", WHY)]
    Console(stream=stream).table(("stage", "state", "finished", "why"), rows)
    shown = lines(stream, width)
    text = "\n".join(shown)
    for word in ("prepare", "done", "train", "stale", "2026-11-29 17:02", "2026-11-29 17:03", "shorts", "missing"):
        assert word in text
    if width >= 60:
        assert shown[1].split()[:4] == ["prepare", "done", "2026-11-29", "17:02"]


def test_precision_keeps_names_and_figures_before_bars(width: int) -> None:
    stream = io.StringIO()
    counts = {"objects": 1234, "true_positives": 100, "false_positives": 27, "missed": 11, "f1": 0.75}
    classes = {NAME: 0.25, "long_sleeved_dress": None}
    rows = [{"class": name, **counts} for name in (*classes, "all")]
    scores = {"primary": "mAP", "figures": {"mAP": 0.25}, "per_class": {"AP": classes}, "classes": rows}
    Console(stream=stream).scores(scores)
    shown = lines(stream, width)
    text = joined(shown)
    assert NAME in text
    assert "long_sleeved_dress" in text
    for figure in ("1,234", "100", "27", "11", "0.750"):
        assert "\n".join(shown).count(figure) >= 3
    assert ("█" in text) == (width >= 80)
    if width >= 60:
        row = next(line for line in shown if line.startswith(NAME))
        assert row.split()[1:7] == ["1,234", "100", "27", "11", "0.750", "0.250"]


def test_names_fold_before_numbers_are_cut(width: int) -> None:
    stream = io.StringIO()
    rows = [(NAME, "12,000", "1,200", "100"), (f"{NAME}_2", "1", "2", "3")]
    Console(stream=stream).table(("class", "train", "validation", "test"), rows)
    text = "\n".join(lines(stream, width))
    for figure in ("12,000", "1,200", "100"):
        assert figure in text
    if width >= 60:
        assert f"{NAME} " in text


def test_listings_fold_their_last_column(width: int) -> None:
    stream = io.StringIO()
    rows = [(("B304", "warning", "12", "boxes with a side under 8 pixels"), ("train/a.jpg",))]
    Console(stream=stream).listing(("code", "severity", "count", "what"), rows)
    shown = lines(stream, width)
    assert shown[1].split()[:3] == ["B304", "warning", "12"]


def test_a_pipe_is_as_wide_as_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    stream = io.StringIO()
    Console(stream=stream).table(("stage", "why"), [("train", WHY)])
    assert WHY in stream.getvalue()


def test_wide_letters_count_double(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    stream = io.StringIO()
    Console(stream=stream).table(("class", "items"), [("外套" * 9, "12,000"), ("skirt", "1")])
    assert stream.getvalue().splitlines()[1].endswith("12,000")
