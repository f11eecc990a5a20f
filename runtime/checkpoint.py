"""Checkpoints: saving whole or not at all, loading with a word on what does not fit.

A ``.tlt`` of this runtime is a torch archive of one dictionary (Checkpoint's fields, plus a format number). It is not
encrypted. NVIDIA's ``.tlt`` is an encrypted HDF5 file and cannot be read here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tltpipe.errors import HostError, ModelError
from tltpipe.files import atomic

if TYPE_CHECKING:
    import torch

FORMAT = "tltpipe checkpoint 1"
HDF5 = b"\x89HDF\r\n\x1a\n"
ZIP = b"PK\x03\x04"


@dataclass(frozen=True)
class Checkpoint:
    """A detector after ``epoch`` whole epochs, and what is needed to go on from there.

    ``network`` is the file-name stem (``ssd_resnet18``), ``classes`` the foreground classes in id order, ``spec`` the
    text of the training spec. ``optimizer`` is None in a file for inference alone.
    """

    network: str
    classes: tuple[str, ...]
    epoch: int
    model: Mapping[str, torch.Tensor]
    optimizer: Mapping[str, Any] | None
    spec: str


def path_of(folder: Path, network: str, epoch: int) -> Path:
    """``weights/ssd_resnet18_epoch_010.tlt`` below ``folder``; epochs count from 1."""
    return folder / "weights" / f"{network}_epoch_{epoch:03d}.tlt"


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write ``checkpoint``; ``path`` is the old file or the whole new one. Raises HostError when it cannot be."""
    import torch

    content = {"format": FORMAT, **vars(checkpoint)}
    try:
        with atomic(path, "wb") as stream:
            torch.save(content, stream)
    except (OSError, RuntimeError) as failure:
        # On a full disk torch's archive writer fails with a RuntimeError of its own.
        raise HostError(f"this checkpoint could not be written: {failure}", where=path, hint="is there room?") from None


def load(path: Path) -> Checkpoint:
    """Read a checkpoint to the CPU. Raises ModelError for anything that is not a whole file of ours."""
    import torch

    _recognise(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as failure:  # torch raises whatever its archive reader and unpickler came upon
        hint = "the file may be cut short or damaged; use an earlier checkpoint"
        raise ModelError("this checkpoint cannot be read", where=path, hint=hint) from failure
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ModelError("a torch file, but not a checkpoint of tlt-train", where=path, hint="pass a .tlt it wrote")
    fields = {name: content[name] for name in Checkpoint.__dataclass_fields__}
    return Checkpoint(**{**fields, "classes": tuple(fields["classes"])})


def rotate(folder: Path, network: str, epoch: int, *, interval: int) -> None:
    """After ``epoch`` has been saved: drop the one before, unless the spec's ``checkpoint_interval`` keeps it."""
    if (epoch - 1) % max(1, interval) != 0:
        path_of(folder, network, epoch - 1).unlink(missing_ok=True)


def set_aside(folder: Path, network: str, first: int) -> Path | None:
    """Move checkpoints of ``first`` and later epochs, which an earlier run left, to ``weights/earlier``.

    Else a later resume could take one of them for the newest of this run. Returns that folder if anything moved.
    """
    pattern = re.compile(re.escape(network) + r"_epoch_(\d+)\.tlt")
    weights = folder / "weights"
    found = [path for path in weights.glob("*.tlt") if (name := pattern.fullmatch(path.name)) and int(name[1]) >= first]
    if not found:
        return None
    earlier = weights / "earlier"
    earlier.mkdir(exist_ok=True)
    for path in found:
        path.replace(earlier / path.name)
    return earlier


def check(checkpoint: Checkpoint, path: Path, *, network: str, classes: tuple[str, ...]) -> None:
    """Raise ModelError unless ``checkpoint`` holds this network and these classes, saying what differs."""
    if checkpoint.network != network:
        raise ModelError(
            f"the checkpoint holds {checkpoint.network}, the spec describes {network}",
            where=path,
            hint="pass the spec it was trained with, or another checkpoint",
        )
    if checkpoint.classes != classes:
        gone = ", ".join(sorted(set(checkpoint.classes) - set(classes)))
        new = ", ".join(sorted(set(classes) - set(checkpoint.classes)))
        parts = [f"only in the checkpoint: {gone}" if gone else "", f"only in the spec: {new}" if new else ""]
        raise ModelError(
            "the classes differ: " + "; ".join(part for part in parts if part),
            where=path,
            hint="make target_class_mapping the one it was trained with, or start anew with --initial_epoch 1",
        )


def restore(detector: torch.nn.Module, checkpoint: Checkpoint, path: Path) -> None:
    """Copy every weight of ``checkpoint`` into ``detector``; raises ModelError unless all names and shapes agree."""
    matching, others = _compare(detector, checkpoint)
    missing = [name for name in detector.state_dict() if name not in matching and name not in others]
    if others or missing:
        shown = ", ".join([*others, *missing][:3])
        count = len(others) + len(missing)
        what = f"{count} of its layers do not fit the network of this spec, among them {shown}"
        raise ModelError(what, where=path, hint="pass the spec it was trained with: check sizes, anchors and arch")
    detector.load_state_dict(dict(matching))


def restore_optimizer(optimizer: Any, checkpoint: Checkpoint, path: Path) -> None:
    """Give ``optimizer`` the momenta of ``checkpoint``; raises ModelError when it learns other layers."""
    try:
        optimizer.load_state_dict(dict(checkpoint.optimizer or {}))
    except (KeyError, ValueError) as mismatch:
        hint = "keep freeze_blocks as it was, or start anew with --initial_epoch 1"
        raise ModelError("its optimiser learned other layers than this spec's", where=path, hint=hint) from mismatch


def transfer(detector: torch.nn.Module, checkpoint: Checkpoint, path: Path) -> list[str]:
    """Start ``detector`` from pretrained weights by layer name; what does not fit keeps its initialisation.

    Returns lines that say what was taken and what was not. Raises ModelError when nothing fits.
    """
    matching, others = _compare(detector, checkpoint)
    own = detector.state_dict()
    if not matching:
        what = f"no layer of {checkpoint.network} in it fits this network"
        raise ModelError(what, where=path, hint="pretrained weights must come from the same arch")
    detector.load_state_dict({**own, **matching})
    lines = [f"pretrained weights: {len(matching)} of {len(own)} tensors from {path.name}"]
    missing = [name for name in own if name not in matching and name not in others]
    for what, names in (("other shape, not taken", others), ("not in the file, initialised anew", missing)):
        if names:
            lines.append(
                f"  {what}: {', '.join(names[:4])}" + (f" and {len(names) - 4} more" if len(names) > 4 else "")
            )
    return lines


def _compare(detector: torch.nn.Module, checkpoint: Checkpoint) -> tuple[dict[str, torch.Tensor], list[str]]:
    """The checkpoint's tensors that fit by name and shape, and the names of those that do not."""
    own = detector.state_dict()
    fit = {name: value for name, value in checkpoint.model.items() if name in own and own[name].shape == value.shape}
    return fit, [name for name in checkpoint.model if name not in fit and name in own]


def _recognise(path: Path) -> None:
    """Raise ModelError for what cannot be a checkpoint of ours, judged by its first bytes."""
    if not path.is_file():
        what = "this is a folder, not a checkpoint" if path.is_dir() else "there is no such checkpoint"
        raise ModelError(what, where=path, hint="checkpoints lie in <results>/weights/*.tlt")
    with path.open("rb") as stream:
        start = stream.read(8)
    if start.startswith(ZIP):
        return
    hint = "pass a .tlt that the open tlt-train wrote"
    if not start:
        raise ModelError("this checkpoint is empty", where=path, hint=hint)
    if start == HDF5:
        raise ModelError("an HDF5 file (Keras), which the open runtime does not read", where=path, hint=hint)
    raise ModelError(
        "not a checkpoint of the open runtime; NVIDIA's .tlt files are encrypted and cannot be read",
        where=path,
        hint=hint,
    )
