"""What a stage can see and do while it runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from converters.model.splits import Place
from converters.pictures import limits
from orchestrator import drafts
from orchestrator.jobs import Job, Outcome, Request, Secret, Train, outcomes, without_missing
from orchestrator.jobs.receipts import Facts
from orchestrator.jobs.verify import Lacking
from orchestrator.jobs.workspace import Workspace
from orchestrator.runners import Remote, Runner
from orchestrator.screen.report import Report
from orchestrator.settings.config import Config
from orchestrator.toolkits import Toolkit
from tltpipe import files, seal, storage
from tltpipe.errors import ConfigError, HostError, UsageError
from tltpipe.losses import Losses, parse

_STAGING = re.compile(r"(?<=/)\.([^/\s]+)\.partial\b")
"""The name of a staging folder; a reader knows only the place where its content will be."""


_TORN = re.compile(r"[^\w@%+=:,./-]")
"""What a shell does not leave as it is; the star of a file that is not there yet is none of it."""
_YEAR = re.compile(r"(?:19|20)\d{2}$")
_FIELD = re.compile(r"^\s+(\w+): ")
"""A field of a spec that a program suggests a value for, on a line of its own."""


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
    """The stage under way was begun before, under facts by which what was done then is a part of its work."""
    judged: dict[str, Facts] = field(default_factory=dict)
    """What stages that were judged just now depend on: one look at every file is enough."""
    prints: dict[Path, Callable[[], str]] = field(default_factory=dict)
    """Fingerprints that other processes work out meanwhile, for the first who asks for one."""
    losses: Losses = field(default_factory=Losses)
    """What the programs of the stage under way said of what they read, wrote and lost."""
    warned: set[str] = field(default_factory=set)
    """What was warned of in specs so far."""
    inputs: str = ""
    """What changes with the data that the stage under way reads."""
    begun: Callable[[], None] = lambda: None
    """Notes that the stage under way has begun, so that an interrupted one can go on."""

    @property
    def images_apart(self) -> Path | None:
        """The folder of the pictures where they do not lie beside their annotations."""
        folder = self.config.data.images
        return None if folder is None else self.workspace.root / folder

    @cached_property
    def data_set(self) -> tuple[str, Mapping[str, Place]]:
        """The format of the raw data and where their splits lie; none as long as there is no raw data.

        Raises as ``converters`` does.
        """
        from converters.transfer import opening

        folder, format = self.workspace.raw, self.config.data.format
        if not folder.exists():
            return format, {}
        try:
            return opening.find(folder, None if format == "auto" else format, images=self.images_apart)
        except UsageError as unclear:
            hint = "data.format in tltpipe.yaml names the format, data.root another folder"
            raise UsageError(unclear.what, where=self.workspace.name(folder), hint=f"{unclear.hint}\n{hint}") from None

    @property
    def raw(self) -> Mapping[str, Place]:
        """Where the splits of the raw data lie; none as long as there is no raw data."""
        return self.data_set[1]

    @cached_property
    def splits(self) -> tuple[str, ...]:
        """The splits of the settings by the names that the data have for them; the first one trains.

        Only by default may the second be missing. As long as there are no data these are the names in the settings.
        Raises ConfigError for a split that is not there.
        """
        names = self.config.data.splits
        prepared = [name for name in names if name not in self.raw and self.workspace.kitti(name).is_dir()]
        there = [*self.raw, *prepared]
        if not there:
            return tuple(names)
        optional = () if "data.splits" in self.config.given else names[1:]
        chosen = {name: self._split(name, there, "data.splits", optional=name in optional) for name in names}
        return tuple(name for name in chosen.values() if name is not None)

    @cached_property
    def test(self) -> str | None:
        """The split for a COCO file alone, if there is one. Raises ConfigError for one that is named and not there."""
        name = self.config.data.test
        if name is None or not self.raw:
            return None
        found = self._split(name, list(self.raw), "data.test", optional="data.test" not in self.config.given)
        return None if found in self.splits else found

    def _split(self, name: str, there: Sequence[str], setting: str, *, optional: bool) -> str | None:
        from converters.model.splits import split_name

        alike = [own for own in there if split_name(own) == split_name(name) and self._same_year(name, own)]
        found = name if name in there else next(iter(alike), None)
        if found is None and len(there) == 1 and setting not in self.config.given and split_name(there[0]) == there[0]:
            found = (
                None if optional or there[0] in ("validation", "test") else there[0]
            )  # it can only be meant to train
        if found is not None or optional:
            return found
        given = self.config.given.get(setting)
        folder = self.workspace.name(self.workspace.raw)
        what = f'there is no split "{name}" in {folder}, only {", ".join(there)}'
        hint = f"{setting} in tltpipe.yaml names those to use; `tltpipe split` makes others"
        raise ConfigError(what, where=given.where if given else folder, hint=hint)

    def _same_year(self, name: str, split: str) -> bool:
        """Whether the data are of the year that ``name`` ends in, if it does: val2014 is not val2017."""
        year, place = _YEAR.search(name), self.raw.get(split)
        return year is None or place is None or year[0] in f"{place.annotations} {place.images}"

    @property
    def trained_on(self) -> str:
        """What the network is trained on, as ``orchestrator.jobs.sources`` call it: "tfrecords", "coco"."""
        return self.toolkit.trained_on(self.config.network)

    @property
    def sized(self) -> bool:
        """Whether images of one size are trained on."""
        import specs

        return specs.size_settings(self.config.network) is not None

    @property
    def held_out(self) -> str | None:
        """The split that validates, if there is one."""
        return self.splits[1] if len(self.splits) > 1 else None

    def image(self, request: Request) -> str | None:
        """The image that the job for ``request`` runs in; None where it runs in none."""
        return (self.config.image or self.toolkit.image(request)) if self.runner.contained else None

    @cached_property
    def root_seen(self) -> str:
        """The workspace as the job sees it."""
        return self.runner.at(self.workspace.root)

    def at(self, path: Path) -> str:
        return self.runner.at(path)

    def spec(self, name: str) -> Path:
        return self.specs[name].path

    def spec_name(self, stem: str, kind: str) -> str:
        """The file name of a spec of this ``kind``, with the suffix of the template it is rendered from."""
        template = self.toolkit.template(kind) or ""
        return f"{stem}{Path(template.removesuffix('.j2')).suffix}"

    def need_health(self, jobs: Sequence[Job]) -> None:
        """Raises HostError when the runner cannot work, or has not what ``jobs`` need."""
        missing = self.runner.health(tuple(dict.fromkeys(job.image for job in jobs if job.image is not None)))
        if missing is not None:
            raise HostError(missing, where=f"runner {self.config.runner}", hint="`tltpipe doctor` looks at everything")

    def launch(
        self, request: Request, *, verify: Lacking = _nothing, listen: Callable[[str], bool] = _ignore
    ) -> Outcome:
        """Spell ``request``, run it, return its outcome if it succeeded: exit status 0 and ``verify`` lacks nothing.

        ``listen`` gets every output line and returns True for one that needs not be shown.
        Raises the error the program meant, else RunFailed.
        """
        return Launch(self, request, verify, listen).perform()

    def settings_of(self, request: Request) -> dict[str, str]:
        """The settings of tltpipe.yaml that the fields of a request's spec come from."""
        read = [settled for settled in self.specs.values() if settled.path == getattr(request, "spec", None)]
        return {field: name for settled in read for field, name in settled.settings.items()}

    def job(self, request: Request) -> Job:
        """The job that ``request`` amounts to here."""
        argv = without_missing(self.toolkit.argv(request, self.runner.at), self.config.secrets)
        self._refuse_unquotable(argv)
        read = [settled for settled in self.specs.values() if settled.path == getattr(request, "spec", None)]
        return Job(
            name=self.stage,
            argv=argv,
            image=self.image(request),
            mounts=self.runner.mounts(),
            environment={
                **self.toolkit.ENVIRONMENT,
                **limits.environment(),
                **seal.environment(),
                **self.runner.environment(),
                **({} if self.runner.contained else storage.environment()),
            },
            gpus=self.toolkit.gpus(request, self.config.gpus) if self.runner.allots_gpus else 0,
            nodes=request.nodes if isinstance(request, Train) else 1,
            again=self._again(request),
            fans_out=self.toolkit.fans_out(request),
            inputs=self.inputs,
            files={self.at(settled.path): settled.text for settled in read},
            secrets={word.name: self.secret(word.name) for word in argv if isinstance(word, Secret)},
        )

    def _again(self, request: Request) -> tuple[str | Secret, ...]:
        """The command line by which a program goes on with what it left when it was killed; none if it cannot."""
        if not self.toolkit.resumes(request):
            return ()
        resumed = replace(request, fresh=False) if isinstance(request, Train) else request
        return without_missing(self.toolkit.argv(resumed, self.runner.at), self.config.secrets)

    def _refuse_unquotable(self, argv: Sequence[str | Secret]) -> None:
        """Raises UsageError for a word that the toolkit's programs would tear apart."""
        if not self.toolkit.UNQUOTED:
            return
        for word in argv:
            if isinstance(word, Secret):
                text, named = self.config.secrets.get(word.name, ""), f"the {word.name}"
            else:
                text, named = word.replace("*", ""), f'"{word}"'
            if _TORN.search(text):
                what = f"{named}: the programs of {self.config.toolkit} hand words to a shell without quotes"
                raise UsageError(what, hint="use another, without blanks, quotes, brackets, $ and the like")

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
        files.refuse_links(self.workspace.root, [target])
        with files.staged(target, resumed=resumed) as folder:
            yield folder

    def set_aside(self, folder: Path) -> Path | None:
        """Move ``folder`` away under a name with the time, so that nothing is lost; None if it is not there."""
        if self.runner.pretends or not folder.exists():
            return None
        moment = datetime.now().astimezone()
        while (aside := folder.with_name(f"{folder.name}-{moment:%Y%m%d-%H%M%S}")).exists():
            moment += timedelta(seconds=1)  # another was moved there in this very second
        with files.writable(folder.parent):
            folder.rename(aside)
        return aside

    def newest_model(self) -> Path | None:
        found = self.toolkit.resume_point(self.workspace.output)
        return found[0] if found else None

    def expected_model(self) -> Path:
        """The newest checkpoint; where there is none, the name that it will have, as far as it is known."""
        return self.newest_model() or self.workspace.output / "weights" / f"*{self.toolkit.CHECKPOINT_SUFFIX}"


@dataclass
class Launch:
    """A request as a job that is run for ``run``: what its lines mean, and what its end does."""

    run: Run
    request: Request
    verify: Lacking = _nothing
    listen: Callable[[str], bool] = _ignore

    def __post_init__(self) -> None:
        self.job, self.settings = self.run.job(self.request), self.run.settings_of(self.request)
        self.held: list[str] = []
        self.losses = Losses()
        self.named: dict[str, str] = {}

    def hear(self, text: str) -> None:
        report = self.run.report
        if self.held or text.startswith("error: "):  # shown as an error if it ends as one
            self.held.append(text)
        elif self.listen(text):
            return
        elif parse(text, self.losses):
            report.line(text)
        elif tick := self.run.toolkit.tick(text):
            report.tick(tick, text)
        else:
            report.line(_STAGING.sub(r"\1", text))
            self.named.update((name, self.settings[name]) for name in _FIELD.findall(text) if name in self.settings)

    def perform(self) -> Outcome:
        """Run it by itself."""
        return self.concluded(self.run.runner.run(self.job, self.hear))

    def concluded(self, outcome: Outcome) -> Outcome:
        """``outcome``, if the job succeeded; raises as ``Run.launch``."""
        run = self.run
        if outcome.exit_code != 0 or run.toolkit.FAILED in outcome.tail:
            raise outcomes.failure(self.job, outcome, self.settings)
        run.losses.merge(self.losses)
        for text in self.held:
            run.report.line(text)
        if self.named and not run.runner.pretends:
            run.report.say(f"these are settings of tltpipe.yaml: {', '.join(dict.fromkeys(self.named.values()))}")
        lacking = None if run.runner.pretends else self.verify()
        if lacking is not None:
            raise outcomes.incomplete(self.job, outcome, lacking)
        return outcome


def launch_together(runner: Remote, launches: Sequence[Launch]) -> None:
    """Run all side by side, as an array. Raises the first one's error, when all have ended."""
    ended = runner.run_array([each.job for each in launches], [each.hear for each in launches])
    for each, outcome in zip(launches, ended, strict=True):
        each.concluded(outcome)
