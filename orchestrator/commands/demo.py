"""The demo: sample data, all stages, and a sheet of what the detector finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from orchestrator.screen.console import Console
from orchestrator.settings.config import Given
from tltpipe import files
from tltpipe.progress import Progress

SHEET = "results.jpg"


@dataclass(frozen=True)
class Sample:
    """How many pictures to draw, from which seed; ``size`` is about the longer side in pixels (default: as the layout
    has it)."""

    train: int
    validation: int
    seed: int
    size: int | None = None
    test: int = 0
    layout: str = "deepfashion2"


def draw(folder: Path, sample: Sample, progress: Progress) -> None:
    """Draw ``sample`` into ``folder``, which appears when it is whole; what was there goes."""
    import converters.sample

    with files.staged(folder) as staging:
        converters.sample.draw(staging, progress=progress, **vars(sample))


def play(
    folder: Path, console: Console, *, flags: Mapping[str, Given] | None = None, dry: bool = False
) -> dict[str, Any]:
    """Everything in ``folder``, continuing where an earlier call stopped; returns what there is to tell.

    ``dry`` writes nothing: it shows what would run, as far as the folder is there.
    """
    import yaml

    from orchestrator import pipeline, session
    from orchestrator.commands import gallery
    from orchestrator.screen import answers

    first, settings = resources.files("orchestrator").joinpath("demo.yaml").read_text("utf-8").split("\n---\n", 1)
    wanted = yaml.safe_load(first)
    show = wanted.pop("show")
    if dry and not (folder / "Original-Data").is_dir():
        pictures = wanted["train"] + wanted["validation"]
        console.put(f"would draw {pictures} pictures into {folder}, train on them and draw what the detector finds")
        return {"folder": str(folder)}
    with files.writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "tltpipe.yaml").exists() and not dry:
        files.write_text(folder / "tltpipe.yaml", settings)
    if not (folder / "Original-Data").is_dir():
        console.begin("sample", f"{wanted['train'] + wanted['validation']} pictures in DeepFashion2's format")
        draw(folder / "Original-Data", Sample(**wanted), console.progress)
    run = session.start(folder, console, flags=flags, dry=dry)
    results = pipeline.execute(run)
    if run.runner.pretends:
        return {"folder": str(folder)}
    look = session.start(folder, console, flags=flags, subject=run.workspace.kitti("validation") / "image")
    found = pipeline.execute(look, ["infer"])[0].told
    gallery.sheet(look.workspace.inference / "images_annotated", folder / SHEET, count=show)
    evaluation = _evaluation(look.workspace.evaluation)
    console.scores(evaluation, counts=False)
    console.put(f"\nfolder    {folder}\npictures  {folder / SHEET}\n          {folder / found['drawn']}")
    return {"folder": str(folder), "sheet": str(folder / SHEET), "stages": answers.stages(results), **evaluation}


def _evaluation(path: Path) -> dict[str, Any]:
    import json

    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return told
