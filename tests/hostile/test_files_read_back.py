"""Files of ours that came with a folder: whatever is in them, they are right, or taken for not there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator.drafts import Notes
from orchestrator.jobs import attempts, receipts
from runtime.weights import card
from tltpipe.errors import ModelError

DEEP = "[" * 100_000
FACTS = {"toolkit": "embedded", "argv": [["tlt-train"]], "specs": {}, "inputs": {}, "image_id": None}
RECEIPT = {"facts": FACTS, "runner": "local", "image": None, "version": "1", "finished": "2026-01-01T00:00:00+00:00"}
BROKEN: dict[str, Any] = {
    "deep": DEEP,
    "no JSON": "{",
    "no text": b"\xff\xfe\x00",
    "a list": [],
    "null": None,
    "argv of numbers": {**RECEIPT, "facts": {**FACTS, "argv": 5}},
    "inputs a list": {**RECEIPT, "facts": {**FACTS, "inputs": [1]}},
    "specs of lists": {**RECEIPT, "facts": {**FACTS, "specs": {"train": []}}},
    "finished a number": {**RECEIPT, "finished": 7},
    "outputs a text": {**RECEIPT, "outputs": "all"},
    "seconds a text": {**RECEIPT, "seconds": "long"},
}


def written(content: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.mark.parametrize("name", BROKEN)
def test_a_receipt_of_any_form_is_none(tmp_path: Path, name: str) -> None:
    written(BROKEN[name], tmp_path / "train.json")
    assert receipts.load(tmp_path, "train") is None


@pytest.mark.parametrize("name", BROKEN)
def test_an_attempt_of_any_form_is_none(tmp_path: Path, name: str) -> None:
    written(BROKEN[name], tmp_path / "train.attempt.json")
    assert attempts.load(tmp_path, "train") is None


def test_a_receipt_that_is_one_is_read(tmp_path: Path) -> None:
    written(RECEIPT, tmp_path / "train.json")
    loaded = receipts.load(tmp_path, "train")
    assert loaded.facts.argv == (("tlt-train",),)


@pytest.mark.parametrize("name", ["deep", "outputs a text"])
def test_status_copes_with_any_receipt(tmp_path: Path, name: str) -> None:
    for stage in ("prepare", "augment", "train", "train.begun", "train.attempt"):
        written(BROKEN[name], tmp_path / f".tltpipe/receipts/{stage}.json")
    tltpipe = Path(sys.executable).parent / "tltpipe"
    done = subprocess.run([tltpipe, "status"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode in (0, 2, 3), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("content", [DEEP, "{", b"\xff", [], {"train.conf": 5}, {"train.conf": {"hash": 5}}])
def test_notes_on_specs_of_any_form_are_none(tmp_path: Path, content: Any) -> None:
    notes = Notes(tmp_path)
    written(content, notes.path)
    assert Notes(tmp_path).by_hand("train.conf", "text")
    assert Notes(tmp_path).root("train.conf") is None


@pytest.mark.parametrize(
    "content",
    [DEEP, "{", b"\xff", [], {}, {"format": card.FORMAT}, {"format": card.FORMAT, "height": 1e999}, {"format": 5}],
)
def test_the_card_of_a_model_of_any_form_is_refused(tmp_path: Path, content: Any) -> None:
    written(content, tmp_path / "model.onnx.json")
    with pytest.raises(ModelError):
        card.read(tmp_path / "model.onnx")
