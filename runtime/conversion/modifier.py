"""The sample modifier: frames left out or repeated for the sake of balance between classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from specs import Spec


@dataclass(frozen=True)
class Modifier:
    """``exempt`` is the fold left as it is; ``limit`` the most records in each other fold, None for no limit.

    Classes are target classes, what ``target_of`` makes of stored names; a class it does not name does not count.
    """

    target_of: Mapping[str, str] = field(default_factory=dict)
    only: frozenset[str] = frozenset()
    dominant: frozenset[str] = frozenset()
    imbalance: Mapping[str, float] = field(default_factory=dict)
    duplicates: int = 0
    limit: int | None = None
    exempt: int | None = None

    def copies(self, classes: Sequence[str], *, fold: int) -> int:
        """How often to write a frame with the stored ``classes``, as far as the limit of its fold allows."""
        if fold == self.exempt or not (self.only or self.dominant):
            return 1
        counts = Counter(self.target_of[name] for name in classes if name in self.target_of)
        if len(counts) == 1 and counts.keys() <= self.only:
            return 0
        return 1 + (self.duplicates if self._is_rare(counts) else 0)

    def room(self, *, fold: int, written: int) -> int | None:
        """How many records may still be written to ``fold``, which has ``written``; None for any number."""
        return None if self.limit is None or fold == self.exempt else self.limit - written

    def _is_rare(self, counts: Counter[str]) -> bool:
        """Whether a rare class outnumbers a dominant one by its factor; an absent dominant class counts 0."""
        rare = counts.keys() - self.dominant
        return any(
            counts[name] > counts[common] * self.imbalance.get(name, 1.0) for name in rare for common in self.dominant
        )


def modifier(spec: Spec, *, folds: int, validation_fold: int | None) -> Modifier:
    """The modifier that a DatasetExportConfig describes; ``folds`` is the number of partitions it names.

    Raises SpecError for a limit where no fold is left that it could hold for.
    """
    config = spec.message.sample_modifier_config
    limit = None
    if config.max_training_samples:
        training_folds = max(folds, 1) - (validation_fold is not None)
        if training_folds < 1:
            what = "max_training_samples has no fold to limit: the only one is the validation fold"
            raise spec.error("sample_modifier_config.max_training_samples", what)
        limit = config.max_training_samples // training_folds
    return Modifier(
        target_of=dict(config.source_to_target_class_mapping),
        only=frozenset(config.filter_samples_containing_only),
        dominant=frozenset(config.dominant_target_classes),
        imbalance=dict(config.minimum_target_class_imbalance),
        duplicates=config.num_duplicates,
        limit=limit,
        exempt=validation_fold,
    )
