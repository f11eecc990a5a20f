"""One file per kind of file that a model can be in; what they share is ``Model``.

``open(path, request)`` takes the kind by the end of the name. Nothing heavy is imported before a file is opened.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast, runtime_checkable

from tltpipe import registry
from tltpipe.errors import ModelError, TltpipeError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from runtime.data.recipe import Recipe
    from runtime.imaging.decoding import Whole
    from runtime.imaging.pixels import PixelBatch
    from runtime.imaging.placement import Placement, Seen
    from runtime.tasks import Prediction

LoadImage: TypeAlias = "Callable[[Whole], tuple[NDArray[np.uint8], Placement]]"
"""What a model takes of an image, uint8 [H, W, 3] RGB, and how it came to lie there. Raises DataError;
called from several threads."""


@runtime_checkable
class LoadsObjects(Protocol):
    """A ``LoadImage`` of a model that is shown one object at a time; a whole image it refuses with UsageError."""

    def load_object(self, place: Whole, box: NDArray[np.float32]) -> Seen:
        """What the model takes of the object in ``box`` [4] (left, top, right, bottom in pixels of the image). Raises
        DataError."""
        ...


FOLDER = "runtime.inference.backends"
CHECKPOINTS = "checkpoint"
FOREIGN = {
    ".etlt": "an encrypted model of NVIDIA's",
    ".hdf5": "a Keras model of NVIDIA's",
    ".h5": "a Keras model of NVIDIA's",
    ".engine": "a TensorRT engine",
    ".trt": "a TensorRT engine",
    ".uff": "a UFF model of NVIDIA's",
}


@dataclass(frozen=True)
class Device:
    """Where to compute: ``index`` of a CUDA GPU, None for the CPU. ``asked``: somebody named it, so nothing else will
    do; else a GPU is taken where there is one. ``numbered``: that one, if there are any; the CPU does where there is
    none, as for a training."""

    index: int | None = None
    asked: bool = False
    numbered: bool = False


def gpu_by_number(gpus: int, indices: Sequence[int]) -> Device:
    """By ``--gpus`` and ``--gpu_index``."""
    return Device(None, asked=True) if gpus < 1 else Device(indices[0] if indices else 0, numbered=bool(indices))


def device_of(text: str) -> Device:
    """``cpu``, ``cuda`` or ``cuda:1``. Raises UsageError."""
    match = re.fullmatch(r"cpu|cuda(?::(\d+))?", text.strip().lower())
    if match is None:
        raise UsageError(f'there is no device "{text}"', hint="cpu, cuda or cuda:1")
    return Device(None if match[0] == "cpu" else int(match[1] or 0), asked=True)


@dataclass(frozen=True)
class ModelRequest:
    """How a model is to be opened. ``network`` is the module in ``runtime.networks``; ``recipe`` None: what the model
    itself says is enough; ``key`` opens encrypted checkpoints."""

    network: str
    recipe: Recipe | None = None
    key: str | None = None
    device: Device = Device()
    threads: int | None = None
    """Threads that compute on the CPU; None: as many as prove fastest."""


class Model(Protocol):
    """Predicts on images."""

    about: str
    """What it is and where it runs, for people."""
    name: str
    """The network's name, ``ssd_resnet18``."""
    classes: tuple[str, ...]
    """Names of label 1 to N."""
    names: Mapping[str, tuple[str, ...]]
    """What places in fields of predictions mean, beside the classes (``Recipe.names``)."""
    input_size: tuple[int, int] | None
    """Height and width in pixels; None: each image keeps its own."""
    load_image: LoadImage

    @property
    def recipe(self) -> Recipe | None:
        """Of a checkpoint the one that it was built by, else that of the request."""
        ...

    def __call__(self, pixels: PixelBatch) -> Sequence[Prediction]:
        """The prediction for each of ``pixels``, in pixels of these."""
        ...


class Kind(Protocol):
    """What a module in this folder provides."""

    SUFFIXES: frozenset[str]
    """Ends of the names of such files."""

    def open(self, path: Path, request: ModelRequest) -> Model:
        """Raises ModelError for what is no such model, HostError where what it needs is not installed."""
        ...


def kind_of(path: Path) -> str:
    """The module for ``path``; a name that says nothing is a checkpoint's, which are known by their content.

    Raises ModelError for a file that is not there or is of a kind that only NVIDIA's programs read.
    """
    suffix = path.suffix.lower()
    if suffix in FOREIGN:
        if not path.exists() and (ours := _ours_beside(path)):
            raise ModelError("there is no such model", where=path, hint=f"tlt-train wrote {ours}: pass that")
        hint = "pass a checkpoint of tlt-train, or what tlt-export made of it (.onnx, .pt2)"
        raise ModelError(f"this is {FOREIGN[suffix]}, which only NVIDIA's programs read", where=path, hint=hint)
    if not path.is_file():
        what = "this is a folder, not a model" if path.is_dir() else "there is no such model"
        raise ModelError(what, where=path, hint="checkpoints lie in <results>/weights")
    for name in registry.names(FOLDER):
        if suffix in registry.load(FOLDER, name).SUFFIXES:
            return name
    return CHECKPOINTS


def network_of(path: Path, key: str | None = None) -> str:
    """The network of the model in ``path``, as it says itself. Raises ModelError for a file that is none of ours."""
    from runtime import networks
    from runtime.weights import card, checkpoint

    if kind_of(path) != CHECKPOINTS:
        return networks.family(card.read(path).network, path)
    return networks.family(str(checkpoint.facts(path, key)["network"]), path)


def needs_detector(where: Path | str) -> UsageError:
    """For the caller to raise where whole images are given to a model that is shown one object at a time."""
    what = "this model is shown one object at a time, and finds none itself"
    return UsageError(what, where=where, hint="put a detector before it: tltpipe infer --cascade DETECTOR MODEL IMAGES")


def _ours_beside(path: Path) -> Path | None:
    """The checkpoint of ours that has the name of NVIDIA's ``path``, but for the suffix."""
    return next((each for each in map(path.with_suffix, (".tlt", ".safetensors")) if each.is_file()), None)


def open(path: Path, request: ModelRequest) -> Model:
    """The model in ``path``, ready to predict. Raises ModelError, HostError."""
    name = kind_of(path)
    model = cast("Kind", registry.load(FOLDER, name)).open(path, request)
    if name != CHECKPOINTS:
        _try_out(model, path)
    return model


def _try_out(model: Model, path: Path) -> None:
    """Let ``model`` predict on a black image: its JSON may be of another model, or written by hand.

    Raises ModelError where it cannot.
    """
    import numpy as np

    try:
        model(np.zeros((1, *(model.input_size or (64, 64)), 3), np.uint8))
    except TltpipeError:
        raise
    except Exception as failure:  # runtimes raise whatever they came upon
        first = str(failure).strip().partition("\n")[0]
        hint = "is that JSON another model's, or was one of them changed? Export it again"
        raise ModelError(f"does not take and give what its JSON says: {first}", where=path, hint=hint) from failure
