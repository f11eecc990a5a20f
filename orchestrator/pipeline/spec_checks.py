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
from specs.checks import located, together
from specs.data_sources import Role
from specs.rulebook import RULES, Subject
from specs.spec import Spec
from tltpipe.errors import DataError, SpecError

LATER = "S3"
"""Rules before this code need the spec alone: parsing has applied them, and their warnings are shown with the specs."""
DATA = "S4"


def require(run: Run, stage: Stage) -> list[str]:
    """What the rules warn of in the specs that ``stage`` works by, ready to show, each thing once in a run.

    Raises SpecError with all errors, DataError where all of them are about the data.
    """
    from specs import rules

    warnings: list[str] = []
    errors: list[SpecError] = []
    for draft in stage.drafts(run):
        settled = run.specs[draft.name]
        for each in rules.examine(subject(run, stage, settled)):
            place = located(settled.spec, each)
            if each.code < LATER:
                continue
            if each.severity == "error":
                hint = each.hint or RULES[each.code].fix
                errors.append(SpecError(f"{each.what} ({each.code})", where=place, hint=hint, code=each.code))
            elif each.severity == "warning":
                message = "; ".join(filter(None, (each.what, each.hint)))
                warnings.append(f"warning: {place}: {message} ({each.code})")
    new = [line for line in warnings if line not in run.warned]
    run.warned.update(new)
    if errors:
        for line in new:
            run.report.say(line)
        raise _together(errors)
    return new


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


def _together(errors: Sequence[SpecError]) -> SpecError | DataError:
    whole = together(errors)
    if all(error.code.startswith(DATA) for error in errors):
        return DataError(whole.what, where=whole.where, hint=whole.hint, code=whole.code)
    return whole
