"""One file per stage: what it needs, what it makes, what it asks for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from orchestrator.drafts import Draft
    from orchestrator.jobs import Request
    from orchestrator.run import Run


class Stage(Protocol):
    """What a module in this folder provides."""

    ABOUT: str
    """One line for the banner."""

    NEEDS: tuple[str, ...]
    """Stages that come before it."""

    DATA: tuple[str, ...] | None
    """What a network must be trained on (DATA of its ``specs``) for the stage to be one of its run's; None: whatever
    it is."""

    SPEC: str | None
    """The folder of ``specs/`` whose tunables are this stage's section of tltpipe.yaml; None for no section."""

    SETTINGS: type[Any] | None
    """The dataclass of its section of tltpipe.yaml where it has settings that are in no spec; None for no such
    section."""

    ON_REQUEST: bool
    """True for a stage that runs only when it is named, and then always: no receipt."""

    # RECORDED: bool, optional. True for one on request that leaves a receipt all the same, and is skipped while that
    # holds.

    MISSING: str
    """What to do about an input that is not there and that no stage before makes."""

    # READS: tuple[Role, ...], optional. Which of the data that its specs name it reads, "training", "validation": these
    # are checked before it starts anything.

    def drafts(self, run: Run) -> list[Draft]:
        """The specs it works by."""
        ...

    def inputs(self, run: Run) -> list[Path]:
        """Files and folders it reads."""
        ...

    # def unread(self, run: Run) -> tuple[list[Path], tuple[str, ...]]: optional. The inputs, and the messages of its
    # specs, of which a change makes no other outputs.

    # def differs(self, run: Run, name: str, before: str, after: str) -> str | None: optional. As receipts.Change: what
    # of a change of the spec ``name`` keeps it from going on with work that was done under ``before``.

    # def indifferent(self, run: Run) -> tuple[str, ...]: optional. The fields at the top of the specs of stages before
    # it of which a change does not matter to it: it works with what they left, as it is.

    # def show(self, console: Console, result: Mapping[str, Any]) -> None: optional. What ``execute`` returned, for
    # people.

    def outputs(self, run: Run) -> list[Path]:
        """Files and folders that are there when it has succeeded."""
        ...

    # def published(self, run: Run) -> list[Path]: optional. What it has made that goes to data.publish, too.

    def requests(self, run: Run) -> list[Request]:
        """What it asks the toolkit for, outputs at their final places."""
        ...

    def execute(self, run: Run) -> dict[str, Any]:
        """Do it, and return what is worth telling, as JSON types. Raises a TltpipeError with nothing half-done left
        in the outputs."""
        ...
