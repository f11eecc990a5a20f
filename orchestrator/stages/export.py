"""export: the newest checkpoint in, a model for another runtime out, into ``exported/<format>/``."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.jobs import Export
from orchestrator.stages import train
from tltpipe import files
from tltpipe.errors import ConfigError, ExportError, UsageError

if TYPE_CHECKING:
    from orchestrator.drafts import Draft
    from orchestrator.jobs import Request
    from orchestrator.run import Run

ABOUT = "writing the model for other runtimes"
NEEDS = ("train",)
SPEC: str | None = None
"""Its settings are the section export."""
ON_REQUEST = True
MISSING = "run `tltpipe train` first"
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
    """Raises ExportError where there is such a model already, unless it may be replaced."""
    request = _request(run)
    target, place = request.output, run.workspace.name(request.output)
    if not run.runner.pretends:
        if target.exists() and not run.force:
            what = "this checkpoint was exported before"
            raise ExportError(what, where=place, hint="move that away, or write over it with --force")
        with files.writable(target.parent):
            target.parent.mkdir(parents=True, exist_ok=True)
    try:
        run.launch(request, verify=lambda: None if target.is_file() else f"there is no {place}")
    except BaseException:
        with suppress(OSError):  # there are other models in it, or the wreck of NVIDIA's program
            target.parent.rmdir()
            target.parent.parent.rmdir()
        raise
    return {"model": run.workspace.name(request.model), "exported": place, **_facts(target)}


def _facts(target: Path) -> dict[str, Any]:
    """What our own program tells about its work; NVIDIA's leaves no JSON."""
    path = target.with_name(f"{target.name}.json")
    if not path.is_file():
        return {}
    told = json.loads(path.read_text("utf-8"))
    return {name: told[name] for name in TOLD if name in told}


def _format(run: Run) -> str:
    known = run.toolkit.EXPORTS
    wanted = run.config.exporting.format or next(iter(known))
    if wanted not in known:
        hint = f"it knows: {', '.join(known)}"
        raise UsageError(f'the toolkit {run.config.toolkit} does not export to "{wanted}"', hint=hint)
    return wanted


def _model(run: Run) -> Path:
    """What the user named, else the newest checkpoint."""
    return run.subject or run.expected_model()


def _target(run: Run) -> Path:
    format, data_type = _format(run), run.config.exporting.data_type
    name = _model(run).stem + ("" if data_type == "fp32" else f"_{data_type}")
    return run.workspace.exported / format / f"{name}{run.toolkit.EXPORTS[format]}"


def _calibration(run: Run) -> Path | None:
    chosen = run.config.exporting
    if chosen.data_type != "int8":
        given = run.config.given.get("export.calibration")
        if given is not None and not given.in_file:
            what = f"export.calibration would be ignored: {chosen.data_type} needs none"
            raise ConfigError(what, where=given.where, hint="--data-type int8 does")
        return None
    if chosen.calibration is None:
        return run.workspace.augmented / run.splits[0] / "images"
    return run.workspace.root / chosen.calibration


def _request(run: Run) -> Export:
    chosen = run.config.exporting
    options = {"static_batch_size": chosen.static_batch_size, "target_opset": chosen.target_opset}
    return Export(
        network=run.config.network,
        spec=run.spec(train.NAME),
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
