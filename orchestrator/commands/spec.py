"""tltpipe spec: write a training spec, and say what is wrong with specs of any kind."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.commands import spec_checking, spec_files, spec_migrating, spec_reading
from orchestrator.commands.options import Plain, command
from tltpipe import __version__
from tltpipe.errors import Location, UsageError

if TYPE_CHECKING:
    from specs.drafting import Drafting

app = typer.Typer(help="Write training specs, and check specs of any kind.", no_args_is_help=True)


NAMED = typer.Argument(metavar="[NETWORK]", help="Network to train (default: ssd).", show_default=False)
OF_NETWORK = typer.Argument(metavar="[NETWORK]", help="Network (default: all).", show_default=False)
NETWORK = typer.Option(help="The same as an option.", show_default=False)
DIALECT = typer.Option(
    metavar="tlt2|tlt3", help="TLT 2.0, or TLT 3.0 and later (default: tlt3, for TFRecords tlt2).", show_default=False
)
ARCH = typer.Option(help="Backbone, with its depth where it has several: resnet18, mobilenet_v2.", show_default=False)
RECIPE = typer.Option(help="Recipe to start from (tltpipe spec recipes lists them).", show_default=False)
FROM = typer.Option(
    "--from", metavar="DATASET", help="Data set to take paths, classes and anchors from.", show_default=False
)
FORMAT = typer.Option(help="Format of DATASET (default: detected).", show_default=False)
CLASSES = typer.Option(help="Classes to train: a,b,c (default: all of DATASET).", show_default=False)
SIZE = typer.Option(
    "--size", metavar="WxH", help="Input size of the network (default: the network's).", show_default=False
)
SET = typer.Option("--set", help="Setting of the spec: num_epochs=20. Repeatable.", show_default=False)
STRICT_NEW = typer.Option("--strict-tlt", help="NVIDIA's behaviour to the letter.")
SKIP = typer.Option("--skip-bad", help="Skip images of DATASET that cannot be read.")
FORCE = typer.Option("--force", help="Replace FILE.")


@app.command()
@command
def new(
    options: Plain,
    named: Annotated[str | None, NAMED] = None,
    from_: Annotated[Path | None, FROM] = None,
    output: Annotated[Path | None, spec_files.OUT] = None,
    network: Annotated[str | None, NETWORK] = None,
    recipe: Annotated[str | None, RECIPE] = None,
    dialect: Annotated[str | None, DIALECT] = None,
    arch: Annotated[str | None, ARCH] = None,
    size: Annotated[str | None, SIZE] = None,
    classes: Annotated[str | None, CLASSES] = None,
    settings: Annotated[list[str] | None, SET] = None,
    format: Annotated[str | None, FORMAT] = None,
    strict_tlt: Annotated[bool, STRICT_NEW] = False,
    skip_bad: Annotated[bool, SKIP] = False,
    force: Annotated[bool, FORCE] = False,
) -> None:
    """Write a training spec with every field explained; --from makes one that fits a data set.

    Its anchors are then fitted to the boxes. What cannot be trained is refused here, as tlt-train would refuse it.
    """
    import specs
    from orchestrator.commands import schema, spec_drafting
    from orchestrator.settings import Settings
    from tltpipe import files

    spec_files.require_free(output, force=force)
    if named and network and named != network:
        raise UsageError(f"--network {network}, but the network is {named}", hint="leave --network out")
    network = named or network or Settings.network
    kind = spec_drafting.kind_of(network)
    if dialect is not None and dialect not in kind.FORMATS:
        known = ", ".join(filter(None, kind.FORMATS))
        what = f"--dialect: {network} has {known or 'one kind of spec'}, not {dialect}"
        raise UsageError(what, hint="choose one of them" if known else "leave it out")
    given, options_of = _given(network, kind, arch, size, settings or [])
    start, places = _start(network, recipe)
    given = {**start, **given}

    def option(key: str) -> Location | str:
        return options_of[key] if key in options_of else places.get(key, "--set")

    tunables = specs.tunables_from(network, given, where=option)
    names = kind.classes([name.strip() for name in classes.split(",") if name.strip()]) if classes else None
    if from_ is None:
        contents = spec_drafting.placeholder(kind, dialect, names or ["object"])
    else:
        keys = specs.size_settings(network)
        contents = spec_drafting.describe(
            from_,
            kind,
            dialect=dialect,
            format=format,
            size=None if keys is None else (getattr(tunables, keys[0]), getattr(tunables, keys[1])),
            progress=options.console.progress,
            skip_bad=skip_bad,
        )
        contents.require(names or [])
        tunables = specs.tunables_from(network, {**contents.fitted, **given}, where=option)
    chosen = names or list(contents.classes)
    text = specs.render(network, kind.template(contents.dialect), tunables, **{**contents.paths, "classes": chosen})
    notes = contents.notes[1:] if contents.fitted.keys() & given.keys() else contents.notes
    text = _head(network, output, notes, strict=strict_tlt) + kind.commented(text, contents.dialect)
    spec = specs.parse_text(text, network, source=output or "spec")
    described = None
    if output is not None:
        described = schema.write_beside(output, network) if _in_yaml(network) else None
        files.write_text(output, text)
    if options.json:
        answer = {
            "written": str(output) if output else None,
            "schema": str(described) if described else None,
            "dialect": contents.dialect or None,
            "classes": chosen,
        }
        options.console.json({**answer, "warnings": list(spec.warnings), "anchors": contents.anchors, "text": text})
    elif output is None:
        typer.echo(text, nl=False)
        for line in spec.warnings:
            typer.echo(line, err=True)
    else:
        beside = f", with {described.name} for editors" if described else ""
        after = f"train by it: {_training(network, output)}"
        for line in (*contents.notes, *spec.warnings, f"wrote {output}{beside}", after):
            options.console.put(line)


@app.command()
@command
def recipes(
    options: Plain,
    network: Annotated[str | None, OF_NETWORK] = None,
) -> None:
    """List recipes: settings of published and proven trainings, for --recipe and the setting of that name."""
    from orchestrator.commands import spec_drafting
    from orchestrator.settings import config
    from specs import recipes

    if network is not None:
        spec_drafting.kind_of(network)
    found = {
        name: [recipes.read(name, each) for each in recipes.names(name)]
        for name in config.networks()
        if network in (None, name)
    }
    if options.json:
        told = {
            name: {each.name: {"about": each.about, "settings": each.settings} for each in own}
            for name, own in found.items()
        }
        options.console.json({"recipes": told})
        return
    rows = [((name, each.name, each.about), ()) for name, own in found.items() for each in own]
    options.console.listing(("network", "recipe", "what it is"), rows)


for each in (
    spec_checking.check,
    spec_migrating.migrate,
    spec_reading.show,
    spec_reading.diff,
    spec_reading.explain,
):
    app.command()(each)


def _given(
    network: str, kind: Drafting, arch: str | None, size: str | None, settings: list[str]
) -> tuple[dict[str, object], dict[str, str]]:
    """The settings of the command line by name, and the option that gave each; --set goes over the others."""
    import specs

    given: dict[str, object] = {}
    if arch is not None:
        given |= kind.backbone(arch)
    options = dict.fromkeys(given, "--arch")
    if size is not None:
        keys = specs.size_settings(network)
        if keys is None:
            raise UsageError(
                f"--size has no effect: {network} has no setting for the size of images", hint="leave it out"
            )
        width, _, height = size.lower().partition("x")
        if not (width.isdecimal() and height.isdecimal()):
            raise UsageError(f"--size {size}: write WIDTHxHEIGHT, such as 288x288")
        given |= {keys[0]: width, keys[1]: height}
        options |= dict.fromkeys(keys, "--size")
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set {setting}: write key=value, such as num_epochs=20")
        name = key.strip().removeprefix(f"{network}.")
        given[name], options[name] = value.strip(), "--set"
    return given, options


def _start(network: str, recipe: str | None) -> tuple[Mapping[str, object], Mapping[str, Location]]:
    """The settings of ``recipe``, and where each is written. Raises UsageError for one that there is not."""
    from specs import recipes

    if recipe is None:
        return {}, {}
    found = recipes.read(network, recipe)
    return found.settings, found.places


def _in_yaml(network: str) -> bool:
    import specs

    return hasattr(specs.load(network), "EXPERIMENT")


def _training(network: str, spec: Path) -> str:
    return f"tlt-train {network} -e {shlex.quote(str(spec))} -r results"


def _head(network: str, output: Path | None, notes: Sequence[str], *, strict: bool) -> str:
    from orchestrator.commands import schema

    suffix = "yaml" if _in_yaml(network) else "conf"
    name, title = output or Path(f"train.{suffix}"), network.upper().replace("_", " ")
    lines = [
        f"A training spec of {title}, written by tltpipe {__version__}. Behind each field is what it is for.",
        f"Check it after a change: tltpipe spec check {shlex.quote(str(name))}",
        f"Train by it:             {_training(network, name)}",
        *notes,
    ]
    editors = schema.modeline(output, network) if output and _in_yaml(network) else ""
    return editors + "".join(f"# {line}\n" for line in lines) + ("# tltpipe: strict-tlt\n" if strict else "") + "\n"
