"""Pictures that belong together by their names."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from converters.partition.facts import Facts
from converters.partition.relations import Relation
from converters.partition.traits import hashed
from tltpipe.errors import UsageError

EXAMPLE = "--group-by '^(patient[0-9]+)_'"


@dataclass(frozen=True)
class Named:
    """Pictures with the same text in their names; how many texts there are, and how many pictures have none."""

    relation: Relation
    groups: int
    alone: int

    @property
    def note(self) -> str:
        """What to tell of it."""
        alone = f"; {self.alone:,} images match nothing and are each on their own" if self.alone else ""
        return f"{self.groups:,} groups by name (--group-by){alone}"


def named(facts: Facts, pattern: str) -> Named:
    """Pictures in whose names (paths without extension) the first group of ``pattern``, or else all of it, is the same.

    Raises UsageError for a pattern that is no regular expression, or that no name matches.
    """
    try:
        expression = re.compile(pattern)
    except re.error as problem:
        what = f'--group-by: "{pattern}" is not a regular expression: {problem}'
        raise UsageError(what, hint=EXAMPLE) from None
    owners, labels = [], []
    for picture in range(len(facts)):
        if (match := expression.search(facts.own_name(picture))) is not None:
            owners.append(picture)
            labels.append(hashed((match[1] if expression.groups else match[0]) or ""))
    if not owners:
        example = facts.own_name(0)
        raise UsageError(f'--group-by: "{pattern}" matches no image', hint=f"names are such as {example}; {EXAMPLE}")
    relation = Relation(np.array(owners, np.int32), np.array(labels, np.uint64))
    return Named(relation, len(relation), len(facts) - len(owners))
