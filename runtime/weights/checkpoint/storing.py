"""Saving and loading: from a Checkpoint to one file and back."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from runtime.weights.checkpoint import encryption
from runtime.weights.checkpoint.state import ENCRYPTED, OPEN, Checkpoint, Resume
from tltpipe import __version__, inputs
from tltpipe.errors import HostError, ModelError
from tltpipe.files import atomic, write_text

if TYPE_CHECKING:
    import torch

    from runtime.weights.checkpoint.tensor_file import Reader

FORMAT = "tltpipe checkpoint 2"
FACTS = "tltpipe"
"""The key in the header of a safetensors file under which everything but tensors lies."""
RESUME = "resume/"
AS_PRETRAINED = "tlt-train -m takes it as pretrained weights, where --initial_epoch is 1"

HDF5 = b"\x89HDF\r\n\x1a\n"
ZIP = b"PK\x03\x04"
PICKLE = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""How files begin that torch wrote before it wrote archives."""

Kind = Literal["encrypted", "safetensors", "torch"]


def save(
    path: Path, checkpoint: Checkpoint, key: str | None = None, *, ready: Callable[[], None] = lambda: None
) -> None:
    """Write ``checkpoint``, encrypted where there is a ``key``; ``path`` is the old file or the whole new one.

    ``ready`` is called once all is on the disk, right before the file is moved into place, which an error prevents.
    Beside a file that is not encrypted goes its ``.json``. Raises HostError when there is no room or no permission.
    """
    from runtime.weights.checkpoint import tensor_file

    facts, tensors = _taken_apart(checkpoint)
    metadata = {"format": "pt", FACTS: json.dumps(facts)}
    try:
        with atomic(path, "wb") as stream:
            if key:
                with encryption.sealed(stream, key) as sealed:
                    tensor_file.write(sealed, tensors, metadata)
            else:
                tensor_file.write(stream, tensors, metadata)
            stream.flush()
            os.fsync(stream.fileno())
            ready()
        if not key:
            write_text(path.with_suffix(".json"), json.dumps(_for_people(checkpoint, facts, path), indent=2) + "\n")
    except OSError as failure:
        what = f"this checkpoint could not be written: {failure.strerror or failure}"
        raise HostError(what, where=path, hint="is there room, and permission?") from None


def load(path: Path, key: str | None = None, *, resume: bool = True) -> Checkpoint:
    """Read a checkpoint to the CPU, without what only training needs unless ``resume``.

    Raises ModelError for anything that is not a whole file of ours, for a wrong key and for none where one is needed.
    """
    from runtime.weights.checkpoint import tensor_file

    with _reading(path, key) as reader:
        facts = _facts(reader)
        tensors = reader.read()
        try:
            return _put_together(facts, tensors, resume=resume)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise tensor_file.Damaged("its JSON is of another form") from None


def facts(path: Path, key: str | None = None) -> Mapping[str, Any]:
    """The JSON of a checkpoint (network, classes, epoch, metrics, spec, ...) without reading its tensors.

    Raises ModelError as ``load`` does.
    """
    with _reading(path, key) as reader:
        return _facts(reader)


def is_ours(path: Path) -> bool:
    """Whether a safetensors file, not encrypted, says that it is a checkpoint of ours; its content may be damaged."""
    from runtime.weights.checkpoint import tensor_file

    try:
        with _reachable(path), inputs.opened(path) as stream:
            return FACTS in tensor_file.Reader(stream, limit=os.fstat(stream.fileno()).st_size).metadata
    except tensor_file.Damaged:
        return False


def recognise(path: Path) -> Kind:
    """What ``path`` is, judged by its first bytes: ``safetensors`` and ``torch`` may be anybody's.

    Raises ModelError for what can be no weights that we read, HostError for what the machine does not let us read.
    """
    if not path.is_file():
        what = "this is a folder, not a checkpoint" if path.is_dir() else "there is no such checkpoint"
        raise ModelError(what, where=path, hint=f"checkpoints lie in <results>/weights/*{OPEN} or *{ENCRYPTED}")
    with _reachable(path), inputs.opened(path) as stream:
        start = stream.read(16)
    if start.startswith(encryption.MAGIC):
        return "encrypted"
    if start.startswith(ZIP) and (kind := _exported(path)) is not None:
        hint = "pass the checkpoint of tlt-train that it was made of"
        raise ModelError(f"{kind}, not a checkpoint", where=path, hint=hint)
    if start.startswith((ZIP, PICKLE)):
        return "torch"
    if start[8:9] == b"{" and 2 <= int.from_bytes(start[:8], "little") <= 100_000_000:
        return "safetensors"
    hint = "pass a checkpoint that the open tlt-train wrote"
    if not start:
        raise ModelError("this checkpoint is empty", where=path, hint=hint)
    if start.startswith(HDF5):
        raise ModelError("an HDF5 file (Keras), which the open runtime does not read", where=path, hint=hint)
    what = "not a checkpoint of the open runtime, or damaged; NVIDIA's .tlt files are encrypted and cannot be read"
    raise ModelError(what, where=path, hint=hint)


def _exported(path: Path) -> str | None:
    """What kind of program a zip of torch's holds, None for tensors alone: all of them have the same first bytes."""
    try:
        with _reachable(path), zipfile.ZipFile(path) as archive:
            names = [name.partition("/")[2] for name in archive.namelist()]
    except zipfile.BadZipFile:
        return None  # torch tells more of it
    if any(name.startswith("code/") for name in names):
        return "a TorchScript program"
    return "a program of torch.export" if any(name.startswith("models/") for name in names) else None


@contextmanager
def _reading(path: Path, key: str | None) -> Iterator[Reader]:
    """The safetensors in ``path``, decrypted if need be; what goes wrong with it is a ModelError that names it."""
    from runtime.weights.checkpoint import tensor_file

    kind = recognise(path)
    if kind == "torch":
        raise ModelError("a torch file, but not a checkpoint of tlt-train", where=path, hint=AS_PRETRAINED)
    try:
        with _reachable(path), inputs.opened(path) as stream:
            limit = os.fstat(stream.fileno()).st_size
            if kind == "encrypted":
                yield tensor_file.Reader(encryption.opened(stream, _needed(key)), limit=limit)
            else:
                yield tensor_file.Reader(stream, limit=limit)
    except ModelError as error:
        error.where = path
        raise
    except tensor_file.Damaged as damage:
        hint = "the file may be cut short or damaged; use an earlier checkpoint"
        raise ModelError(f"this checkpoint cannot be read: {damage}", where=path, hint=hint) from None


@contextmanager
def _reachable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as refusal:
        raise HostError(f"this checkpoint cannot be read: {refusal.strerror or refusal}", where=path) from None


def _needed(key: str | None) -> str:
    if not key:
        raise ModelError(
            "this checkpoint is encrypted and no key was given", hint="pass the key it was saved with: -k KEY"
        )
    return key


def _facts(reader: Reader) -> dict[str, Any]:
    from runtime.weights.checkpoint import tensor_file

    if FACTS not in reader.metadata:
        raise ModelError("a safetensors file, but not a checkpoint of tlt-train", hint=AS_PRETRAINED)
    try:
        told = json.loads(reader.metadata[FACTS])
        version = told["format"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise tensor_file.Damaged("its JSON is of another form") from None
    if version != FORMAT:
        raise ModelError(
            f'a checkpoint of another version of tltpipe: "{version}"', hint="use that version, or a newer one"
        )
    return dict(told)


def _taken_apart(checkpoint: Checkpoint) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Facts for JSON, and all tensors by the names they get in the file."""
    from runtime.weights.checkpoint.packing import pack

    tensors = dict(checkpoint.model)
    if wrong := [name for name in tensors if name.startswith(RESUME)]:
        raise ValueError(f"no layer may be called {wrong[0]}")
    facts: dict[str, Any] = {
        "format": FORMAT,
        "network": checkpoint.network,
        "classes": list(checkpoint.classes),
        "epoch": checkpoint.epoch,
        "pruned": checkpoint.pruned,
        "metrics": _plain(checkpoint.metrics),
        "spec": checkpoint.spec,
        "resume": None,
    }
    if (resume := checkpoint.resume) is not None:
        facts["resume"] = {
            "optimizer": pack(resume.optimizer, f"{RESUME}optimizer", tensors),
            "step": resume.step,
            "weights": None if resume.weights is None else list(resume.weights),
            "numbers": pack(resume.numbers, f"{RESUME}numbers", tensors),
        }
        tensors |= {f"{RESUME}weights/{name}": tensor for name, tensor in (resume.weights or {}).items()}
    return facts, tensors


def _put_together(facts: Mapping[str, Any], tensors: Mapping[str, torch.Tensor], *, resume: bool) -> Checkpoint:
    from runtime.weights.checkpoint.packing import unpack

    found = None
    if resume and (told := facts["resume"]) is not None:
        names = told["weights"]
        weights = None if names is None else {name: tensors[f"{RESUME}weights/{name}"] for name in names}
        optimizer, numbers = (unpack(told[name], tensors) for name in ("optimizer", "numbers"))
        found = Resume(optimizer, told["step"], weights, numbers)
    model = {name: tensor for name, tensor in tensors.items() if not name.startswith(RESUME)}
    plain = {name: facts[name] for name in ("network", "epoch", "spec", "pruned", "metrics")}
    return Checkpoint(classes=tuple(facts["classes"]), model=model, resume=found, **plain)


def _for_people(checkpoint: Checkpoint, facts: Mapping[str, Any], path: Path) -> dict[str, Any]:
    shown = {name: facts[name] for name in ("format", "network", "classes", "epoch", "pruned", "metrics")}
    return {
        "file": path.name,
        **shown,
        "step": checkpoint.resume.step if checkpoint.resume else None,
        "resumable": checkpoint.resume is not None,
        "tensors": len(checkpoint.model),
        "numbers": sum(tensor.numel() for tensor in checkpoint.model.values()),
        "bytes": path.stat().st_size,
        "written_by": f"tltpipe {__version__}",
        "spec": checkpoint.spec.splitlines(),
    }


def _plain(value: Any) -> Any:
    """Figures as JSON has them: numbers of NumPy and torch as Python's, None for what is no number."""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and (value != value or abs(value) == float("inf")) else value
