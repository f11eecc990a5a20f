"""tltpipe spec: write a training spec, and say what is wrong with specs of any kind."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.commands.options import Plain, command
from tltpipe import __version__
from tltpipe.errors import SpecError, UsageError

if TYPE_CHECKING:
    from orchestrator.screen.console import Console

app = typer.Typer(help="Write training specs, and check specs of any kind.", no_args_is_help=True)


class Dialect(StrEnum):
    """Generations of training specs."""

    TLT2 = "tlt2"
    TLT3 = "tlt3"


class Kind(StrEnum):
    """What a spec is for."""

    AUGMENT = "augment"
    CONVERSION = "dataset_convert"
    TRAINING = "ssd"


DIALECT = typer.Option(help="TLT 2.0, or TLT 3.0 and later (the default, but for TFRecords).", show_default=False)
ARCH = typer.Option(help="Backbone, with its depth where it has several: resnet18, mobilenet_v2.", show_default=False)
FROM = typer.Option("--from", metavar="DATASET", help="Take paths, classes and anchors from here.", show_default=False)
FORMAT = typer.Option(help="Format of DATASET; guessed without.", show_default=False)
CLASSES = typer.Option(help="Classes to train: a,b,c.", show_default=False)
SIZE = typer.Option("--size", metavar="WxH", help="Input of the network.", show_default=False)
SET = typer.Option("--set", help="A setting of the spec: num_epochs=20. Repeatable.", show_default=False)
OUT = typer.Option("--output", "-o", metavar="FILE", help="File to write; without, it is shown.", show_default=False)
STRICT_NEW = typer.Option("--strict-tlt", help="Ask for NVIDIA's behaviour to the letter.")
STRICT = typer.Option("--strict-tlt", help="Check what NVIDIA's programs refuse, too.")
SKIP = typer.Option("--skip-bad", help="Leave out pictures of DATASET that cannot be read.")
FORCE = typer.Option("--force", help="Replace FILE.")
KIND = typer.Option("--as", help="What the files are; told from their fields without.", show_default=False)


@app.command()
@command
def new(
    options: Plain,
    from_: Annotated[Path | None, FROM] = None,
    output: Annotated[Path | None, OUT] = None,
    dialect: Annotated[Dialect | None, DIALECT] = None,
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
    from orchestrator.commands import spec_drafting
    from specs.ssd import documentation
    from tltpipe import files

    if output is not None and output.is_dir():
        raise UsageError("this is a folder", where=output, hint="name the file itself: -o train.conf")
    if output is not None and output.exists() and not force:
        raise UsageError("is there already", where=output, hint="--force replaces it")
    given = _given(arch, size, settings or [])
    written = {setting.partition("=")[0].strip() for setting in settings or []}
    options_of = {"arch": "--arch", "nlayers": "--arch", "input_width": "--size", "input_height": "--size"}

    def option(key: str) -> str:
        return "--set" if key in written else options_of.get(key, "--set")

    tunables = specs.tunables_from("ssd", given, where=option)
    names = sorted({name.strip().lower() for name in classes.split(",")} - {""}) if classes else None
    if from_ is None:
        chosen = str(dialect or Dialect.TLT3)
        found = spec_drafting.nothing(chosen, names or ["object"])
    else:
        chosen, found = spec_drafting.look(
            from_,
            dialect=dialect,
            format=format,
            size=(tunables.input_width, tunables.input_height),
            progress=options.console.progress,
            skip_bad=skip_bad,
        )
        found.require(names or [])
        tunables = specs.tunables_from("ssd", {**found.fitted, **given}, where=option)
    wanted = names or list(found.classes)
    text = specs.render("ssd", f"train.{chosen}.conf.j2", tunables, **{**found.paths, "classes": wanted})
    notes = found.notes if not {"scales", "aspect_ratios_global"} & given.keys() else found.notes[1:]
    head = _head(output, notes, strict=strict_tlt)
    text = head + documentation.commented(text, chosen)  # type: ignore[arg-type]
    spec = specs.parse_text(text, "ssd", source=output or "spec")
    if output is not None:
        files.write_text(output, text)
    if options.json:
        told = {"written": str(output) if output else None, "dialect": chosen, "classes": wanted}
        options.console.json({**told, "warnings": list(spec.warnings), "anchors": found.anchors, "text": text})
    elif output is None:
        typer.echo(text, nl=False)
        for line in spec.warnings:
            typer.echo(line, err=True)
    else:
        for line in (*found.notes, *spec.warnings, f"wrote {output}"):
            options.console.put(line)


@app.command()
@command
def check(
    options: Plain,
    specs: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Specs, of any kind.", show_default=False)],
    kind: Annotated[Kind | None, KIND] = None,
    strict_tlt: Annotated[bool, STRICT] = False,
) -> None:
    """Say what is wrong with specs (training, augmentation, conversion), with line and column; 2 if anything is."""
    verdicts = [judge(path, kind=kind, strict=strict_tlt) for path in specs]
    bad = [verdict for verdict in verdicts if not verdict["valid"]]
    if options.json:
        problem = SpecError("\n".join(bad[0]["errors"]), hint=bad[0]["hint"]) if bad else None
        options.console.answer_json({"files": verdicts, "valid": not bad}, problem)
        return
    for verdict in verdicts:
        show(options.console, verdict)
    if bad:
        raise typer.Exit(SpecError.exit_code)


def judge(path: Path, *, kind: str | None = None, strict: bool = False) -> dict[str, Any]:
    """What there is to say of the spec at ``path``: file, kind, dialect, strict, valid, errors, warnings, hint."""
    verdict: dict[str, Any] = {"file": str(path), "kind": kind, "dialect": None, "strict": strict}
    try:
        spec, found = _read(path, kind, strict=strict)
    except SpecError as problem:
        verdict |= {"valid": False, "errors": str(problem).splitlines(), "warnings": [], "hint": problem.hint}
        return verdict
    about = {"kind": found, "dialect": getattr(spec, "dialect", "tao5"), "strict": getattr(spec, "strict", False)}
    return verdict | about | {"valid": True, "errors": [], "warnings": list(spec.warnings), "hint": None}


def show(console: Console, verdict: dict[str, Any]) -> None:
    """Errors and warnings, a line each, and a last line that says what it came to."""
    for level in ("error", "warning"):
        for line in verdict[f"{level}s"]:
            console.put(f"{level}: {line}")
    if verdict["hint"]:
        console.put(f"  hint: {verdict['hint']}")
    if verdict["valid"]:
        many = len(verdict["warnings"])
        told = f"{many} warning{'s' if many > 1 else ''}" if many else "nothing to say"
        strict = ", to the letter" if verdict["strict"] else ""
        console.put(f"{verdict['file']}: good ({verdict['kind']}, {verdict['dialect']}{strict}): {told}")


def _read(path: Path, kind: str | None, *, strict: bool) -> tuple[Any, str]:
    """The spec and what it is for. Raises SpecError."""
    import specs
    from specs import prototext
    from specs.augment import tao5

    text = prototext.read(path)
    if kind in (None, Kind.AUGMENT) and path.suffix.lower() in (".yaml", ".yml"):
        return tao5.read(path, ()), str(Kind.AUGMENT)
    try:
        found = kind or specs.recognise(text, source=path)
    except SpecError as problem:
        problem.hint = problem.hint or f"say which: --as {', '.join(Kind)}"
        raise
    return specs.parse(path, found, strict=strict), str(found)


def _given(arch: str | None, size: str | None, settings: list[str]) -> dict[str, object]:
    """The settings of the command line by name; --set goes over the others."""
    given: dict[str, object] = {}
    if arch is not None:
        given |= _backbone(arch)
    if size is not None:
        width, _, height = size.lower().partition("x")
        if not (width.isdecimal() and height.isdecimal()):
            raise UsageError(f"--size {size}: write WIDTHxHEIGHT, such as 288x288")
        given |= {"input_width": width, "input_height": height}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set {setting}: write key=value, such as num_epochs=20")
        given[key.strip().removeprefix("ssd.")] = value.strip()
    return given


def _backbone(text: str) -> dict[str, object]:
    """resnet18: arch and nlayers; vgg: its first depth; mobilenet_v2, where the number is part of the name: arch."""
    from specs.ssd import Ssd
    from specs.ssd.backbones import BACKBONES

    name = text.rstrip("0123456789")
    if text in BACKBONES:
        depths, _ = BACKBONES[text]
        return {"arch": text} | ({"nlayers": depths[0]} if depths and Ssd.nlayers not in depths else {})
    return {"arch": name, "nlayers": text[len(name) :]} if name in BACKBONES else {"arch": text}


def _head(output: Path | None, notes: Any, *, strict: bool) -> str:
    name = output or Path("train.conf")
    lines = [
        f"A training spec of SSD, written by tltpipe {__version__}. Behind each field is what it is for.",
        f"Check it after a change: tltpipe spec check {name}",
        f"Train by it:             tlt-train ssd -e {name} -r results",
        *notes,
    ]
    return "".join(f"# {line}\n" for line in lines) + ("# tltpipe: strict-tlt\n" if strict else "") + "\n"
