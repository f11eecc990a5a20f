"""tltpipe evaluate: what NVIDIA's program tells, and all that our own leaves beside it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator import pipeline
from orchestrator.commands.stages import show
from orchestrator.run import Run
from orchestrator.screen.console import Console
from orchestrator.stages.evaluate import Table, _called, _ordered
from tltpipe.errors import RunFailed

BLOCK = ["*" * 31, "vest          AP    0.500", "skirt         AP    0.250", "              mAP   0.375", "*" * 31]
ROWS = [
    {"class": "vest", "objects": 8, "true_positives": 5, "false_positives": 1, "missed": 3, "f1": 0.714},
    {"class": "skirt", "objects": 0, "true_positives": 0, "false_positives": 2, "missed": 0, "f1": None},
]
LEFT = {
    "model": "weights/x.safetensors",
    "mAP": 0.50001,
    "average_precision": {"vest": 0.50001, "skirt": None},
    "coco": {"AP": 0.312, "AP50": 0.5, "APl": None},
    "threshold": 0.42,
    "classes": ROWS,
    "all": {**ROWS[0], "class": "all", "objects": 1234},
    "curves": {"vest": {"recall": [0], "precision": [1]}},
    "pictures_drawn": ["confusion.png"],
}
OURS = f"""
folder = Path(sys.argv[sys.argv.index("-r") + 1]) / "evaluation"
folder.mkdir(exist_ok=True)
(folder / "evaluation.json").write_text({json.dumps(json.dumps(LEFT))})
print({chr(10).join([*BLOCK, "", "class   objects", "vest          8", "COCO  AP 0.3"])!r})
"""
STAGES = ["prepare", "augment", "tfrecords", "train", "evaluate"]


@pytest.fixture
def evaluated(
    start: Callable[..., Run], fake_programs: Callable[..., Path], write_program: Callable[[Path, str], Path]
) -> Callable[..., tuple[Run, Any]]:
    """Everything up to and with ``evaluate``, by a program of the text ``body``."""

    def go(body: str) -> tuple[Run, Any]:
        programs = fake_programs()
        write_program(programs / "tlt-evaluate", body)
        run = start(programs=programs, **{"ssd.num_epochs": 3})
        return run, pipeline.execute(run, STAGES)

    return go


def test_all_that_our_own_program_found_is_kept(evaluated: Any, workspace: Path) -> None:
    _, results = evaluated(OURS)
    told = json.loads((workspace / "output/evaluation.json").read_text())
    assert told["model"].startswith("output/weights/")
    assert (told["mAP"], told["average_precision"]) == (0.50001, {"vest": 0.50001, "skirt": None})
    assert told["coco"]["AP"] == 0.312
    assert "curves" not in told
    assert json.loads((workspace / "output/evaluation/evaluation.json").read_text()) == LEFT
    said = results[-1].told
    assert [row["class"] for row in said["classes"]] == ["vest", "skirt", "all"]
    assert said["lines"] == [
        "counted from a score of 0.42 on",
        "COCO      AP 0.312  AP50 0.500  AP75 -  small -  medium -  large -  AR -",
        "pictures  output/evaluation/ confusion.png",
    ]


def test_the_screen_has_counts_and_a_dash_where_nothing_can_be_measured(evaluated: Any) -> None:
    _, results = evaluated(OURS)
    screen = io.StringIO()

    class Options:
        console = Console(stream=screen)
        json = False

    show(Options(), results)  # type: ignore[arg-type]
    lines = {line.split()[0]: line.split() for line in screen.getvalue().splitlines() if line.strip()}
    assert lines["class"] == ["class", "objects", "right", "wrong", "missed", "F1", "AP"]
    assert lines["vest"][1:7] == ["8", "5", "1", "3", "0.714", "0.500"]
    assert lines["skirt"][1:] == ["0", "0", "2", "0", "-", "-"]
    assert lines["mAP"][1] == "1,234"
    assert lines["COCO"][:3] == ["COCO", "AP", "0.312"]


def test_what_an_earlier_evaluation_left_is_not_this_ones(evaluated: Any, workspace: Path) -> None:
    old = workspace / "output/evaluation/evaluation.json"
    old.parent.mkdir(parents=True)
    old.write_text(json.dumps(LEFT))
    _, results = evaluated(f"print({chr(10).join(BLOCK)!r})")
    told = json.loads((workspace / "output/evaluation.json").read_text())
    assert set(told) == {"model", "epoch", "mAP", "average_precision"}
    assert told["mAP"] == 0.375
    assert "lines" not in results[-1].told


def test_a_half_written_file_is_an_error(evaluated: Any) -> None:
    with pytest.raises(RunFailed, match="no JSON"):
        evaluated(OURS.replace(json.dumps(json.dumps(LEFT)), '"{"'))


def test_only_the_tables_of_our_own_program_are_kept_from_the_screen() -> None:
    table = Table()
    taken = [table.read(line) for line in [*BLOCK, "Validation done.", "class   objects   found", "vest    8"]]
    assert taken == [True] * 5 + [False, True, True]
    assert not Table().read("class   objects   found"), "without a block before it, it is a line like any other"


def test_classes_are_called_and_ordered_as_the_settings_have_them() -> None:
    """NVIDIA's programs tell them sorted, in lower case and without blanks."""
    names = {"traffic_light": "Traffic Light", "car": "Car"}
    assert list(_ordered({"car": 0.5, "other": 0.1, "traffic_light": 0.25}, names).items()) == [
        ("Traffic Light", 0.25), ("Car", 0.5), ("other", 0.1)
    ]  # fmt: skip
    told = {"average_precision": {"car": 0.5}, "classes": [{"class": "car"}], "confusion": {"classes": ["car"]}}
    assert _called(told, names) == {
        "average_precision": {"Car": 0.5}, "classes": [{"class": "Car"}], "confusion": {"classes": ["Car"]}
    }  # fmt: skip
    assert _called({}, names) == {}


def test_what_comes_between_the_block_and_the_tables_is_not_shown() -> None:
    """The line between them is empty; lines before the block may be, too."""
    table = Table()
    lines = ("", "*" * 30, "vest    AP   0.5", "        mAP  0.5", "*" * 30, "", "class objects ")
    assert [line for line in lines if not table.read(line)] == [""]
    assert (table.mean, table.classes) == (0.5, {"vest": 0.5})
