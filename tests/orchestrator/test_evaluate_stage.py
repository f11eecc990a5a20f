"""tltpipe evaluate: what our own program leaves of any task; NVIDIA's prints its block (test_toolkits)."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator import pipeline
from orchestrator.commands.stages import show
from orchestrator.jobs import receipts
from orchestrator.run import Run
from orchestrator.screen.console import Console
from orchestrator.stages.evaluate import _called
from orchestrator.toolkits import embedded
from tltpipe.errors import RunFailed

BLOCK = ["*" * 31, "vest          AP    0.500", "skirt         AP    0.250", "              mAP   0.375", "*" * 31]
ROWS = [
    {"class": "vest", "objects": 8, "true_positives": 5, "false_positives": 1, "missed": 3, "f1": 0.714},
    {"class": "skirt", "objects": 0, "true_positives": 0, "false_positives": 2, "missed": 0, "f1": None},
]
LEFT = {
    "model": "weights/x.safetensors",
    "primary": "mAP",
    "mAP": 0.50001,
    "figures": {"mAP": 0.50001, "coco/AP": 0.312, "coco/AP50": 0.5, "coco/APl": None, "coco/AR1": 0.2},
    "per_class": {"AP": {"vest": 0.50001, "skirt": None}},
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


def shown(results: Any) -> str:
    """What a user sees of ``results``."""
    screen = io.StringIO()

    class Options:
        console = Console(stream=screen)

    show(Options(), results)  # type: ignore[arg-type]
    return screen.getvalue()


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
        "COCO      AP 0.312  AP50 0.500  large -",
        "pictures  output/evaluation/ confusion.png",
    ]


def test_the_screen_has_counts_and_a_dash_where_nothing_can_be_measured(evaluated: Any) -> None:
    _, results = evaluated(OURS)
    lines = {line.split()[0]: line.split() for line in shown(results).splitlines() if line.strip()}
    assert lines["class"] == ["class", "objects", "right", "wrong", "missed", "F1", "AP"]
    assert lines["vest"][1:7] == ["8", "5", "1", "3", "0.714", "0.500"]
    assert lines["skirt"][1:] == ["0", "0", "2", "0", "-", "-"]
    assert lines["mAP"][1] == "1,234"
    assert lines["COCO"][:3] == ["COCO", "AP", "0.312"]


def test_what_an_earlier_evaluation_left_is_not_this_ones(evaluated: Any, workspace: Path) -> None:
    old = workspace / "output/evaluation/evaluation.json"
    old.parent.mkdir(parents=True)
    old.write_text(json.dumps(LEFT))
    with pytest.raises(RunFailed, match="no scores"):
        evaluated(f"print({chr(10).join(BLOCK)!r})")
    assert not (workspace / "output/evaluation.json").exists()


SEGMENTED = {
    "task": "segmentation",
    "primary": "mIoU",
    "mIoU": 0.625,
    "figures": {"mIoU": 0.625, "pixels": 0.875, "boundary/F": 0.5},
    "per_class": {"IoU": {"vest": 0.75, "skirt": 0.5}, "F": {"vest": 0.25, "skirt": None}},
}
"""Of a task that no code of the orchestrator has heard of."""


def test_scores_of_any_task_are_kept_and_shown(evaluated: Any, workspace: Path) -> None:
    body = OURS.replace(json.dumps(json.dumps(LEFT)), json.dumps(json.dumps(SEGMENTED)))
    _, results = evaluated(body.replace(f"{chr(10).join([*BLOCK, '', 'class   objects', 'vest          8'])}", ""))
    told = results[-1].told
    assert {name: told[name] for name in ("primary", "mIoU", "figures", "per_class")} == {
        name: SEGMENTED[name] for name in ("primary", "mIoU", "figures", "per_class")
    }
    assert json.loads((workspace / "output/evaluation.json").read_text())["task"] == "segmentation"
    receipt = receipts.load(workspace / ".tltpipe/receipts", "evaluate")
    assert receipt.result["per_class"] == SEGMENTED["per_class"]
    rows = [line.split() for line in shown(results).splitlines() if line.strip()]
    figures = [row[:3] for row in rows[-6:-3]]
    assert figures == [["class", "IoU", "F"], ["vest", "0.750", "0.250"], ["skirt", "0.500", "-"]]
    assert rows[-3][:2] == ["mIoU", "0.625"]
    assert rows[-2:] == [["figures", "pixels", "0.875"], ["BOUNDARY", "F", "0.500"]]


def test_a_half_written_file_is_an_error(evaluated: Any) -> None:
    with pytest.raises(RunFailed, match="no JSON"):
        evaluated(OURS.replace(json.dumps(json.dumps(LEFT)), '"{"'))


def test_only_the_tables_of_our_own_program_are_kept_from_the_screen(tmp_path: Path) -> None:
    lines = [*BLOCK, "Validation done.", "class   images   objects", "vest    8"]
    reading = embedded.evaluation(tmp_path)
    assert [reading.read(line) for line in lines] == [True] * 5 + [False, True, True]
    alone = embedded.evaluation(tmp_path)
    assert not alone.read("class   images   objects"), "without a block before it, it is a line like any other"


def test_classes_are_called_and_ordered_as_the_settings_have_them() -> None:
    """NVIDIA's programs tell them sorted, in lower case and without blanks."""
    names = {"traffic_light": "Traffic Light", "car": "Car"}
    values = {"car": 0.5, "other": 0.1, "traffic_light": 0.25}
    told = {"average_precision": values, "per_class": {"AP": values}, "classes": [{"class": "car"}]}
    called = _called({**told, "confusion": {"classes": ["car"]}}, names)
    assert list(called["average_precision"].items()) == [("Traffic Light", 0.25), ("Car", 0.5), ("other", 0.1)]
    assert list(called["per_class"]["AP"]) == ["Traffic Light", "Car", "other"]
    assert (called["classes"], called["confusion"]) == ([{"class": "Car"}], {"classes": ["Car"]})
    assert _called({}, names) == {}


def test_boxes_of_a_file_go_to_the_program_and_are_named(
    start: Callable[..., Run], fake_programs: Callable[..., Path], write_program: Callable[[Path, str], Path],
    workspace: Path,
) -> None:  # fmt: skip
    programs, boxes = fake_programs(), workspace / "det.json"
    left = {**LEFT, "boxes_from": {"file": "det.json", "samples": 3, "detections": 7}}
    body = OURS.replace(json.dumps(json.dumps(LEFT)), json.dumps(json.dumps(left)))
    write_program(programs / "tlt-evaluate", body + "\n(folder / 'argv').write_text(' '.join(sys.argv[1:]))\n")
    boxes.write_text("[]")
    run = start(programs=programs, **{"ssd.num_epochs": 3})
    pipeline.execute(run, STAGES)
    run = start(programs=programs, **{"ssd.num_epochs": 3, "evaluate.boxes": "det.json"})
    (again,) = pipeline.execute(run, ["evaluate"])
    assert again.state == "ran", "other boxes, other figures"
    argv = (workspace / "output/evaluation/argv").read_text()
    assert f"--boxes {boxes}" in argv
    assert "boxes     3 of 7 detections in det.json" in shown([again])
    (same,) = pipeline.execute(run, ["evaluate"])
    assert same.state == "skipped"
    boxes.write_text("[ ]")
    (changed,) = pipeline.execute(
        start(programs=programs, **{"ssd.num_epochs": 3, "evaluate.boxes": "det.json"}), ["evaluate"]
    )
    assert changed.state == "ran"
