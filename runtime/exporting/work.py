"""An export from beginning to end: written aside, held against the original, and only then to be seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.exporting import formats, publishing
from runtime.shell import program
from tltpipe.errors import ExportError
from tltpipe.files import sha256

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from runtime.data.recipe import Recipe
    from runtime.exporting.formats import Format
    from runtime.inference.backends import Model
    from runtime.inference.backends.checkpoint import Trained
    from runtime.nn.export.subject import Made, Subject
    from runtime.weights.card import Card

COMPARED = 8
"""Pictures that the exported model must find the same on."""


@dataclass(frozen=True)
class Wanted:
    """The command line once it is known to make sense."""

    network: str
    model: Path
    recipe: Recipe | None
    key: str | None
    target: Path
    format: str
    data_type: str
    batch: int | None
    opset: int | None
    calibration: tuple[Path, ...]
    calibration_batch: int
    compare: int
    force: bool


def export(wanted: Wanted) -> None:
    """Write the model, hold it against the original, and only then let it appear. Raises ExportError."""
    from runtime.inference import backends
    from runtime.inference.backends import Device, checkpoint
    from runtime.weights import card

    asked = backends.ModelRequest(wanted.network, wanted.recipe, wanted.key, Device())
    original = checkpoint.open(wanted.model, replace(asked, device=Device(None, asked=True)))
    subject = _subject(wanted, original)
    format = formats.load(wanted.network, wanted.format)
    program.say(f"model       {original.name}, {len(original.classes)} classes")
    batch = ", any batch" if wanted.batch is None else f", batches of {wanted.batch}"
    program.say(f"format      {format.ABOUT}; {wanted.data_type}{batch if subject.size else ''}")
    with publishing.beside(wanted.target) as folder:
        path = folder / wanted.target.name
        made = format.write(subject, path)
        told = _card(wanted, subject, made)
        card.path_of(path).write_text(told.text(), encoding="utf-8")
        exported = backends.open(path, replace(asked, recipe=None))
        facts = _verify(format, subject, original, exported, wanted)
        if wanted.data_type == "int8":
            facts = _price(wanted, original, exported, subject, folder)
        told = replace(told, facts={**told.facts, **facts})
        texts = {card.path_of(wanted.target).name: told.text(), **made.beside}
        written = publishing.publish(folder, wanted.target, texts, force=wanted.force)
    size = f"{written[0].stat().st_size / 1e6:.1f} MB"
    program.say(f"wrote       {written[0]} ({size}), beside it {', '.join(each.name for each in written[1:])}")


def _subject(wanted: Wanted, original: Trained) -> Subject:
    from runtime.exporting import judging
    from runtime.nn.export.subject import Subject

    def batches() -> Iterator[NDArray[np.uint8]]:
        return judging.seen(original, wanted.calibration, batch=wanted.calibration_batch)

    return Subject(
        model=original.module,
        network=original.name,
        classes=original.classes,
        size=original.input_size,
        opset=wanted.opset or original.recipe.opset,
        batch=wanted.batch,
        data_type=wanted.data_type,
        calibration=batches if wanted.calibration else None,
        view=original.recipe.inference_view,
        names=original.recipe.names,
    )


def _card(wanted: Wanted, subject: Subject, made: Made) -> Card:
    from runtime.weights.card import Card
    from tltpipe import __version__

    return Card(
        kind=wanted.format,
        network=subject.network,
        classes=subject.classes,
        names=subject.names,
        size=subject.size,
        input=made.input,
        outputs=made.outputs,
        data_type=wanted.data_type,
        batch=wanted.batch,
        facts={"made": {"by": f"tltpipe {__version__}", "of": wanted.model.name, "sha256": sha256(wanted.model)}},
        **made.decoding,
    )


def _verify(format: Format, subject: Subject, original: Trained, exported: Model, wanted: Wanted) -> dict[str, Any]:
    """How far the two are apart. Raises ExportError where it is further than rounding, but for int8."""
    from runtime.exporting import judging

    if wanted.data_type == "int8":
        return {}
    images = judging.samples(original.input_size, COMPARED)
    difference = format.compare(subject, images, original(images), exported(images))
    program.say(f"verified    {exported.about}: {difference.text()}")
    if difference.doubt:
        program.warn(difference.doubt)
    if not difference.same:
        what = f"the exported model does not find the same: {difference.text()}"
        rounded = "nothing was written: 16 bits are too few for this network; use --data_type fp32"
        exact = "nothing was written; please report it with the spec"
        raise ExportError(what, hint=rounded if wanted.data_type == "fp16" else exact)
    return {"verified": {"with": exported.about, **difference.facts()}}


def _price(wanted: Wanted, original: Trained, int8: Model, subject: Subject, folder: Path) -> dict[str, Any]:
    """What int8 gains in size and time, and what it costs in accuracy where the spec has validation data."""
    from runtime import networks, tasks
    from runtime.data import frames
    from runtime.exporting import judging
    from runtime.inference import backends
    from runtime.weights import card
    from tltpipe import progress

    path = folder / "fp32" / wanted.target.name
    path.parent.mkdir()
    format = formats.load(wanted.network, wanted.format)
    full = replace(subject, data_type="fp32", calibration=None)
    made = format.write(full, path)
    card.path_of(path).write_text(_card(replace(wanted, data_type="fp32"), full, made).text(), encoding="utf-8")
    fp32 = backends.open(path, backends.ModelRequest(wanted.network))
    sizes = [(folder / wanted.target.name).stat().st_size, path.stat().st_size]
    times = [judging.milliseconds(each) for each in (int8, fp32)]
    program.say(f"int8        {sizes[0] / 1e6:.1f} MB instead of {sizes[1] / 1e6:.1f} MB")
    program.say(f"int8        {times[0]:.1f} ms a picture instead of {times[1]:.1f} ms ({int8.about})")
    facts: dict[str, Any] = {
        "bytes": dict(zip(("int8", "fp32"), sizes, strict=True)),
        "milliseconds": {name: round(value, 2) for name, value in zip(("int8", "fp32"), times, strict=True)},
        "calibration_pictures": len(wanted.calibration),
    }
    plan = original.recipe
    show = progress.for_stream()
    fields = tasks.fields(tasks.load(networks.load(plan.network).TASK), plan)
    split = frames.validation(plan, original.classes, fields, progress=show) if wanted.recipe else None
    if split is None:
        why = "the spec has no validation data" if wanted.recipe else "without -e there is no validation data"
        program.warn(f"{why}, so what int8 costs in accuracy is not known")
    else:
        after, before = judging.scores([int8, fp32], plan, split, limit=wanted.compare, progress=show)
        name, change = after.primary, after.value - before.value
        program.say(f"int8        {name} {after.value:.4f} instead of {before.value:.4f}: {change:+.4f}")
        facts[name] = {"int8": round(after.value, 5), "fp32": round(before.value, 5)}
    return {"int8": facts}
