"""tltpipe spec check: all that rules say about specs, each with its line, a caret and what to do; --fix mends some."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.commands import spec_files
from orchestrator.commands.options import Plain, command
from tltpipe.errors import SpecError, UsageError
from tltpipe.terminal import harmless

if TYPE_CHECKING:
    from specs.checks import Finding
    from specs.rulebook import Subject
    from specs.spec import Spec

FILES = typer.Argument(metavar="FILE...", help="Specs, of any kind.", show_default=False)
KIND = typer.Option(
    "--as", metavar="KIND", help="Kind of the files: ssd, augment, ... (default: detected).", show_default=False
)
STRICT = typer.Option("--strict-tlt", help="Check what NVIDIA's programs refuse, too.")
TOOLKIT = typer.Option(
    metavar="NAME", help="Check what this toolkit ignores, lacks or reads otherwise: tlt2, tlt3, tao5.",
    show_default=False,
)  # fmt: skip
DATA = typer.Option(metavar="WORKSPACE", help="Check against the paths and data of this workspace.", show_default=False)
SELECT = typer.Option(
    metavar="CODE", help="Report these rules alone: S401, S4. Repeatable. Errors of S0 to S2 are always reported.",
    show_default=False,
)  # fmt: skip
IGNORE = typer.Option(metavar="CODE", help="Do not report these rules: S401, S4. Repeatable.", show_default=False)
FIX = typer.Option("--fix", help="Mend in the files what can be mended without a choice.")
WIDEST = 160
"""Characters of a line that are shown."""


@dataclass(frozen=True)
class Request:
    """How to check: the options of the command."""

    kind: str | None = None
    strict: bool = False
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    about: Callable[[Spec], Subject] | None = None


@dataclass(frozen=True)
class Verdict:
    """What there is to say of one file; ``spec`` is None where it cannot be read."""

    path: Path
    kind: str | None
    spec: Spec | None
    findings: Sequence[Finding]
    text: str = ""
    fixed: Sequence[Finding] = ()
    before: str = ""
    """The text that ``fixed`` is about."""

    @property
    def valid(self) -> bool:
        return not any(finding.severity == "error" for finding in self.findings)

    def of(self, severity: str) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity == severity]

    def where(self, finding: Finding) -> Any:
        """The place of a finding."""
        from specs import checks
        from specs.spec import Spec

        return checks.located(self.spec or Spec(None, self.path), finding)


@command
def check(
    options: Plain,
    files: Annotated[list[Path], FILES],
    kind: Annotated[str | None, KIND] = None,
    strict_tlt: Annotated[bool, STRICT] = False,
    toolkit: Annotated[str | None, TOOLKIT] = None,
    data: Annotated[Path | None, DATA] = None,
    select: Annotated[list[str] | None, SELECT] = None,
    ignore: Annotated[list[str] | None, IGNORE] = None,
    fix: Annotated[bool, FIX] = False,
) -> None:
    """Check specs (training, augmentation, conversion): all errors with line and column; exit code 2 if there are any.

    A comment "# tltpipe: ignore S401" silences a rule: behind a field there, on a line of its own in the whole file.
    The rules are listed in docs/spec-rules.md.
    """
    about = _about(options, toolkit, data)
    request = Request(kind, strict_tlt, _codes(select, "--select"), _codes(ignore, "--ignore"), about)
    if fix:
        for path in files:
            spec_files.require_rewritable(path)
    verdicts = [examine(path, request) for path in files]
    if fix:
        verdicts = [_mended(verdict, request) for verdict in verdicts]
    bad = [verdict for verdict in verdicts if not verdict.valid]
    if options.json:
        answer = {"files": [as_json(verdict) for verdict in verdicts], "valid": not bad}
        options.console.answer_json(answer, _error(bad[0]) if bad else None)
        return
    for verdict in verdicts:
        for line in lines(verdict):
            typer.echo(harmless(line))  # the console takes longer to come up than the rules do
    if bad:
        raise typer.Exit(SpecError.exit_code)


def examine(path: Path, request: Request) -> Verdict:
    """Whatever is wrong with the file is among the findings."""
    from specs import checks, codes

    name = spec_files.named(path)
    try:
        return examine_text(spec_files.read(path), name, request)
    except SpecError as problem:
        finding = checks.as_finding(problem)
        text = spec_files.as_far_as_it_goes(path) if finding.place else ""
        return Verdict(name, request.kind, None, [replace(finding, code=finding.code or codes.UNREADABLE)], text)


def examine_text(text: str, path: Path, request: Request) -> Verdict:
    """The same for a text that the file at ``path`` has, or would have."""
    import specs
    from specs import checks, codes

    kind = request.kind
    try:
        kind = kind or specs.recognise(text, source=path)
    except SpecError as problem:
        finding = checks.as_finding(problem)
        if finding.code == codes.UNPLACED:
            finding = replace(finding, hint=finding.hint or f"name the kind: --as {', '.join(specs.folders())}")
        return Verdict(path, kind, None, [finding], text)
    spec, findings = specs.examine(
        text, kind, source=path, strict=request.strict, about=request.about, select=request.select,
        ignore=request.ignore,
    )  # fmt: skip
    return Verdict(path, kind, spec, findings, text)


def lines(verdict: Verdict) -> Iterator[str]:
    """Each finding with its line, a caret below its column, and help; at the end what it came to."""
    from specs import fixing

    for finding in verdict.fixed:
        if finding.edit is not None:
            place = f"{verdict.path}:{finding.edit.line}:{finding.edit.column}"
            yield f"{place}: fixed {finding.code}: {fixing.in_words(verdict.before, finding.edit)}"
    for finding in verdict.findings:
        where = verdict.where(finding)
        yield f"{where}: {' '.join(filter(None, (finding.severity, finding.code)))}: {finding.what}"
        yield from _pointed(verdict.text, where.line, where.column)
        if help := _help(finding):
            yield f"  help: {help}"
    yield f"{verdict.path}: {_summary(verdict)}"


COMPLETE = ("S005", "S007")
"""Codes of rules whose findings say what to do themselves."""


def _help(finding: Finding) -> str:
    """What to do about it: the finding's own words, else those of its rule, unless the finding has them already."""
    from specs.rulebook import RULES
    from specs.rules import text  # noqa: F401  (rules of texts that nothing could be made of)

    if finding.hint or finding.code not in RULES or finding.code in COMPLETE or "did you mean" in finding.what:
        return finding.hint or ""
    field = re.sub(r"\[.*?\]", "", finding.path)
    return RULES[finding.code].fix.replace("FIELD", field or "FIELD")


def _pointed(text: str, line: int | None, column: int | None) -> Iterator[str]:
    """The line of the text, and a caret below the column; nothing without a place."""
    rows = text.split("\n")
    if line is None or not 0 < line <= len(rows):
        return
    row, place = rows[line - 1].rstrip("\r").replace("\t", " "), max(0, (column or 1) - 1)
    start = max(0, place - WIDEST // 2) if len(row) > WIDEST else 0
    yield f"  {row[start : start + WIDEST]}".rstrip()
    yield f"  {' ' * _columns(row[start:place])}^"


def _columns(text: str) -> int:
    """How wide a terminal shows ``text``."""
    return len(text) if text.isascii() else sum(1 + (unicodedata.east_asian_width(one) in "WF") for one in text)


def _summary(verdict: Verdict) -> str:
    many = [(name, len(verdict.of(name))) for name in ("error", "warning", "note")]
    counts = ", ".join(f"{count} {name}{'s' if count > 1 else ''}" for name, count in many if count)
    if not verdict.valid:
        return counts
    spec = verdict.spec
    strict = "to the letter" if spec is not None and spec.strict else ""
    about = [verdict.kind, spec.dialect if spec is not None else "", strict]
    return f"valid ({', '.join(filter(None, about))}), {counts or 'no warnings'}"


def as_json(verdict: Verdict) -> dict[str, Any]:
    """As docs/json.md has it."""
    spec, errors = verdict.spec, verdict.of("error")
    return {
        "file": str(verdict.path),
        "kind": verdict.kind,
        "dialect": spec.dialect or None if spec is not None else None,
        "strict": spec is not None and spec.strict,
        "valid": verdict.valid,
        "errors": [f"{verdict.where(finding)}: {finding.what}" for finding in errors],
        "warnings": [f"{verdict.where(finding)}: {finding.what}" for finding in verdict.of("warning")],
        "hint": next((finding.hint for finding in errors if finding.hint), None),
        "findings": [_as_json(verdict, finding) for finding in verdict.findings],
        "fixed": [_as_json(verdict, finding) for finding in verdict.fixed],
    }


def _as_json(verdict: Verdict, finding: Finding) -> dict[str, Any]:
    where = verdict.where(finding)
    return {
        "code": finding.code or None,
        "severity": finding.severity,
        "line": where.line,
        "column": where.column,
        "path": finding.path or None,
        "what": finding.what,
        "help": _help(finding) or None,
        "fixable": finding.edit is not None,
    }


def _error(verdict: Verdict) -> SpecError:
    from specs import checks
    from specs.spec import Spec

    spec = verdict.spec or Spec(None, verdict.path)
    problem = checks.together(checks.as_error(spec, finding) for finding in verdict.of("error"))
    return SpecError(str(problem), hint=problem.hint)


def _mended(verdict: Verdict, request: Request) -> Verdict:
    """The file with the edits of its findings that help, examined again."""
    from specs import fixing

    def again(text: str) -> Sequence[Finding]:
        return examine_text(text, verdict.path, request).findings

    text, fixed = fixing.mended(verdict.text, verdict.findings, again)
    if not fixed:
        return verdict
    spec_files.rewrite(verdict.path, text)
    return replace(examine_text(text, verdict.path, request), fixed=fixed, before=verdict.text)


def _codes(given: list[str] | None, option: str) -> tuple[str, ...]:
    """Raises UsageError for what begins no code."""
    if not given:
        return ()
    from specs import rules

    known = [each.code for each in rules.catalogue()]
    codes = tuple(code.strip().upper() for text in given for code in text.split(",") if code.strip())
    for code in codes:
        if not any(each.startswith(code) for each in known):
            hint = "docs/spec-rules.md lists the codes: S401, or S4 for all that begin so"
            raise UsageError(f"{option} {code}: there is no such rule", hint=hint)
    return codes


def _about(options: Plain, toolkit: str | None, data: Path | None) -> Callable[[Spec], Subject] | None:
    """What is known of where specs will be used. Raises UsageError for a toolkit or folder that there is not."""
    from specs.rulebook import Subject
    from tltpipe import registry

    if toolkit is not None:
        registry.load("orchestrator.toolkits", toolkit)
    if data is None:
        return None if toolkit is None else lambda spec: Subject(spec, toolkit)
    if not data.is_dir():
        raise UsageError("there is no such folder", where=data, hint="--data names the folder of a run")
    from orchestrator import session
    from orchestrator.pipeline import spec_checks
    from orchestrator.settings.config import Given

    flags = {} if toolkit is None else {"toolkit": Given(toolkit, "--toolkit")}
    run = session.start(data, options.console, flags=flags, dry=True)
    return lambda spec: spec_checks.known(run, spec)
