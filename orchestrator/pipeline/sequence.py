"""The stages of a run in the order of the work: which there are depends on what its network is trained on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from orchestrator.jobs import sources
from orchestrator.run import Run
from orchestrator.stages import Stage
from tltpipe import registry
from tltpipe.errors import UsageError

STAGES = "orchestrator.stages"


def load(name: str) -> Stage:
    return cast("Stage", registry.load(STAGES, name))


def known() -> list[str]:
    """Those of all stages that there are."""
    return registry.names(STAGES)


def has(run: Run, name: str) -> bool:
    """Whether the stage is one of this run's."""
    kinds = load(name).DATA
    return kinds is None or run.trained_on in kinds


def require(run: Run, name: str) -> None:
    """Raises UsageError for a stage that is none of this run's."""
    if not has(run, name):
        network = run.config.network
        what = f"{network} has no stage {name}: it is trained on {sources.of_run(run).ABOUT}"
        raise UsageError(what, hint=f"its stages: {', '.join(every(run))}; another network: --set network=NAME")


def needs(run: Run, name: str) -> tuple[str, ...]:
    """The stages right before ``name``: those that one needs which is none of this run's take its place."""
    direct: dict[str, None] = {}
    for needed in load(name).NEEDS:
        direct |= dict.fromkeys((needed,) if has(run, needed) else needs(run, needed))
    return tuple(direct)


def order(run: Run, stages: Iterable[str]) -> list[str]:
    """``stages`` so that every stage follows those it needs; ties by name. Raises UsageError for an unknown one."""
    chosen = set(stages)
    placed: list[str] = []

    def place(name: str) -> None:
        if name not in placed:
            for needed in sorted(needs(run, name)):
                place(needed)
            placed.append(name)

    for name in sorted(chosen | set(known())):
        place(name)
    return [name for name in placed if name in chosen]


def recorded(name: str) -> bool:
    """Whether the stage leaves a receipt, and is skipped while that holds."""
    stage = load(name)
    return not stage.ON_REQUEST or getattr(stage, "RECORDED", False)


def all_of(run: Run) -> list[str]:
    """All stages of this run, those that wait to be asked for among them, in order."""
    return order(run, (name for name in known() if has(run, name)))


def every(run: Run) -> list[str]:
    """The stages of a whole run, in order: all but those that wait to be asked for."""
    return [name for name in all_of(run) if not load(name).ON_REQUEST]


def before(run: Run, name: str) -> list[str]:
    """The stages that ``name`` needs, and those that they need, in order."""
    earlier: set[str] = set()
    waiting = list(needs(run, name))
    while waiting:
        needed = waiting.pop()
        if needed not in earlier:
            earlier.add(needed)
            waiting += needs(run, needed)
    return order(run, earlier)
