"""What the program says of a conversion, on the console and in status.json, in NVIDIA's words where it has any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from runtime.shell import program

if TYPE_CHECKING:
    from runtime.conversion.tally import Tally

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
