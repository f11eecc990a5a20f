"""export: a checkpoint in, a model for another runtime out, into ``exported/<checkpoint>/<format>/``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Le

from orchestrator.drafts import Draft
from orchestrator.jobs import Export, Request, checkpoints, sources
from orchestrator.run import Run
from orchestrator.screen.console import Console
from orchestrator.settings import STRICT
from orchestrator.stages import train
from tltpipe import files
from tltpipe.errors import ConfigError, ExportError, UsageError


@dataclass(frozen=True, kw_only=True)
class Exporting:
    """Export (docs/export.md)."""

    __pydantic_config__: ClassVar = STRICT

    format: str | None = None
    """One of the network's: onnx (suppression inside), onnx_decoded, onnx_raw, deepstream, pt2 (default: the
    toolkit's first)."""
    data_type: Literal["fp32", "fp16", "int8"] = "fp32"
    """Arithmetic of the exported model; int8 needs images to calibrate on."""
    calibration: str | None = None
    """Folder of images to calibrate int8 on (default: the training images)."""
    batches: Annotated[int, Ge(1)] = 10
    """Number of batches to calibrate on."""
    batch_size: Annotated[int, Ge(1)] = 16
    """Images per batch of the calibration."""
    static_batch_size: Annotated[int, Ge(1)] | None = None
    """Fixed number of images per batch (default: any)."""
    target_opset: Annotated[int, Ge(13), Le(20)] | None = None
    """ONNX opset (default: 17)."""


ABOUT = "writing the model for other runtimes"
NEEDS = ("train",)
DATA: tuple[str, ...] | None = None
SPEC: str | None = None
SETTINGS: type[Any] | None = Exporting
ON_REQUEST = True
MISSING = "run `tltpipe train` first"
SOURCE = "source.json"
"""Says of which checkpoint the models in a folder are."""
TOLD = ("verified", "int8")
"""What the JSON beside the model says of how good it is."""


def drafts(run: Run) -> list[Draft]:
    return train.drafts(run)


def inputs(run: Run) -> list[Path]:
    calibration = _calibration(run)
    return [_model(run)] if calibration is None else [_model(run), calibration]


def outputs(run: Run) -> list[Path]:
    return [_target(run)]


def requests(run: Run) -> list[Request]:
    return [_request(run)]


def execute(run: Run) -> dict[str, Any]:
    """What was made of another checkpoint of the same name is moved aside. Raises ExportError where there is such a
    model of this very checkpoint already, unless it may be replaced."""
    request = _request(run)
    target, place = request.output, run.workspace.name(request.output)
    run.report.say(f"model: {checkpoints.describe(run, request.model)}")
    aside = None if run.runner.pretends else _make_room(run, request)
    if not run.runner.pretends:
        with files.writable(target.parent):
            target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with nullcontext() if run.runner.pretends else _replacing(target):
            run.launch(request, verify=lambda: None if target.is_file() else f"there is no {place}")
    except BaseException:
        with suppress(OSError):  # there are other models in it, or the wreck of NVIDIA's program
            target.parent.rmdir()
            target.parent.parent.rmdir()
            if aside is not None:
                aside.rename(target.parent.parent)
            target.parent.parent.parent.rmdir()
        raise
    if not run.runner.pretends:
        files.write_text(target.parent.parent / SOURCE, json.dumps(_source(run, request.model), indent=2) + "\n")
    told = {"model": run.workspace.name(request.model), **checkpoints.facts(request.model)}
    return {**told, "exported": place, **_facts(target)}


def show(console: Console, result: Mapping[str, Any]) -> None:
    if result.get("exported"):
        console.put(f"exported: {result['exported']}")
        if str(result["exported"]).endswith(".onnx"):
            console.put(f"to serve it: tltpipe serve {result['exported']}")


def _make_room(run: Run, request: Export) -> Path | None:
    """Where the folder of the model's name was moved to, if it was made of another checkpoint. Raises ExportError."""
    folder, place = request.output.parent.parent, run.workspace.name(request.output)
    if not folder.exists():
        return None
    if _digest_of(folder) != files.sha256(request.model):
        aside = run.set_aside(folder)
        if aside is not None:
            moved = f"{run.workspace.name(folder)} was made of another checkpoint of this name"
            run.report.say(f"{moved}: it was moved to {run.workspace.name(aside)}")
        return aside
    if request.output.exists() and not run.force:
        what = "this checkpoint was exported before"
        raise ExportError(what, where=place, hint="move that away, or write over it with --force")
    return None


@contextmanager
def _replacing(target: Path) -> Iterator[None]:
    """A model at ``target``, which NVIDIA's programs would not write over, is out of the way, and back if the block
    fails."""
    old = target.with_name(f".{target.name}.old")
    if target.is_file():
        target.replace(old)
    try:
        yield
    except BaseException:
        if old.is_file():
            old.replace(target)
        raise
    old.unlink(missing_ok=True)


def _source(run: Run, model: Path) -> dict[str, Any]:
    """Of which checkpoint a folder of exported models is."""
    return {"model": run.workspace.name(model), "sha256": files.sha256(model), **checkpoints.facts(model)}


def _digest_of(folder: Path) -> str | None:
    """The checksum of the checkpoint that ``folder`` was made of; None where that is not known."""
    digest = files.read_json(folder / SOURCE).get("sha256")
    return digest if isinstance(digest, str) else None


def _facts(target: Path) -> dict[str, Any]:
    """What our own program tells about its work; NVIDIA's leaves no JSON."""
    told = files.read_json(target.with_name(f"{target.name}.json"))
    return {name: told[name] for name in TOLD if name in told}


def _format(run: Run) -> str:
    known = run.toolkit.EXPORTS
    wanted = run.config.section(Exporting).format or next(iter(known))
    if wanted not in known:
        hint = f"it knows: {', '.join(known)}"
        raise UsageError(f'the toolkit {run.config.toolkit} does not export to "{wanted}"', hint=hint)
    return wanted


def _model(run: Run) -> Path:
    """What the user named, else the checkpoint that all stages take."""
    return run.subject or checkpoints.chosen(run)


def _target(run: Run) -> Path:
    format, data_type = _format(run), run.config.section(Exporting).data_type
    model = _model(run).stem
    name = model + ("" if data_type == "fp32" else f"_{data_type}")
    return run.workspace.exported / model / format / f"{name}{run.toolkit.EXPORTS[format]}"


def _calibration(run: Run) -> Path | None:
    chosen = run.config.section(Exporting)
    if chosen.data_type != "int8":
        given = run.config.given.get("export.calibration")
        if given is not None and not given.in_file:
            what = f"export.calibration would be ignored: {chosen.data_type} needs none"
            raise ConfigError(what, where=given.where, hint="--data-type int8 does")
        return None
    if chosen.calibration is None:
        return sources.of_run(run).image_path(run, run.splits[0])
    return run.workspace.root / chosen.calibration


def _request(run: Run) -> Export:
    chosen = run.config.section(Exporting)
    options = {"static_batch_size": chosen.static_batch_size, "target_opset": chosen.target_opset}
    return Export(
        network=run.config.network,
        spec=train.settled(run).path,
        model=_model(run),
        output=_target(run),
        format=_format(run),
        data_type=chosen.data_type,
        calibration=_calibration(run),
        batches=chosen.batches,
        batch_size=chosen.batch_size,
        options={name: str(value) for name, value in options.items() if value is not None},
        force=run.force,
    )
