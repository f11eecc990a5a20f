"""Model files: what torch could run on reading is not read, unless this user wrote it."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path

import pytest
from planted import Command

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")

from runtime.programs import infer
from tltpipe import seal

CARD = {
    "format": "tltpipe-export-1",
    "kind": "pt2",
    "network": "ssd",
    "classes": ["vest"],
    "background": True,
    "height": 32,
    "width": 32,
    "grey": False,
    "batch": None,
    "data_type": "fp32",
    "input": {"name": "images"},
    "outputs": {},
    "thresholds": {"confidence": 0.1, "iou": 0.5, "top_k": 10},
    "variances": [0.1, 0.1, 0.2, 0.2],
}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A program of torch.export whose sample inputs are a pickle that runs a command."""
    sound, model = tmp_path / "sound.pt2", tmp_path / "model.pt2"
    torch.export.save(torch.export.export(torch.nn.ReLU(), (torch.zeros(1, 3),)), sound)
    with zipfile.ZipFile(sound) as old, zipfile.ZipFile(model, "w", zipfile.ZIP_STORED) as new:
        for entry in old.infolist():
            planted = "sample_inputs" in entry.filename
            new.writestr(entry, pickle.dumps(Command(tmp_path / "ran")) if planted else old.read(entry))
    from runtime.weights import card

    Path(f"{model}.json").write_text(json.dumps({**CARD, "format": card.FORMAT}))
    (tmp_path / "image.png").write_bytes(b"")
    return model


def look(model: Path) -> int:
    return infer.main(["ssd", "-m", str(model), "-i", str(model.parent / "image.png"), "-o", str(model.parent / "out")])


def test_a_program_of_torch_from_anywhere_runs_nothing(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert look(model) == 4
    assert not (model.parent / "ran").exists()
    assert "TLTPIPE_TRUST_PT2" in capsys.readouterr().err


def test_the_seal_of_another_file_does_not_fit(model: Path) -> None:
    other = model.with_name("other.pt2")
    other.write_bytes(b"another")
    seal.write_beside(other).rename(f"{model}.seal")
    assert look(model) == 4
    assert not (model.parent / "ran").exists()


def test_it_would_run_the_command_where_the_user_says_so(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the two tests above keep from happening does happen without the check."""
    monkeypatch.setenv("TLTPIPE_TRUST_PT2", "1")
    look(model)
    assert (model.parent / "ran").exists()
