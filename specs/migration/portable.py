"""What our programs do by a spec of TLT 3.0 and later and NVIDIA's refuse: taken out for them, put back for ours."""

from __future__ import annotations

from collections.abc import Mapping

from specs.migration import notes
from specs.migration.changes import Change
from specs.migration.moving import Move, Moving, number, same
from specs.migration.targets import OURS, Target
from specs.migration.tree import Field, Scalar, Section

RATE = "training_config.learning_rate"
CURVE, COSINE = f"{RATE}.soft_start_annealing_schedule", f"{RATE}.soft_start_cosine_annealing_schedule"
VALIDATION = "dataset_config.validation_data_sources"
FLIP = "augmentation_config.random_flip"
CLIMB = 0.01
"""A share of the training for NVIDIA's, whose rate has to climb."""

EFFECTS: Mapping[str, str] = {
    **{
        f"{network}.neg_pos_ratio": "NVIDIA's training ends with a type error where it is written; without it, it is 3"
        for network in ("ssd_config", "dssd_config")
    },
    COSINE: "NVIDIA's SSD takes no cosine: the rate stays up, and falls in the second half",
    VALIDATION: "NVIDIA's programs validate on folders of images and labels alone: nothing is validated",
}


def change(
    root: Section, fields: Mapping[str, bool], to: Target, changes: list[Change], effects: Mapping[str, str]
) -> Section:
    """``root``, a spec with ``fields``, as ``to`` reads it; ``root`` itself is used up. ``effects`` go over EFFECTS."""
    if to == OURS:
        taken = notes.take(root, OURS, changes, renamed=[FLIP])
        back = [Move(FLIP, FLIP, same, below_one)] if taken else []
        return Moving(root, fields, fields, ("tlt3", OURS), back, taken, changes=changes).run()
    gone = {path for path in EFFECTS if path != VALIDATION}
    if any(path.startswith(VALIDATION) and path.endswith(".tfrecords_path") for path, _ in root.walk()):
        gone.add(VALIDATION)
    flip, cosine = root.value(FLIP), root.find(COSINE)
    refused = isinstance(flip, Scalar) and below_one(flip.text) != flip.text
    moves = [Move(FLIP, FLIP, below_one, effect="NVIDIA's programs refuse 1")] if refused else []
    made = Moving(root, fields, fields, (OURS, ""), moves, {}, {**EFFECTS, **effects}, changes, gone).run()
    if isinstance(cosine, Section):
        _curve(made, {each.name: each.value.text for each in cosine.fields
                      if isinstance(each, Field) and isinstance(each.value, Scalar)})  # fmt: skip
    return made


def below_one(share: str | None) -> str | None:
    """A probability as NVIDIA's programs take it."""
    return share if share is None or number(share) < 1 else "0.9999"


def _curve(root: Section, cosine: Mapping[str, str]) -> None:
    """The schedule nearest to a ``cosine``."""
    climb = number(cosine.get("soft_start", "0")) or CLIMB
    made = root.section(CURVE)
    for name in ("min_learning_rate", "max_learning_rate"):
        made.put(name, Scalar(cosine.get(name, "0")))
    made.put("soft_start", Scalar(f"{climb:.6g}"))
    made.put("annealing", Scalar(f"{(1 + climb) / 2:.6g}"))
    notes.attach(made, notes.note(OURS, CURVE, notes.UNSET))
