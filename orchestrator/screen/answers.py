"""What commands answer with ``--json``: one object on standard output, of the shapes below (docs/json.md).

The same thing has the same name everywhere: ``images`` and ``items`` are counts, ``classes`` maps names to what is
known of each, ``findings`` is a list of ``Finding``, and whatever ends badly has ``error``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from converters.model.findings import Finding as Found
    from orchestrator.pipeline import Result


class Error(TypedDict):
    """Under ``error``, alone or beside what was found out before. ``kind`` is the class of ``tltpipe.errors``."""

    kind: str
    where: str | None
    what: str
    hint: str | None
    exit_code: int


class Failure(TypedDict):
    """Any command that could not do its work."""

    error: Error


class Finding(TypedDict):
    """One kind of oddity in data: the rule (docs/rules.md), how often, and the first places."""

    code: str
    severity: str
    what: str
    count: int
    examples: list[str]
    fix: str
    mended: bool


class Split(TypedDict):
    """What was written of a split: convert, split, check --fix."""

    images: int
    items: int
    classes: dict[str, int]
    skipped: int
    selected_away: dict[str, int]
    dropped: dict[str, int]
    findings: list[Finding]
    seconds: float


class Convert(TypedDict):
    """tltpipe convert; ``from`` is the format that was read."""

    to: str
    target: str
    splits: dict[str, Split]


class Stage(TypedDict):
    """What became of a stage: ``state`` is "ran", "skipped" or "shown"; ``result`` is what it has to tell."""

    state: str
    why: str
    seconds: float
    result: dict[str, Any]


class Run(TypedDict):
    """prepare, augment, tfrecords, train, evaluate, infer, export, prune, run: stages by name, in their order."""

    workspace: str
    stages: dict[str, Stage]


class State(TypedDict):
    """``state`` is "done", "stale" or "missing"; ``when`` it finished last."""

    state: str
    why: str
    when: str | None


class Scores(TypedDict):
    """What an evaluation found: ``figures`` by name, 0 to 1, ``primary`` the name of the one that picks the best
    checkpoint; ``per_class`` has columns of values by class."""

    primary: str
    figures: dict[str, float | None]
    per_class: dict[str, dict[str, float | None]]


class Job(TypedDict):
    """A job that was handed to an engine; of logs, attach and stop the whole answer, of logs with ``lines``."""

    id: str
    name: str
    runner: str
    state: str
    reason: str
    nodes: list[str]
    attempt: int
    exit_code: int | None
    submitted: str
    collected: bool
    folder: str
    lines: NotRequired[list[str]]


class Rank(TypedDict):
    """A process of a training on several nodes; ``updated`` in seconds since 1970, ``step`` from 1."""

    rank: int
    node: str
    step: int | None
    updated: float


class Training(TypedDict):
    """A training that goes on as a submitted job."""

    name: str
    folder: str
    epoch: int
    epochs: int | None
    step: int | None
    total_steps: int | None
    ranks: list[Rank]


class Status(TypedDict):
    """tltpipe status: stages by name, in their order; the scores of the evaluation that finished last; submitted jobs,
    the oldest first, and trainings among them that run."""

    workspace: str
    stages: dict[str, State]
    scores: Scores | None
    jobs: list[Job]
    trainings: list[Training]


class Check(TypedDict):
    """tltpipe check. ``mended`` is there with --fix, ``error`` where the command ends badly."""

    path: str
    format: str
    deep: bool
    healthy: bool
    images: int
    items: int
    classes: dict[str, int]
    seconds: float
    counts: dict[str, int]
    splits: dict[str, Any]
    findings: list[Any]
    mended: NotRequired[Any]
    error: NotRequired[Error]


class SplitStatistics(TypedDict):
    """The numbers of a split that other commands have, too; stats tells more."""

    images: int
    items: int
    classes: dict[str, Any]


class Stats(TypedDict):
    """tltpipe stats."""

    format: str
    splits: dict[str, SplitStatistics]


class Evaluation(Scores):
    """The ``result`` of evaluate; of a detector ``mAP`` and ``average_precision``, too. Classes are in the order of the
    class map."""

    model: str
    epoch: NotRequired[int]
    mAP: NotRequired[float]
    average_precision: NotRequired[dict[str, float | None]]


class Inference(TypedDict):
    """The ``result`` of infer: ``objects`` counts detections by class, where there are such; the rest are places in the
    workspace."""

    model: str
    epoch: NotRequired[int]
    images: int
    objects: NotRequired[dict[str, int]]
    drawn: str
    labels: str
    sheet: NotRequired[str]
    coco: NotRequired[str]


class Export(TypedDict):
    """The ``result`` of export: ``exported`` is the file that was written."""

    model: str
    epoch: NotRequired[int]
    exported: str


_NAMED = dict.fromkeys((
    "classes", "categories", "splits", "average_precision", "objects", "before", "dropped", "selected_away", "stages",
    "curves", "files", "layouts", "features", "jobs", "figures",
), 1) | {"per_class": 2}  # fmt: skip
"""Members whose keys are names of the user's, so many levels deep: nothing of them is ours to rename."""


def plain(value: Any, *, named: int = 0) -> Any:
    """``value`` with the keys of ``--json``: our rooms below speak of pictures and categories, people of images and
    classes. ``named``: the keys of so many levels are names."""
    if isinstance(value, Mapping):
        return {
            key if named else _key(key): plain(each, named=named - 1 if named else _NAMED.get(key, 0))
            for key, each in value.items()
        }
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


def _key(name: str) -> str:
    return "classes" if name == "categories" else name.replace("picture", "image")


def findings(found: Iterable[Found]) -> list[Finding]:
    from converters.health import report

    return [report.told(each) for each in found]  # type: ignore[misc]


def scores(evaluated: Mapping[str, Any]) -> Scores | None:
    """Those in the result of an evaluation; None where there are none."""
    return {name: evaluated[name] for name in Scores.__annotations__} if "primary" in evaluated else None  # type: ignore[return-value]


def stages(results: Iterable[Result]) -> dict[str, Stage]:
    """What became of stages, by name."""
    return {
        each.stage: {"state": each.state, "why": each.why, "seconds": each.seconds, "result": each.told}
        for each in results
    }
