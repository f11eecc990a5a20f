"""Rules about data at both sides of where they begin to speak."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from rule_example import CONVERT, TLT2, TLT3, edited

import specs
from specs import rules
from specs.rules.facts import Amount, Examples, SourceFacts

TWO_RECORDS = edited(TLT2, "  data_sources: {", '  data_sources: { tfrecords_path: "/r/more/*" }\n  data_sources: {')
RECORDS = edited(TLT3, 'label_directory_path: "/workspace/data/train/labels"', 'tfrecords_path: "/r/train*"')
SOME = Examples(1, ("a",))


class Known:
    """Facts of the sources of a spec, in order; the last of them for all others, too."""

    def __init__(self, spec: specs.Spec, facts: Sequence[dict[str, Any]]) -> None:
        sources = specs.data_sources(spec)
        self.found = [SourceFacts(each, **facts[min(n, len(facts) - 1)]) for n, each in enumerate(sources)]

    def sources(self) -> Sequence[SourceFacts]:
        return self.found


def boxes(thin: int) -> dict[str, Any]:
    """One hundred boxes, some of them thinner than a pixel."""
    sides = np.tile(np.float32([0.2, 0.2, 0.5, 0.5]), (100, 1))
    sides[:thin, 3] = 0.0001
    return {"boxes": sides}


def frames(count: int) -> dict[str, Any]:
    return {"folds": {None: Amount(count)}}


def folds(*numbers: int) -> dict[str, Any]:
    return {"folds": {number: Amount(1) for number in numbers}}


@pytest.mark.parametrize(
    ("code", "text", "toolkit", "facts", "told"),
    [
        ("S462", TLT3, None, [boxes(1)], 0),
        ("S462", TLT3, None, [boxes(2)], 1),
        ("S414", TWO_RECORDS, None, [folds(0), folds(0, 1)], 0),
        ("S414", TWO_RECORDS, None, [folds(0), folds(0)], 1),
        ("S457", edited(CONVERT, "num_shards: 10", "num_shards: 3"), "tlt2", [frames(0)], 0),
        ("S457", edited(CONVERT, "num_shards: 10", "num_shards: 3"), "tlt2", [frames(2)], 1),
        ("S457", edited(CONVERT, "num_shards: 10", "num_shards: 3"), "tlt2", [frames(3)], 0),
        ("S418", RECORDS, "tlt3", [{"layout": "detectnet_v2", "no_index": SOME}], 0),
        ("S438", CONVERT, "tlt2", [{"upper_case": SOME}], 0),
        ("S438", TLT3, "tlt3", [{"upper_case": SOME}], 2),
        ("S441", TLT3, None, [{"sizes": {(900, 300): 1}}], 1),
        ("S441", TLT3, None, [{"sizes": {(300, 900): 1}}], 1),
        ("S441", TLT3, None, [{"sizes": {(320, 416): 1}}], 0),
    ],
)
def test_limits(code: str, text: str, toolkit: str | None, facts: list[dict[str, Any]], told: int) -> None:
    spec = specs.parse_text(text, specs.recognise(text, source="spec"), source="spec")
    found = rules.examine(rules.Subject(spec, toolkit, None, Known(spec, facts)), select=(code,))
    assert len([each for each in found if each.code == code]) == told
