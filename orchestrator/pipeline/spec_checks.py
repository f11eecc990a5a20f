"""The rules about specs, before a stage starts anything: errors stop it, all of them at once."""

from __future__ import annotations

from collections.abc import Sequence

import specs
from orchestrator.drafts import Settled
from orchestrator.jobs import Mount
from orchestrator.jobs.mounts import WORKSPACE
from orchestrator.jobs.spec_data import WorkspaceData, WorkspacePaths
from orchestrator.run import Run
from orchestrator.stages import Stage
from specs.checks import Finding, located
from specs.data_sources import Role
from specs.rulebook import RULES, Subject
from specs.spec import Spec
from tltpipe.errors import DataError, SpecError

LATER = "S3"
"""Rules before this code need the spec alone: parsing has applied them, and their warnings are shown with the specs."""
DATA = "S4"


def require(run: Run, stage: Stage) -> None:
    """Say what the rules warn of in the specs that ``stage`` works by, each thing once in a run.

    Raises SpecError with all errors, DataError where all of them are about the data.
    """
    from specs import rules

    for draft in stage.drafts(run):
        settled = run.specs[draft.name]
        found = [each for each in rules.examine(subject(run, stage, settled)) if each.code >= LATER]
        for each in found:
            place = located(settled.spec, each)
            if each.severity == "warning" and f"{place} {each.code}" not in run.warned:
                run.warned.add(f"{place} {each.code}")
                run.report.say(f"warning: {place}: {each.what} ({each.code})")
        if errors := [each for each in found if each.severity == "error"]:
            raise _error(settled, errors)


def subject(run: Run, stage: Stage, settled: Settled) -> Subject:
    """What there is to judge: where nothing runs, the data may not be there yet, and are not looked at."""
    roles = getattr(stage, "READS", ())
    if run.runner.pretends or not roles:
        return Subject(settled.spec, run.config.toolkit)
    return known(run, settled.spec, roles)


def known(run: Run, spec: Spec, roles: tuple[Role, ...] = ("training", "validation")) -> Subject:
    """``spec`` with the paths of the workspace, as jobs of its runner would see them, and the data for ``roles``."""
    paths = WorkspacePaths(
        run.workspace.root,
        run.runner.mounts() or (Mount(run.workspace.root, WORKSPACE),),
        contained=run.runner.contained,
    )
    below = any(source.below_data for source in specs.data_sources(spec))
    folders = tuple(run.workspace.kitti(split) for split in run.splits) if below else ()
    return Subject(spec, run.config.toolkit, paths, WorkspaceData(spec, paths, folders, roles))


def _error(settled: Settled, errors: Sequence[Finding]) -> SpecError | DataError:
    kind = DataError if all(each.code.startswith(DATA) for each in errors) else SpecError
    first, *others = errors
    lines = [f"{first.what} ({first.code})"]
    lines += [f"{located(settled.spec, each)}: {each.what} ({each.code})" for each in others]
    hints = dict.fromkeys(each.hint or RULES[each.code].fix for each in errors)
    return kind("\n".join(lines), where=located(settled.spec, first), hint="; ".join(hints) or None)
