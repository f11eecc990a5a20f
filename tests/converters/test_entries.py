"""What the journal keeps of a chunk: all that was gathered, whatever fields there are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from converters.model import rules
from converters.model.findings import Findings
from converters.transfer import entries
from converters.transfer.passes import Batch
from tltpipe import plain
from tltpipe.errors import DataError
from tltpipe.losses import Count, Losses


@dataclass
class Gathering:
    """With settings and results in any order, as a gatherer may have them."""

    setting: frozenset[str]
    known: bool = True
    seen: int = 0
    share: float = 0.5
    records: list[list[bytes]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    losses: Losses = field(default_factory=Losses)

    def add(self, sample: object, findings: object) -> None: ...


def test_every_field_and_every_finding_comes_back() -> None:
    empty = Gathering(frozenset("ab"))
    full = Gathering(frozenset("ab"), seen=3, share=0.25, counts=Counter(vest=2))
    full.losses.lost["why"] = Count(1, 2)
    findings = Findings()
    findings.add(rules.TINY, "a.jpg", count=4)
    problem = DataError("is cut off", where="b.jpg", hint="copy it again", code="I202")
    kept = plain.packed(entries.entry(Batch(full, 5, findings, left_out=[("b", problem)]), empty))
    back = entries.batch(plain.unpacked(kept, entries.entry_type(Gathering, [])), empty)
    assert back.gathered == full
    assert isinstance(back.gathered.losses.lost["why"], Count)
    assert back.pictures == 5
    assert back.findings.all() == findings.all()
    assert rules.TINY in back.findings
    ((name, again),) = back.left_out
    assert (name, str(again), again.code, again.hint) == ("b", "b.jpg: is cut off", "I202", "copy it again")


def test_settings_are_those_of_this_run() -> None:
    first, later = Gathering(frozenset("ab"), known=False), Gathering(frozenset("cd"))
    kept = plain.packed(entries.entry(Batch(first, 0), Gathering(frozenset("ab"), known=False)))
    back = entries.batch(plain.unpacked(kept, entries.entry_type(Gathering, [])), later)
    assert back.gathered == later
