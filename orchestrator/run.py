"""What a stage can see and do while it runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator import drafts, outcomes, receipts
from orchestrator.jobs import Job, Outcome, Request, Secret, without_missing
from tltpipe import files
from tltpipe.errors import ConfigError, HostError
from tltpipe.losses import Losses, parse

if TYPE_CHECKING:
    from converters.formats import Place
    from orchestrator.config import Config
    from orchestrator.receipts import Facts
    from orchestrator.report import Report
    from orchestrator.runners import Runner
    from orchestrator.toolkits import Toolkit
    from orchestrator.verify import Lacking
    from orchestrator.workspace import Workspace


_STAGING = re.compile(r"(?<=/)\.([^/\s]+)\.partial\b")
"""The name of a staging folder; a reader knows only the place where its content will be."""


def _nothing() -> None:
    return None


def _ignore(text: str) -> bool:  # noqa: ARG001
    return False


@dataclass
class Run:
    """One call of the pipeline. ``subject`` is what a stage was asked about by name: a picture, a folder."""

    config: Config
    workspace: Workspace
    toolkit: Toolkit
    runner: Runner
    report: Report
    render: bool = False
    """Render specs anew, over what was edited by hand."""
    force: bool = False
    """Run stages whether their receipts hold or not; training starts over."""
    subject: Path | None = None
    subjects: tuple[Path, ...] = ()
    """More of the same."""
    stage: str = ""
    """The stage under way; names its logs."""
    specs: dict[str, drafts.Settled] = field(default_factory=dict)
    continuing: bool = False
    """The stage under way was begun before, under the very same facts, and did not finish."""
    judged: dict[str, Facts] = field(default_factory=dict)
    """What stages that were judged just now depend on: one look at every file is enough."""
    losses: Losses = field(default_factory=Losses)
    """What the programs of the stage under way said of what they read, wrote and lost."""
    begun: Callable[[], None] = lambda: None
    """Notes that the stage under way has begun, so that an interrupted one can go on."""

    @property
    def images_apart(self) -> Path | None:
        """The folder of the pictures where they do not lie beside their annotations."""
        folder = self.config.data.images
        return None if folder is None else self.workspace.root / folder

    @cached_property
    def raw(self) -> Mapping[str, Place]:
        """Where the splits of the raw data lie; none as long as there is no raw data. Raises as ``converters`` does."""
        from converters import opening

        folder, format = self.workspace.raw, self.config.data.format
        if not folder.exists():
            return {}
        images = self.images_apart
        if format == "auto" or images is not None:
            return opening.find(folder, None if format == "auto" else format, images=images)[1]
        found: Mapping[str, Place] = opening.module(format).find(folder)
        return found

    @cached_property
    def splits(self) -> tuple[str, ...]:
        """The configured splits that are there; all of them as long as none is. The first one trains."""
        wanted = self.config.data.splits
        there = (s for s in wanted if s in self.raw or self.workspace.kitti(s).is_dir())
        return tuple(there) or tuple(wanted)

    @property
    def held_out(self) -> str | None:
        """The split that validates, if there is one."""
        return self.splits[1] if len(self.splits) > 1 else None

    @property
    def image_extension(self) -> str:
        """How the names of the pictures end, with the dot; one setting serves all specs."""
        return str(self.config.tunables["tfrecords"].image_extension)

    @property
    def image(self) -> str | None:
        return self.config.image or self.toolkit.IMAGE

    @cached_property
    def root_seen(self) -> str:
        """The workspace as the job sees it."""
        return self.runner.at(self.workspace.root)

    def at(self, path: Path) -> str:
        return self.runner.at(path)

    def spec(self, name: str) -> Path:
        return self.specs[name].path

    def need_health(self) -> None:
        """Raises HostError when the runner cannot work."""
        missing = self.runner.health()
        if missing is not None:
            raise HostError(missing, where=f"runner {self.config.runner}", hint="`tltpipe doctor` looks at everything")

    def launch(
        self, request: Request, *, verify: Lacking = _nothing, listen: Callable[[str], bool] = _ignore
    ) -> Outcome:
        """Spell ``request``, run it, return its outcome if it succeeded: exit status 0 and ``verify`` lacks nothing.

        ``listen`` gets every output line and returns True for one that needs not be shown.
        Raises the error the program meant, else RunFailed.
        """
        job, held, heard = self.job(request), list[str](), Losses()

        def hear(text: str) -> None:
            if held or text.startswith("error: "):  # shown as an error if it ends as one
                held.append(text)
            elif listen(text):
                return
            elif parse(text, heard):
                self.report.line(text)
            elif tick := self.toolkit.tick(text):
                self.report.tick(tick, text)
            else:
                self.report.line(_STAGING.sub(r"\1", text))

        outcome = self.runner.run(job, hear)
        if outcome.exit_code != 0:
            raise outcomes.failure(job, outcome)
        self.losses.merge(heard)
        for text in held:
            self.report.line(text)
        lacking = None if self.runner.pretends else verify()
        if lacking is not None:
            raise outcomes.incomplete(job, outcome, lacking)
        return outcome

    def job(self, request: Request) -> Job:
        """The job that ``request`` amounts to here."""
        argv = without_missing(self.toolkit.argv(request, self.runner.at), self.config.secrets)
        read = [settled for settled in self.specs.values() if settled.path == getattr(request, "spec", None)]
        return Job(
            name=self.stage,
            argv=argv,
            image=self.image,
            mounts=self.runner.mounts(),
            environment=self.toolkit.ENVIRONMENT,
            gpus=self.toolkit.gpus(request, self.config.gpus),
            files={self.at(settled.path): settled.text for settled in read},
            secrets={word.name: self.secret(word.name) for word in argv if isinstance(word, Secret)},
        )

    def secret(self, name: str) -> str:
        value = self.config.secrets.get(name)
        if not value:
            hint = f"give --{name}, or set TLTPIPE_{name.upper()}"
            raise ConfigError(f"the toolkit {self.config.toolkit} needs a {name}", hint=hint)
        return value

    @contextmanager
    def staged(self, target: Path, *, resumed: bool = False) -> Iterator[Path]:
        """An empty folder that becomes ``target`` if the block ends well; ``target`` itself where nothing runs.

        ``resumed``: it may hold what a run that was killed has left.
        """
        if self.runner.pretends:
            yield target
            return
        with files.staged(target, resumed=resumed) as folder:
            yield folder

    def set_aside(self, folder: Path) -> Path | None:
        """Move ``folder`` away under a name with the time, so that nothing is lost; None if it is not there."""
        if self.runner.pretends or not folder.exists():
            return None
        stamp = receipts.now()[:19].replace("-", "").replace(":", "").replace("T", "-")
        aside = folder.with_name(f"{folder.name}-{stamp}")
        with files.writable(folder.parent):
            folder.rename(aside)
        return aside

    def newest_model(self) -> Path | None:
        found = self.toolkit.resume_point(self.workspace.output)
        return found[0] if found else None

    def expected_model(self) -> Path:
        """The newest checkpoint; where there is none, the name that it will have, as far as it is known."""
        return self.newest_model() or self.workspace.output / "weights" / f"*{self.toolkit.CHECKPOINT_SUFFIX}"
