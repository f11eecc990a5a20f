"""What the places in the fields of a prediction are called (``Recipe.names``), and the fields taken apart by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tltpipe.errors import ModelError

CATEGORY = "category"
"""What the first task is called where nobody says."""
Floats = NDArray[np.floating[Any]]


class Likely(NamedTuple):
    """A name and its probability."""

    name: str
    probability: float


@dataclass(frozen=True)
class Names:
    """``tasks`` and the ``values`` of each, the first of which is the category; ``attributes`` and the ``groups`` that
    they belong to, "" where there are none; ``types`` of the categories."""

    tasks: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    attributes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    types: tuple[str, ...] = ()

    @classmethod
    def read(cls, names: Mapping[str, tuple[str, ...]], classes: Sequence[str]) -> Names:
        """From ``Recipe.names``; ``classes`` are the values of the first task."""
        tasks = names.get("tasks") or (CATEGORY,)
        attributes = names.get("attributes", ())
        return cls(
            tasks,
            (tuple(classes), *(names.get(f"values/{task}", ()) for task in tasks[1:])),
            attributes,
            names.get("attribute_groups") or ("",) * len(attributes),
            names.get("category_types", ()),
        )

    @cached_property
    def members(self) -> dict[str, NDArray[np.intp]]:
        """The places of the attributes of each group, in the order in which groups come; none without groups."""
        groups = np.array(self.groups, object)
        return {name: np.flatnonzero(groups == name) for name in dict.fromkeys(self.groups) if name}

    def by_task(self, choices: NDArray[Any]) -> list[Floats]:
        """The probabilities [..., V] of the values of each task, from "choices" of a prediction or of a target, whose
        values have a probability of 1 and are unknown where it is 0 everywhere. Raises ModelError for another number
        of values than there are names."""
        counts = [len(values) for values in self.values]
        if np.issubdtype(choices.dtype, np.integer):
            one_hot = [np.eye(count + 1, dtype=np.float32)[:, 1:] for count in counts]
            return [each[choices[..., task]] for task, each in enumerate(one_hot)]
        if choices.shape[-1] != sum(counts):
            what = f"this model tells {choices.shape[-1]} values apart, {sum(counts)} are named"
            raise ModelError(what, hint="are its names another model's? Export it again")
        return np.split(choices, np.cumsum(counts)[:-1], axis=-1)

    def likeliest(self, choices: NDArray[Any], count: int) -> list[list[Likely]]:
        """Of each task the ``count`` likeliest values, of "choices" [sum of values] of one image."""
        return [self.likeliest_values(task, part, count) for task, part in enumerate(self.by_task(choices))]

    def likeliest_values(self, task: int, probabilities: Floats, count: int) -> list[Likely]:
        """Of one task, of its own ``probabilities`` [V]."""
        values = self.values[task]
        return self._named(values, probabilities, np.arange(len(values)), count)

    def likeliest_attributes(self, probabilities: Floats, count: int, group: str | None = None) -> list[Likely]:
        """The ``count`` likeliest attributes, of all or of a ``group``. Raises ModelError as ``by_task`` does."""
        attributes = self.attributes or tuple(f"attribute {number + 1}" for number in range(len(probabilities)))
        if len(probabilities) != len(attributes):
            what = f"this model has {len(probabilities)} attributes, {len(attributes)} are named"
            raise ModelError(what, hint="are its names another model's? Export it again")
        places = np.arange(len(attributes)) if group is None else self.members[group]
        return self._named(attributes, probabilities, places, count)

    @staticmethod
    def _named(names: Sequence[str], probabilities: Floats, places: NDArray[np.intp], count: int) -> list[Likely]:
        best = places[ranked(probabilities[places])[:count]].tolist()
        return [Likely(names[at], float(probabilities[at])) for at in best if probabilities[at] > 0]


def ranked(scores: Floats) -> NDArray[np.intp]:
    """Places along the last axis, the highest score first; of equals the first."""
    return np.argsort(-scores, axis=-1, kind="stable")
