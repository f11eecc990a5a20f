"""tltpipe spec migrate: a spec as the programs of another generation read it, and what that changes."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from orchestrator.commands import spec_files
from orchestrator.commands.options import Plain, command
from tltpipe.errors import SpecError, UsageError

if TYPE_CHECKING:
    from orchestrator.screen.console import Console
    from specs.migration import Change, Migrated, Target
    from specs.migration.targets import Data

FILE = typer.Argument(metavar="FILE", help="Spec of any kind: of NVIDIA's TLT and TAO, or of tltpipe.")
TO = typer.Option("--to", metavar="tlt2|tlt3|tao5|tltpipe", help="Generation whose programs shall read it.")
VALIDATION = typer.Option(
    metavar="DIR",
    help="Training spec to TLT 3.0 or TAO: folder with images/ and labels/ to validate on, in place of a fold.",
    show_default=False,
)
RECORDS = typer.Option(
    metavar="GLOB", help="Training spec to TLT 2.0: TFRecords, in place of folders of labels.", show_default=False
)
DATASET = typer.Option(
    metavar="DIR", help="Augmentation to TAO 5: data set, as -d of tlt-augment names it.", show_default=False
)
RESULTS = typer.Option(
    metavar="DIR", help="Augmentation to TAO 5: output, as -o of tlt-augment names it.", show_default=False
)
MAPPING = typer.Option(
    metavar="SPEC",
    help="Conversion to TLT 3.0 or TAO: training spec to take the classes from (SSD and DSSD need them).",
    show_default=False,
)
DATA = typer.Option(
    metavar="DATASET",
    help="Spec of another network of TAO's: data set to train on, in place of the data that it names.",
    show_default=False,
)
FORCE = typer.Option("--force", help="Replace the file to write.")
STAGES = {"augment": ("augment", "augment"), "dataset_convert": ("convert-train", "tfrecords")}
"""What the pipeline calls its specs that are not for training, and the stages that they are for."""


@command
def migrate(
    options: Plain,
    file: Annotated[Path, FILE],
    to: Annotated[str, TO],
    output: Annotated[Path | None, spec_files.OUT] = None,
    validation: Annotated[str | None, VALIDATION] = None,
    records: Annotated[str | None, RECORDS] = None,
    dataset: Annotated[str | None, DATASET] = None,
    results: Annotated[str | None, RESULTS] = None,
    mapping: Annotated[Path | None, MAPPING] = None,
    data: Annotated[Path | None, DATA] = None,
    force: Annotated[bool, FORCE] = False,
) -> None:
    """Rewrite a spec for another generation of programs: what moves, what has no counterpart, and what that does.

    Comments stay. What is left out stays as a comment, too, by which the way back writes it again.
    """
    from specs import migration, prototext
    from tltpipe import files

    spec_files.require_free(output, force=force)
    text = prototext.read(file)
    given = migration.Options(
        dataset=dataset,
        results=results,
        validation=validation,
        records=records,
        mapping=None if mapping is None else _classes(mapping),
        data=None if data is None else _data(data, migration.network(text), options.console),
    )
    migrated = migration.migrate(text, source=file, to=cast("Target", to), options=given, output=output)
    if output is not None:
        files.write_text(output, migrated.text)
    if options.json:
        options.console.json({"written": str(output) if output else None, "to": to, **asdict(migrated)})
    elif output is None:
        typer.echo(migrated.text, nl=False)
        for line in _report(migrated, file, to):
            typer.echo(line, err=True)
    else:
        for line in (*_report(migrated, file, to), *_conclusion(output, to, migrated)):
            options.console.put(line)


def _classes(path: Path) -> Mapping[str, str]:
    """The mapping of the training spec at ``path``. Raises SpecError where it has none."""
    import specs
    from specs import prototext

    text = prototext.read(path)
    spec = specs.parse_text(text, specs.recognise(text, source=path), source=path)
    config = getattr(spec.message, "dataset_config", None)
    mapping: Mapping[str, str] = getattr(config, "target_class_mapping", {})
    if not mapping:
        what = "this spec maps no classes"
        raise SpecError(what, where=path, hint="--mapping takes a training spec with target_class_mapping")
    return dict(sorted(mapping.items()))


def _data(path: Path, network: str | None, console: Console) -> Data:
    """The data set at ``path`` as specs of ``network`` name it.

    Raises UsageError without a network; DataError and UsageError as ``converters.splits`` does.
    """
    from orchestrator.commands import spec_drafting
    from specs.drafting import Usual
    from specs.migration.targets import Data

    if network is None:
        raise UsageError(
            "--data has no effect on a spec of NVIDIA's SSD, augmentation or conversion", hint="leave it out"
        )
    usual = spec_drafting.kind_of(network)
    assert isinstance(usual, Usual)
    found = spec_drafting.describe(path, usual, dialect=None, format=None, size=None, progress=console.progress)
    values = {key: str(value) for key, value in found.paths.items() if value is not None}
    held_out = {key.removeprefix("val_"): value for key, value in values.items() if key.startswith("val_")}
    train = {key: value for key, value in values.items() if not key.startswith("val_")}
    return Data(train, held_out or None, tuple(found.classes), tuple(found.notes))


def _report(migrated: Migrated, file: Path, to: str) -> Iterator[str]:
    """A line for each field that changed, below those that it is of the effect on the result; then what came of it."""
    if not migrated.changes:
        yield f"{file}: {migrated.kind} is read as it is ({to}): nothing to migrate"
    for effect, changes in groupby(migrated.changes, key=lambda change: change.effect):
        yield from (_line(change, file) for change in changes)
        if effect:
            yield f"  effect: {effect}"
    yield from (f"warning: {line}" for line in migrated.warnings)
    yield from (f"to be filled in: {line}" for line in migrated.missing)


def _line(change: Change, file: Path) -> str:
    place = f"{file}:{change.line}" if change.line else str(file)
    return f"{place}: {change.path} {change.what}" if change.path else f"{place}: {change.what}"


def _conclusion(output: Path, to: str, migrated: Migrated) -> Iterator[str]:
    import specs
    from specs.migration.targets import OURS

    toolkit = "" if to == OURS else f" --toolkit {to}"
    yield f"wrote {output}; check it: tltpipe spec check {shlex.quote(str(output))}{toolkit}"
    if to != OURS:
        yield from _command_line(output, to, migrated.kind)
    elif not migrated.missing and hasattr(specs.load(migrated.kind), "DATA"):
        yield f"train by it: tlt-train {migrated.kind} -e {shlex.quote(str(output))} -r results"


def _command_line(output: Path, to: str, kind: str) -> Iterator[str]:
    """How to come to the command line of the container: by a spec that lies where the pipeline looks for its own."""
    from orchestrator.jobs.workspace import Workspace
    from tltpipe import registry

    stem, stage = STAGES.get(kind, ("train", "train"))
    toolkit = registry.load("orchestrator.toolkits", to)
    template = toolkit.template(kind)
    if template is None or (to == "tlt3" and stage == "tfrecords"):
        return
    name = f"{stem}{Path(template.removesuffix('.j2')).suffix}"
    network = f" --set network={kind}" if kind not in ("ssd", *STAGES) else ""
    key = " --key KEY" if stage == "train" and not toolkit.KEY.optional else ""
    line = f"tltpipe {stage} --toolkit {to} --runner docker --dry-run{key}{network}"
    root = output.parent.parent
    usual = Workspace(root).specs / name
    if output == usual:
        yield f"its command line: {line}{'' if root == Path() else f' -w {shlex.quote(str(root))}'}"
    else:
        yield f"its command line: as {usual.relative_to(root)} of a workspace, by {line}"
