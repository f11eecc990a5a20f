"""What a rule about specs is: one function with a code, a severity, and what to do about what it reports."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

from specs.checks import Finding, Severity
from specs.spec import Spec

if TYPE_CHECKING:
    from specs.rules.facts import DataFacts, Paths

Need = Literal["toolkit", "paths", "data"]
IN_RANGE = "write a value in this range; `tltpipe spec explain FIELD` says what it is for"
"""What to do about a number out of its range; whoever shows it puts the field's own path in place of FIELD."""
LATER = ("tlt3", "tao5")
"""Toolkits whose training spec is the one of TLT 3.0 and later; their SSD reads records by DALI."""
NVIDIA = ("tlt2", *LATER)
"""Those that are not ours."""
TRAINED = ("ssd", "dssd")
"""Kinds of spec that NVIDIA's toolkits train by and ours, too: the one has dssd_config in place of ssd_config."""


@dataclass(frozen=True)
class Subject:
    """What rules look at: a spec that has been parsed, and what is known of where it will be used.

    ``toolkit``: "tlt2", "tlt3", "tao5", "embedded", None where no particular one is meant; ``paths``: how the paths of
    the job lie on this host; ``data``: what is known of the data that the spec names, read when a rule needs it.
    """

    spec: Spec
    toolkit: str | None = None
    paths: Paths | None = None
    data: DataFacts | None = None


Function = Callable[[Subject], Iterable[Finding]]
AnyFunction = TypeVar("AnyFunction", bound=Function)


@dataclass(frozen=True)
class SpecRule:
    """``title`` says what is wrong, ``fix`` what to do about it: a row of docs/spec-rules.md.

    ``kinds`` and ``toolkits``: those that it is for, () for all; ``needs``: what of a Subject it cannot do without.
    """

    code: str
    severity: Severity
    title: str
    fix: str
    function: Function
    kinds: tuple[str, ...] = ()
    toolkits: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()

    def applies(self, subject: Subject) -> bool:
        """Whether the rule has a say about ``subject``."""
        if self.kinds and subject.spec.kind not in self.kinds:
            return False
        if self.toolkits and subject.toolkit not in self.toolkits:
            return False
        return all(getattr(subject, need) is not None for need in self.needs)


RULES: dict[str, SpecRule] = {}
"""By code: the rules of all modules imported so far; ``specs.rules.catalogue`` has those of all modules."""


def rule(
    code: str,
    severity: Severity,
    *,
    title: str,
    fix: str,
    kinds: tuple[str, ...] = (),
    toolkits: tuple[str, ...] = (),
    needs: tuple[Need, ...] = (),
) -> Callable[[AnyFunction], AnyFunction]:
    """Makes a rule of a function that yields findings; they get the rule's code and severity.

    Raises ValueError for a code that another function has.
    """

    def register(function: AnyFunction) -> AnyFunction:
        earlier = RULES.get(code)
        if earlier is not None and earlier.function.__qualname__ != function.__qualname__:
            raise ValueError(f"{code} is the code of {earlier.function.__qualname__}, too")
        RULES[code] = SpecRule(code, severity, title, fix, function, kinds, toolkits, needs)
        return function

    return register
