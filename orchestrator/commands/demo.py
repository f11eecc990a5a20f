"""The demos: sample data, all stages, a sheet of what each model predicts, and how it is served."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from orchestrator.screen.console import Console
from orchestrator.settings.config import Given
from tltpipe import files
from tltpipe.errors import UsageError
from tltpipe.progress import Progress

SHEET = "results.jpg"
DEFAULT = "detection"


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


@dataclass(frozen=True)
class Part:
    """A model of a demo: how its ``sample`` is drawn, how many of its pictures the sheet shows, the tltpipe.yaml in
    ``folder`` below the demo's."""

    sample: Sample
    show: int
    folder: str
    settings: str


def kinds() -> list[str]:
    """The demos that there are."""
    return sorted(Path(each.name).stem for each in resources.files("orchestrator").joinpath("demos").iterdir())


def parts(kind: str) -> list[Part]:
    """The models of the demo ``kind``, in the order of a cascade. Raises UsageError for one that there is not."""
    import yaml

    if kind not in kinds():
        raise UsageError(f'there is no demo "{kind}"', hint=f"there are: {', '.join(kinds())}")
    text = resources.files("orchestrator").joinpath("demos", f"{kind}.yaml").read_text("utf-8")
    documents = text.split("\n---\n")
    found = []
    for pictures, settings in zip(documents[::2], documents[1::2], strict=True):
        values = yaml.safe_load(pictures)
        show, folder = values.pop("show"), values.pop("folder", "")
        found.append(Part(Sample(**values), show, folder, settings.rstrip("\n") + "\n"))
    return found


def play(
    folder: Path,
    console: Console,
    *,
    kind: str = DEFAULT,
    flags: Mapping[str, Given] | None = None,
    dry: bool = False,
) -> dict[str, Any]:
    """The demo ``kind`` in ``folder``, continuing where an earlier call stopped; returns what there is to tell.

    ``dry`` writes nothing: it shows what would run, as far as the folder is there.
    """
    played = [_play(folder / part.folder, part, console, flags=flags, dry=dry) for part in parts(kind)]
    models = {
        part.folder: Path(each["checkpoint"])
        for part, each in zip(parts(kind), played, strict=True)
        if "checkpoint" in each
    }
    if not models:
        return {"folder": str(folder)}
    commands = {"serve": _serving(models), "watch": f"tltpipe watch {_quoted(folder)}"}
    console.put(f"\nin a browser, with pictures of yours:  {commands['serve']}")
    console.put(f"how the training went:                 {commands['watch']}")
    return {**(played[0] if len(played) == 1 else {"models": played}), "folder": str(folder), "commands": commands}


def _play(
    folder: Path, part: Part, console: Console, *, flags: Mapping[str, Given] | None, dry: bool
) -> dict[str, Any]:
    """One model, from its pictures to the sheet."""
    from orchestrator import pipeline, session
    from orchestrator.commands import gallery
    from orchestrator.jobs import checkpoints, sources
    from orchestrator.screen import answers

    pictures = part.sample.train + part.sample.validation
    if dry and not (folder / "Original-Data").is_dir():
        console.put(f"would draw {pictures} pictures into {folder}, train on them and draw what the model predicts")
        return {"folder": str(folder)}
    with files.writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "tltpipe.yaml").exists() and not dry:
        files.write_text(folder / "tltpipe.yaml", part.settings)
    if not (folder / "Original-Data").is_dir():
        console.begin("sample", f"{pictures} pictures in the layout of {part.sample.layout}")
        draw(folder / "Original-Data", part.sample, console.progress)
    run = session.start(folder, console, flags=flags, dry=dry)
    results = pipeline.execute(run)
    if run.runner.pretends:
        return {"folder": str(folder)}
    images = sources.of_run(run).image_path(run, "validation")
    look = session.start(folder, console, flags=flags, subject=images)
    drawn = pipeline.execute(look, ["infer"])[0].told["drawn"]
    gallery.sheet(look.workspace.inference / "images_annotated", folder / SHEET, count=part.show)
    evaluation = _evaluation(look.workspace.evaluation)
    console.scores(evaluation, counts=False)
    console.put(f"\nfolder    {folder}\npictures  {folder / SHEET}\n          {folder / drawn}")
    told = {"folder": str(folder), "sheet": str(folder / SHEET), "checkpoint": str(checkpoints.chosen(run))}
    return {**told, "stages": answers.stages(results), **evaluation}


def _serving(models: Mapping[str, Path]) -> str:
    """The command that serves one model, or two as a cascade, each by the name of its folder."""
    if len(models) == 1:
        return f"tltpipe serve {_quoted(*models.values())}"
    return f"tltpipe serve --cascade {' '.join(f'{name}={_quoted(path)}' for name, path in models.items())}"


def _quoted(path: Path) -> str:
    """``path`` for a shell, from the current folder where it lies in it."""
    return shlex.quote(str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path))


def _evaluation(path: Path) -> dict[str, Any]:
    import json

    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return told
