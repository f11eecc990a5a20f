"""tlt-evaluate as a program: the block it prints, status.json, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from runtime import evaluate

pytestmark = pytest.mark.torch


def test_the_block_is_the_one_that_training_printed(
    trained: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["ssd", "-e", str(trained.spec), "-m", str(trained.model), "-k", "nvidia-tlt", "-r", str(tmp_path)]
    assert evaluate.main(words) == 0
    printed = capsys.readouterr().out
    classes = re.findall(r"^(\S+)\s+AP\s+([\d.]+)$", printed, re.M)
    assert [name for name, _ in classes] == ["circle", "square"]
    mean = re.search(r"^\s*mAP\s+(\d\.\d{3})$", printed, re.M)
    in_training = re.search(r"^\s*mAP\s+(\d\.\d{5})$", trained.said, re.M)
    assert mean is not None
    assert in_training is not None
    assert float(mean[1]) == pytest.approx(float(in_training[1]), abs=6e-4)
    lines = [json.loads(line) for line in (tmp_path / "status.json").read_text().splitlines()]
    assert [line["message"] for line in lines] == ["Starting SSD evaluation.", "Evaluation finished successfully."]
    assert lines[1]["kpi"]["mAP"] == pytest.approx(float(mean[1]), abs=6e-4)


def test_no_validation_data(trained: Any, capsys: pytest.CaptureFixture[str]) -> None:
    spec = trained.shapes.spec(name="bare.conf", validation="")
    assert evaluate.main(["ssd", "-e", str(spec), "-m", str(trained.model)]) == 3
    assert "no validation data" in capsys.readouterr().err


def test_a_spec_of_another_network(trained: Any, capsys: pytest.CaptureFixture[str]) -> None:
    spec = trained.shapes.spec(name="deep.conf", replace=("nlayers: 10", "nlayers: 18"))
    assert evaluate.main(["ssd", "-e", str(spec), "-m", str(trained.model)]) == 4
    assert "holds ssd_resnet10" in capsys.readouterr().err


def test_a_spec_of_another_shape(trained: Any, capsys: pytest.CaptureFixture[str]) -> None:
    spec = trained.shapes.spec(name="ratios.conf", replace=("[1.0, 2.0, 0.5]", "[1.0, 2.0]"))
    assert evaluate.main(["ssd", "-e", str(spec), "-m", str(trained.model)]) == 4
    assert "do not fit" in capsys.readouterr().err


def test_a_model_that_is_not_there(trained: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["ssd", "-e", str(trained.spec), "-m", str(tmp_path / "no.tlt"), "-r", str(tmp_path)]
    assert evaluate.main(words) == 4
    assert "there is no such checkpoint" in capsys.readouterr().err
    assert json.loads((tmp_path / "status.json").read_text().splitlines()[-1])["status"] == "FAILURE"
