"""Names that a spec leaves out, as the training data list them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime.data import frames
from runtime.tasks.classification.names import CATEGORY
from tltpipe.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from converters.model import Dataset
    from runtime.data.recipe import Recipe
    from specs.multitask import Dataset as Section


def missing(recipe: Recipe[Any]) -> Mapping[str, Any]:
    """Fields of the section "dataset" that the spec does not have, and what they are. Raises DataError and SpecError
    for data that cannot be read, and that lack what the spec asks for."""
    asked: Section = recipe.spec.message.dataset
    optional = (asked.category_types, asked.attributes, asked.attribute_groups)
    if asked.classes and asked.tasks and None not in optional and len(asked.values) == len(asked.tasks) - 1:
        return {}
    opened = list(frames.training_sets(recipe))
    found: dict[str, Any] = {"classes": asked.classes or frames.categories(recipe)}
    groups = {each.name: each.group for dataset in reversed(opened) for each in dataset.attributes}
    listed = dict.fromkeys(each.name for dataset in opened for each in dataset.attributes)
    found["attributes"] = attributes = tuple(listed) if asked.attributes is None else asked.attributes
    if asked.attribute_groups is None:
        found["attribute_groups"] = tuple(groups.get(name, "") for name in attributes)
    if asked.category_types is None:
        found["category_types"] = _types(opened, found["classes"])
    found["tasks"] = tasks = _tasks(recipe, opened)
    if len(asked.values) < len(tasks) - 1:
        found["values"] = tuple(_values(recipe, opened, tasks[1:]))
    if recipe.spec.message.model.heads == "per_type":
        _require_types(recipe, found["classes"], found.get("category_types", asked.category_types or ()))
    return found


def _tasks(recipe: Recipe[Any], opened: Sequence[Dataset]) -> tuple[str, ...]:
    """Those of the spec, else those of the data. Raises SpecError where both have some and begin with another one: the
    first is the category."""
    asked: tuple[str, ...] = recipe.spec.message.dataset.tasks
    told = next((dataset.tasks for dataset in opened if dataset.tasks), ())
    if asked and told and asked[0] != told[0]:
        what = f'the first of tasks must be "{told[0]}", the first column of the training data, not "{asked[0]}"'
        raise recipe.spec.error("dataset.tasks", what, hint=f"write tasks: [{', '.join((told[0], *asked))}]")
    return asked or told or (CATEGORY,)


def _types(opened: Sequence[Dataset], classes: Sequence[str]) -> tuple[str, ...]:
    """The type of each of ``classes``, "" where the data do not say it; empty where they say none."""
    types = {name.lower(): kind for dataset in reversed(opened) for name, kind in dataset.supercategories.items()}
    found = tuple(types.get(name.lower(), "") for name in classes)
    return found if any(found) else ()


def _require_types(recipe: Recipe[Any], classes: Sequence[str], types: Sequence[str]) -> None:
    if lacking := [name for name, kind in zip(classes, types or [""] * len(classes), strict=True) if not kind]:
        what = f"heads: per_type needs the type of every category, and the training data have none of {lacking[0]}"
        hint = "write heads: joint, or category_types with a type for each of the classes"
        raise recipe.spec.error("model.heads", what, hint=hint)


def _values(recipe: Recipe[Any], opened: Sequence[Dataset], tasks: Sequence[str]) -> list[tuple[str, ...]]:
    """The values of each of ``tasks`` that occur in the training data, sorted."""
    found: dict[str, dict[str, None]] = {task: {} for task in tasks}
    others: dict[str, None] = {}
    for dataset in opened:
        for sample in dataset:
            for thing in sample.objects:
                others.update(dict.fromkeys(thing.extra))
                for task in tasks:
                    if (value := str(thing.extra.get(task, ""))) != "":
                        found[task][value] = None
    if empty := [task for task in tasks if not found[task]]:
        what = f'the training data say nothing of the task "{empty[0]}"'
        hint = f"they have {', '.join(others)}" if others else "tasks are columns of a CSV of several tasks"
        raise DataError(what, where=recipe.spec.where("dataset.tasks"), hint=hint)
    return [tuple(sorted(values)) for values in found.values()]
