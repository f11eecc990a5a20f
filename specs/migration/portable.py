"""What our programs do by a training spec of SSD and NVIDIA's refuse: taken out for them, put back for ours."""

from __future__ import annotations

from collections.abc import Mapping

from specs.migration import notes
from specs.migration.changes import Change
from specs.migration.moving import Convert, Move, Moving, number, same
from specs.migration.targets import OURS, Target
from specs.migration.tree import Field, Scalar, Section
from specs.ssd.sections import AUGMENTATION, COSINE, KINDS, SCHEDULE, STOPPING, VALIDATION

FLIP = f"{AUGMENTATION}.random_flip"
PERIOD = "eval_config.validation_period_during_training"
MONITOR = f"{STOPPING}.monitor"
LOSSES = [Scalar(name, quoted=True) for name in ("validation_loss", "val_loss")]
CLIMB = 0.01
"""A share of the training for NVIDIA's, whose rate has to climb."""

EFFECTS: Mapping[str, str] = {
    **{
        f"{kind}_config.neg_pos_ratio": "NVIDIA's training ends with a type error where it is written; it is 3 else"
        for kind in KINDS
    },
    COSINE: "NVIDIA's SSD takes no cosine: the rate stays up, and falls in the second half",
    STOPPING: "nothing is validated: the training goes on to its last epoch",
    VALIDATION: "NVIDIA's programs validate on folders of images and labels alone: nothing is validated",
}


def change(
    root: Section, fields: Mapping[str, bool], to: Target, changes: list[Change], effects: Mapping[str, str]
) -> Section:
    """``root``, a spec with ``fields``, as ``to`` reads it; ``root`` itself is used up. ``effects`` go over EFFECTS."""
    if to == OURS:
        moves = [Move(FLIP, FLIP, same, below_one), Move(PERIOD, PERIOD, same, _once)]
        taken = notes.take(root, OURS, changes, renamed={move.new for move in moves})
        back = [move for move in moves if move.new in taken]
        return Moving(root, fields, fields, ("", OURS), back, taken, changes=changes).run()
    gone = {path for path in EFFECTS if path not in (VALIDATION, STOPPING)}
    if any(path.startswith(VALIDATION) and path.endswith(".tfrecords_path") for path, _ in root.walk()):
        gone.add(VALIDATION)
        if root.value(MONITOR) in LOSSES and VALIDATION not in effects:
            gone.add(STOPPING)
    cosine = root.find(COSINE)
    moves = [Move(FLIP, FLIP, below_one, effect="NVIDIA's programs refuse 1")] if _is(root, FLIP, below_one) else []
    if root.value(MONITOR) in LOSSES and STOPPING not in gone and _is(root, PERIOD, _once):
        effect = "NVIDIA's programs stop by a validation loss only if they validate after every epoch"
        moves.append(Move(PERIOD, PERIOD, _once, effect=effect))
    made = Moving(root, fields, fields, (OURS, ""), moves, {}, {**EFFECTS, **effects}, changes, gone).run()
    if isinstance(cosine, Section):
        _curve(made, {each.name: each.value.text for each in cosine.fields
                      if isinstance(each, Field) and isinstance(each.value, Scalar)})  # fmt: skip
    return made


def _is(root: Section, path: str, refused: Convert) -> bool:
    """Whether the value at ``path`` is one that NVIDIA's programs refuse."""
    value = root.value(path)
    return isinstance(value, Scalar) and refused(value.text) != value.text


def _once(period: str | None) -> str | None:
    return None if period is None else "1"


def below_one(share: str | None) -> str | None:
    """A probability as NVIDIA's programs take it."""
    return share if share is None or number(share) < 1 else "0.9999"


def _curve(root: Section, cosine: Mapping[str, str]) -> None:
    """The schedule nearest to a ``cosine``."""
    climb = number(cosine.get("soft_start", "0")) or CLIMB
    made = root.section(SCHEDULE)
    for name in ("min_learning_rate", "max_learning_rate"):
        made.put(name, Scalar(cosine.get(name, "0")))
    made.put("soft_start", Scalar(f"{climb:.6g}"))
    made.put("annealing", Scalar(f"{(1 + climb) / 2:.6g}"))
    notes.attach(made, notes.note(OURS, SCHEDULE, notes.UNSET))
