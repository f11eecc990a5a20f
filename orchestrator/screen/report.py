"""What the pipeline tells while it works; the console shows it, a test keeps it."""

from __future__ import annotations

from typing import Protocol

from tltpipe.progress import Progress, Tick


class Report(Protocol):
    progress: Progress
    """Bars for work done in this process."""

    def begin(self, stage: str, about: str) -> None:
        """A stage starts."""
        ...

    def skipped(self, stage: str, why: str) -> None:
        """A stage need not run."""
        ...

    def end(self, stage: str, seconds: float) -> None:
        """A stage has its outputs and its receipt."""
        ...

    def say(self, text: str) -> None:
        """Something of ours that the user should know."""
        ...

    def line(self, text: str) -> None:
        """A line that a job said."""
        ...

    def tick(self, tick: Tick, text: str) -> None:
        """How far a job is, and the line that said so."""
        ...


class Named:
    """Of one of several jobs that run side by side: lines begin with its ``name``. How far it is shows nowhere."""

    def __init__(self, report: Report, name: str) -> None:
        self.report, self.name = report, name
        self.progress = report.progress

    def begin(self, stage: str, about: str) -> None:
        self.report.begin(stage, about)

    def skipped(self, stage: str, why: str) -> None:
        self.report.skipped(stage, why)

    def end(self, stage: str, seconds: float) -> None:
        self.report.end(stage, seconds)

    def say(self, text: str) -> None:
        self.report.say(f"{self.name}: {text}")

    def line(self, text: str) -> None:
        self.report.line(f"{self.name}: {text}")

    def tick(self, tick: Tick, text: str) -> None:
        pass


class Quiet:
    """Keeps everything in ``told`` and shows nothing: for library users and tests."""

    def __init__(self) -> None:
        from tltpipe.progress import Silent

        self.progress: Progress = Silent()
        self.told: list[str] = []

    def begin(self, stage: str, about: str) -> None:  # noqa: ARG002
        self.told.append(f"[{stage}]")

    def skipped(self, stage: str, why: str) -> None:
        self.told.append(f"[{stage}] skipped: {why}")

    def end(self, stage: str, seconds: float) -> None:  # noqa: ARG002
        self.told.append(f"[{stage}] done")

    def say(self, text: str) -> None:
        self.told.append(text)

    def line(self, text: str) -> None:
        self.told.append(text)

    def tick(self, tick: Tick, text: str) -> None:
        pass
