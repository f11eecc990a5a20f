"""Exported models that share a folder: none changes what another one is used with."""

from __future__ import annotations

from pathlib import Path

from refusals import error_of

from runtime.exporting.publishing import beside, publish
from tltpipe.errors import ExportError


def export(target: Path, labels: str, *, force: bool = False) -> list[Path]:
    with beside(target) as folder:
        (folder / target.name).write_text("model")
        return publish(folder, target, {f"{target.name}.json": "{}", "labels.txt": labels}, force=force)


def test_force_replaces_a_model_and_its_labels(tmp_path: Path) -> None:
    export(tmp_path / "a.onnx", "car\n")
    export(tmp_path / "a.onnx", "bus\n", force=True)
    assert (tmp_path / "labels.txt").read_text() == "bus\n"


def test_force_does_not_change_the_labels_of_another_model(tmp_path: Path) -> None:
    export(tmp_path / "a.onnx", "car\n")
    export(tmp_path / "b.onnx", "car\n")
    error = error_of(ExportError, export, tmp_path / "b.onnx", "bus\n", match="another model", force=True)
    assert error.where == tmp_path / "labels.txt"
    assert (tmp_path / "labels.txt").read_text() == "car\n"
