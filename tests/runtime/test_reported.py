"""The report of what our own programs leave: a real training, evaluated by the real program."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from orchestrator.cli import app
from runtime.programs import evaluate


def test_a_real_run_is_reported(trained: Any, tmp_path: Path) -> None:
    results = tmp_path / "output"
    shutil.copytree(trained.results, results)
    model = next((results / "weights").glob("*_epoch_002.safetensors"))
    assert evaluate.main(["ssd", "-e", str(trained.spec), "-m", str(model), "-r", str(results)]) == 0
    told = CliRunner().invoke(app, ["report", str(results), "--json"])
    assert told.exit_code == 0, told.output
    text = (results / "report.html").read_text("utf-8")
    found = re.search(r'id="numbers">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    (run,) = json.loads(found[1])["runs"]
    measured = json.loads((results / "evaluation/evaluation.json").read_text())
    assert (run["state"], run["epoch"], run["classes"]) == ("finished", 2, ["circle", "square"])
    assert run["evaluated"] == measured["mAP"]
    assert run["evaluation"]["confusions"][0]["counts"] == measured["confusion"]["counts"]
    assert len(run["evaluation"]["points"]["circle"]) == len(measured["curves"]["circle"]["recall"])
    assert {"loss", "loss/classification", "lr"} <= run["steps"].keys()
    shown = re.findall(r'<img src="data:image/jpeg[^>]*>\s*<figcaption><span class="mono">([^<]*)', text)
    assert shown[:4] == ["worst.png", "best.png", "val_batch.jpg", "epoch_0002.jpg"]
    assert re.search(r"training_config\.num_epochs</th><td class=\"mono\">2</td><td class=\"mono\">80<", text)
