"""Which pictures and objects to keep, and under which names: the same choice on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from heapq import nsmallest
from typing import Any, Literal

from msgspec import structs

from converters.model import Dataset, KeypointSlot, Object, Pictures, Sample, attributes, joint_ids
from tltpipe.errors import UsageError

DROPPED = ("class", "crowd", "occlusion", "size", "zoom", "source", "left empty")
"""For what objects, or whole pictures (the last two), are dropped."""


Crowd = Literal["keep", "drop"]


@dataclass(frozen=True)
class Selection:
    """What is kept; the default keeps all.

    ``rename`` gives classes other names; two that get the same name are merged. ``classes`` keeps these, by their
    new names, and puts them in this order. ``max_occlusion`` counts as in KITTI, 0 to 2 (3, unknown, is kept);
    ``min_size`` is the shorter side of a box in pixels; ``max_zoom`` is DeepFashion2's 1 to 3. ``sources`` keeps
    pictures of these ("user", "shop"). ``subset`` keeps so many pictures of each split, chosen by the hash of their
    names. A picture that loses all its objects is dropped unless ``keep_empty``. ``crowd``: whether regions that are
    marked as crowd stay.
    """

    rename: Mapping[str, str] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    max_occlusion: int | None = None
    min_size: float = 0
    max_zoom: int | None = None
    sources: tuple[str, ...] = ()
    subset: int | None = None
    keep_empty: bool = False
    crowd: Crowd = "keep"

    def categories(self, before: Sequence[str]) -> tuple[str, ...]:
        """The categories, in order, of what was ``before``. Raises UsageError for a class that is not there."""
        for name in self.rename:
            if name not in before:
                raise UsageError(f'--rename: there is no class "{name}"', hint=f"the classes are {', '.join(before)}")
        after = tuple(dict.fromkeys(self.rename.get(name, name) for name in before))
        for name in self.classes:
            if name not in after:
                raise UsageError(f'--classes: there is no class "{name}"', hint=f"the classes are {', '.join(after)}")
        return self.classes or after

    def among(self, keys: Sequence[Any], pictures: Pictures) -> Sequence[Any]:
        """Those of ``keys``, of ``pictures``, that ``subset`` chooses, in their order."""
        if self.subset is None or self.subset >= len(keys):
            return keys
        # Ranked by a hash of the name: a larger subset contains the smaller one, and order does not matter.
        chosen = nsmallest(self.subset, ((rank(pictures.name(key)), place) for place, key in enumerate(keys)))
        return [keys[place] for place in sorted(place for _, place in chosen)]

    def apply(self, sample: Sample, dropped: dict[str, int]) -> Sample | None:
        """``sample`` as it is kept, None when it is not; ``dropped`` counts by the words of ``DROPPED``."""
        if self.sources and sample.source not in self.sources:
            dropped["source"] = dropped.get("source", 0) + 1
            return None
        if not self._touches:
            return sample
        objects = tuple(kept for thing in sample.objects if (kept := self._object(thing, dropped)) is not None)
        if sample.objects and not objects and not self.keep_empty:
            dropped["left empty"] = dropped.get("left empty", 0) + 1
            return None
        return structs.replace(sample, objects=objects)

    @cached_property
    def _touches(self) -> bool:
        limits = self.max_occlusion is not None or self.max_zoom is not None or self.min_size > 0
        return bool(limits or self.rename or self.classes or self.crowd == "drop")

    def _object(self, thing: Object, dropped: dict[str, int]) -> Object | None:
        if thing.category in self.rename:
            thing = structs.replace(thing, category=self.rename[thing.category])
        why = self.reason(thing)
        if why is None:
            return thing
        dropped[why] = dropped.get(why, 0) + 1
        return None

    def name(self, category: str) -> str:
        """What the class ``category`` is called from here on."""
        return self.rename.get(category, category)

    def reason(self, thing: Object) -> str | None:
        """For which of ``DROPPED`` a thing, which has its new name, is dropped; None for one that is kept."""
        if self.classes and thing.category not in self.classes:
            return "class"
        if self.crowd == "drop" and thing.crowd:
            return "crowd"
        if self.max_occlusion is not None and self.max_occlusion < thing.occlusion < 3:
            return "occlusion"
        if self.min_size and min(thing.box.width, thing.box.height) < self.min_size:
            return "size"
        zoom = thing.extra.get("zoom_in", 0)
        if self.max_zoom is not None and isinstance(zoom, int) and zoom > self.max_zoom:
            return "zoom"
        return None


def selected(dataset: Dataset, selection: Selection) -> Dataset:
    """``dataset`` with the categories and keypoints that ``selection`` leaves; its pictures are not filtered yet.

    A class merged from several with different landmarks has none. Raises UsageError for classes that are not there.
    """
    slots: dict[str, set[KeypointSlot]] = {}
    for name, slot in dataset.keypoints.items():
        slots.setdefault(selection.rename.get(name, name), set()).add(slot)
    keypoints = {name: found.pop() for name, found in slots.items() if len(found) == 1}
    categories = selection.categories(dataset.categories)
    named = {selection.rename.get(name, name): value for name, value in dataset.supercategories.items()}
    ids: dict[str, int] = {}
    for name, number in sorted(dataset.ids.items(), key=lambda pair: pair[1]):  # of merged ones the lowest
        ids.setdefault(selection.rename.get(name, name), number)
    return replace(
        dataset,
        categories=categories,
        keypoints={name: slot for name, slot in keypoints.items() if name in categories},
        supercategories={name: value for name, value in named.items() if name in categories},
        ids={name: number for name, number in ids.items() if name in categories},
    )


def joint(datasets: Sequence[Dataset], selection: Selection) -> list[Dataset]:
    """``datasets`` as ``selection`` leaves them, all with the same categories and attributes: those that any has.

    Raises UsageError for a class that ``selection`` names and none has.
    """
    categories = tuple(dict.fromkeys(name for dataset in datasets for name in dataset.categories))
    keypoints = {name: slot for dataset in datasets for name, slot in dataset.keypoints.items()}
    supercategories = {name: above for dataset in datasets for name, above in dataset.supercategories.items()}
    ids = joint_ids(datasets)
    common = (
        replace(each, categories=categories, keypoints=keypoints, supercategories=supercategories, ids=ids)
        for each in attributes.shared(dict(enumerate(datasets))).values()
    )
    return [selected(each, selection) for each in common]


def ranked(names: Sequence[str]) -> list[int]:
    """The places of ``names``, in the order in which a subset chooses them."""
    ranks = [rank(name) for name in names]
    return sorted(range(len(names)), key=ranks.__getitem__)


def rank(name: str) -> bytes:
    """Where ``name`` stands in that order."""
    return hashlib.blake2b(name.encode(), digest_size=8).digest()


def renames(texts: Sequence[str], *, option: str = "--rename") -> dict[str, str]:
    """``["old=new", ...]`` as a mapping. Raises UsageError that names ``option``."""
    pairs = [text.partition("=") for text in texts]
    for text, (old, _, new) in zip(texts, pairs, strict=True):
        if not old.strip() or not new.strip():
            raise UsageError(f'{option}: "{text}" must be OLD=NEW')
    return {old.strip(): new.strip() for old, _, new in pairs}
