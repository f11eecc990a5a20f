"""What the program says of a conversion, on the console and in status.json, in NVIDIA's words where it has any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from converters.model.ignore_regions import is_ignored
from runtime.conversion.layouts import Names
from runtime.conversion.work import UNMAPPED, Done
from runtime.shell import program
from runtime.shell.unmatched import NO_SEQUENCE
from tltpipe.losses import Losses, total

CLASS_MAP_HINT = (
    "For the dataset_config in the experiment_spec, please use labels in the tfrecords file, "
    "while writing the classmap.\n"
)

SHARES = "every box lies within one pixel: these look like shares of the image"
SHARES_HINT = "labels hold pixels: multiply x by the width and y by the height of each image"


def conclude(tally: Tally, status: program.StatusLog, *, kind: str, verbose: bool) -> None:
    """What was written: objects by class, and what each class is called in the records.

    ``status.json`` has it all, as NVIDIA tells it: class names as bytes where the source is of the ``kind`` "kitti".
    The console has it when ``verbose``.
    """
    if verbose:
        program.say("Cumulative object statistics")
        say_objects(tally.objects)
    status.write("RUNNING", "Cumulative object statistics", categorical={"num_objects": dict(tally.objects)})
    shown = _as_bytes if kind == "kitti" else str
    names = "".join(f"\n{shown(given)}: {shown(stored)}" for given, stored in tally.renamed.items())
    class_map = f"Class map. \nLabel in GT: Label in tfrecords file {names}"
    for text in (class_map, CLASS_MAP_HINT):
        status.write("RUNNING", text)
        if verbose:
            program.say(text.rstrip("\n"))
    if tally.dropped:
        program.warn(f"{len(tally.dropped)} boxes of no area were left out; the _warning.json file lists them")
        if tally.looks_like_shares:
            program.warn(f"{SHARES}: {SHARES_HINT}")
        for key, box in tally.dropped.items() if verbose else ():
            program.say(f"left out: {key} {box}")
    if tally.scores:
        program.warn(f"{tally.scores} label lines had a 16th column (a score); it was dropped")
    status.write("SUCCESS", "TFRecords generation complete.")


def say_objects(objects: Mapping[str, int]) -> None:
    program.say("Wrote the following numbers of objects:")
    for name, count in sorted(objects.items()):
        program.say(f"{_as_bytes(name)}: {count}")
    program.say("")


def _as_bytes(name: str) -> str:
    return repr(name.encode())


@dataclass
class Tally:
    """``written`` records by fold; the rest as in ``Done``, of all that is done."""

    written: Counter[int] = field(default_factory=Counter)
    objects: Counter[str] = field(default_factory=Counter)
    renamed: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, list[int]] = field(default_factory=dict)
    scores: int = 0
    losses: Losses = field(default_factory=Losses)

    def add(self, done: Done, *, fold: int) -> None:
        self.written[fold] += len(done.lengths)
        self.objects.update(done.objects)
        self.renamed |= done.renamed
        self.dropped |= done.dropped
        self.scores += done.scores
        self.losses.merge(done.losses)

    @property
    def looks_like_shares(self) -> bool:
        """Whether every box lies within one pixel, as shares of the image's size do."""
        within = all(0 <= value <= 1 for box in self.dropped.values() for value in box)
        return bool(self.dropped) and not self.objects and within

    def whole_losses(self, unmatched: Losses, names: Names) -> Losses:
        """The balance with classes as they are stored: of all that is done, and of what lies beside the frames.

        What the spec leaves out, by its mapping or its sequences, is of no class here: somebody chose that.
        """
        found = Losses(classes_read=dict(self.objects), classes_written=dict(self.objects))
        for part in (self.losses, unmatched):
            for name, reasons in part.classes_lost.items():
                for reason, count in reasons.items():
                    chosen = reason == NO_SEQUENCE or is_ignored(name)
                    found.leave_out(reason, classes=["" if chosen else names[name] or ""] * count)
        if unmapped := self.losses.lost.get(UNMAPPED):
            found.leave_out(UNMAPPED, classes=[""] * unmapped.items)
        both = total((unmatched, self.losses))
        found.read, found.written, found.lost = both.read, both.written, both.lost
        return found
