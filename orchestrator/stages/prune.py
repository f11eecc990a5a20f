"""prune: a checkpoint in, a smaller model out, into ``pruned/``; training goes on from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from annotated_types import Ge

from orchestrator.jobs import Prune, checkpoints
from orchestrator.settings import STRICT
from tltpipe import files
from tltpipe.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.drafts import Draft
    from orchestrator.jobs import Request
    from orchestrator.run import Run


@dataclass(frozen=True, kw_only=True)
class Pruning:
    """Which filters tltpipe prune keeps (docs/prune.md)."""

    __pydantic_config__: ClassVar = STRICT

    threshold: Annotated[float, Ge(0)] = 0.1
    """Keep filters whose normalised norm exceeds this."""
    criterion: Literal["union", "intersection", "arithmetic_mean", "geometric_mean"] = "union"
    """How the norms of coupled layers are combined; intersection, the smallest, removes most."""
    granularity: Annotated[int, Ge(1)] = 8
    """Keep a multiple of this many filters of each layer."""
    minimum: Annotated[int, Ge(0)] = 16
    """Keep at least this many filters of each layer."""
    normalizer: Literal["max", "L2"] = "max"
    """Divide norms by the layer's largest, or by their L2 norm over their number."""
    excluded: Sequence[str] = field(default_factory=list)
    """Names of convolutions that are not pruned."""


ABOUT = "cutting out filters of little weight"
NEEDS = ("train",)
DATA: tuple[str, ...] | None = None
SPEC: str | None = None
SETTINGS: type[Any] | None = Pruning
ON_REQUEST = True
MISSING = "run `tltpipe train` first"
_AGAIN = "to train it again: tlt-train"
"""How our program goes on; in a workspace it is ``tltpipe train``."""


def drafts(run: Run) -> list[Draft]:  # noqa: ARG001 (the protocol's signature)
    """The model brings its spec along."""
    return []


def inputs(run: Run) -> list[Path]:
    return [_model(run)]


def outputs(run: Run) -> list[Path]:
    return [_target(run)]


def requests(run: Run) -> list[Request]:
    return [_request(run)]


def execute(run: Run) -> dict[str, Any]:
    """Raises UsageError where there is a pruned model of that name already, unless it may be replaced."""
    request = _request(run)
    target, place = request.output, run.workspace.name(request.output)
    run.report.say(f"model: {checkpoints.describe(run, request.model)}")
    if target.exists() and not (run.force or run.runner.pretends):
        raise UsageError(_taken(request), where=place, hint="move that away, or write over it with --force")
    run.launch(request, verify=lambda: None if target.is_file() else f"there is no {place}", listen=_again)
    known = {"model": run.workspace.name(request.model), **checkpoints.facts(request.model)}
    told: dict[str, Any] = {**known, "pruned": place, **_report(target)}
    if told.get("pruning_ratio") == 1:
        run.report.say("--threshold, or prune.threshold in tltpipe.yaml, decides: what is above it stays")
    if not run.runner.pretends:
        run.report.say(f"to train it again: tltpipe train --from {place}")
    return told


def _again(line: str) -> bool:
    return line.startswith(_AGAIN)


def _taken(request: Prune) -> str:
    """Why there is a model at the place of the output, as far as its report says of which checkpoint it is."""
    digest = files.read_json(report_of(request.output)).get("sha256")
    if digest is None:
        return "a pruned model of this name is there already"
    same = digest == files.sha256(request.model)
    return "this checkpoint was pruned before" if same else "this was made of another checkpoint of the same name"


def _report(target: Path) -> dict[str, Any]:
    """What our own program tells about its work; NVIDIA's leaves no file."""
    told = files.read_json(report_of(target))
    return {name: told[name] for name in ("pruning_ratio", "before", "after") if name in told}


def report_of(target: Path) -> Path:
    """The JSON that our own program leaves beside a pruned model."""
    return target.with_suffix(".pruning.json")


def _model(run: Run) -> Path:
    """What the user named, else the checkpoint that all stages take."""
    return run.subject or checkpoints.chosen(run)


def _target(run: Run) -> Path:
    model = _model(run)
    suffix = run.toolkit.pruned_suffix(model, key="key" in run.config.secrets)
    return run.workspace.pruned / f"{model.stem}{suffix}"


def _request(run: Run) -> Prune:
    chosen = run.config.section(Pruning)
    return Prune(
        network=run.config.network,
        model=_model(run),
        output=_target(run),
        threshold=chosen.threshold,
        criterion=chosen.criterion,
        granularity=chosen.granularity,
        minimum=chosen.minimum,
        normalizer=chosen.normalizer,
        excluded=tuple(chosen.excluded),
        force=run.force,
    )
