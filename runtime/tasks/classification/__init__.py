"""Classification of an image as a whole: its category and other tasks with a single choice, attributes, one box.

A target has "choices" int64 [T], the place of each task's value from 1 (0: not known), "attributes" int8 [A] (1 yes, 0
no, -1 not known) and "box" float32 [4] in pixels of the input (zeros: none). A prediction has "label" int64 [], the
likeliest value of the first task from 1, "choices" float32 [sum of values], the probabilities of all values, task
after task, "attributes" float32 [A], and "box". What the places mean is said by ``Recipe.names``: "tasks",
"values/<task>", "attributes", "attribute_groups" (the group of each), "category_types" (the type of each category).
"""

from __future__ import annotations

from collections.abc import Mapping

from runtime.data.fields import Field, Fields
from runtime.tasks.classification.fields import Attributes, Choices, ObjectBox

CATEGORY = "category"
"""What the first task is called where nobody says."""


def fields(tasks: Mapping[str, tuple[str, ...]], attributes: tuple[str, ...], box: bool) -> Fields:
    """Those for ``tasks`` (name -> values; the first is the category), the names of ``attributes``, and a ``box``."""
    found: dict[str, Field] = {"choices": Choices(tasks)}
    if attributes:
        found["attributes"] = Attributes(attributes)
    if box:
        found["box"] = ObjectBox()
    return found


FIELDS: Fields = fields({CATEGORY: ()}, (), box=True)
