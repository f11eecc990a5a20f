"""What a job's end means: the error that its exit status and last words amount to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import takewhile

from orchestrator.jobs import Job, Outcome
from tltpipe.errors import RunFailed, TltpipeError, from_exit_code

_HINT = re.compile(r"^\s+hint: (?P<hint>.+)$")
SHOWN = 12
"""How many of its last lines are shown for a program that did not say what was wrong."""


def failure(job: Job, outcome: Outcome, settings: Mapping[str, str] | None = None) -> TltpipeError:
    """The error for a job that ended with another status than 0.

    ``settings`` are the keys of tltpipe.yaml that the fields of its spec come from: a hint that names a field names
    the key, too.

    One of our programs says ``error: ...`` and ``  hint: ...`` and means a class by its status; that is passed on.
    Of any other program the last lines are all there is.
    """
    told = _told(outcome.tail)
    if told is not None:
        what, hint = told
        hint = "\n".join(filter(None, (hint, _keys(f"{what} {hint}", settings or {})))) or None
        kind = from_exit_code(outcome.exit_code)
        return kind(
            what, where=str(job.argv[0]), hint="\n".join(filter(None, (hint, f"the whole log is {outcome.log}")))
        )
    return RunFailed(
        f"ended with exit status {outcome.exit_code}{_guess(outcome.exit_code)}{_last_words(outcome)}",
        where=str(job.argv[0]),
        hint=f"the whole log is {outcome.log}",
    )


def incomplete(job: Job, outcome: Outcome, lacking: str) -> RunFailed:
    """The error for a job that said it had succeeded while ``lacking`` says what of its outputs is not there."""
    return RunFailed(
        f"ended with exit status 0, but {lacking}{_last_words(outcome)}",
        where=str(job.argv[0]),
        hint=f"nothing of it was kept; the whole log is {outcome.log}",
    )


def _keys(text: str, settings: Mapping[str, str]) -> str | None:
    """Which settings the fields are that ``text`` names."""
    words = dict.fromkeys(re.findall(r"\w+", text))
    found = [f"{field} is {settings[field]}" for field in words if "_" in field and field in settings]
    return f"in tltpipe.yaml, or by --set: {', '.join(found)}" if found else None


def _told(tail: tuple[str, ...]) -> tuple[str, str | None] | None:
    """The last ``error:`` of a program (its message may have several lines) and its hint."""
    start = next((n for n in range(len(tail) - 1, -1, -1) if tail[n].startswith("error: ")), None)
    if start is None:
        return None
    what = [tail[start].removeprefix("error: ")]
    for line in tail[start + 1 :]:
        if hint := _HINT.match(line):
            return "\n".join(what), hint["hint"]
        what.append(line)
    more = list(takewhile(lambda line: line.startswith("  "), what[1:]))  # what follows may be of something else
    return "\n".join([what[0], *more]), None


def _guess(status: int) -> str:
    known = {
        137: " (killed; out of memory?)",
        139: " (crashed: segmentation fault)",
        127: " (no such program in there)",
        126: " (that program cannot be executed there)",
    }
    return known.get(status, "")


def _last_words(outcome: Outcome) -> str:
    lines = [line for line in outcome.tail if line.strip()][-SHOWN:]
    return ". Its last lines:\n" + "\n".join(f"  {line}" for line in lines) if lines else ""
