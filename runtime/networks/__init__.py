"""One folder per network: what the training loop, the evaluation and the inference know of any of them.

``load("ssd")`` gives a module that fulfils ``Network``; what its ``build`` returns is a ``torch.nn.Module`` that
fulfils ``Model``. The engine calls nothing else, so a new network is one new folder here, and one in ``specs``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast, runtime_checkable

from tltpipe import registry
from tltpipe.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor, nn

    from runtime.data.recipe import Recipe
    from runtime.data.split import Split
    from specs import Spec


Tensors: TypeAlias = "Mapping[str, Tensor]"
"""A target or a prediction of one image (``runtime.tasks``), field by field: "boxes" float32 [n, 4] left, top, right,
bottom in pixels of the input, of shape [0, 4] where n is 0; "labels" int64 [n] from 1; of predictions "scores" float32
[n], 0 to 1, best first."""
ImageTensors: TypeAlias = "Tensor | Sequence[Tensor]"
"""RGB from 0 to 255: float32 [B, 3, H, W] or, for models without an ``input_size``, B of [3, H, W]. The model itself
does what its backbone wants done to pixels."""


class Model(Protocol):
    """A ``torch.nn.Module`` that learns and predicts."""

    input_size: tuple[int, int] | None
    """Height and width of the images it takes; None: of any size, each its own."""
    training: bool

    def forward(self, images: ImageTensors, targets: Sequence[Tensors]) -> dict[str, Tensor]:
        """Scalar losses, to be summed; in evaluation mode those of validation, without regularisation."""
        ...

    def __call__(self, images: ImageTensors, targets: Sequence[Tensors]) -> dict[str, Tensor]:
        """``forward``."""
        ...

    def predict(self, images: ImageTensors) -> Sequence[Tensors]:
        """The prediction for each image, without gradients; to be called in evaluation mode."""
        ...

    def train(self, mode: bool = True) -> nn.Module: ...

    def eval(self) -> nn.Module: ...

    def compile(self) -> None: ...

    def modules(self) -> Iterator[nn.Module]: ...

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]:
        """All of them; those that the spec froze have ``requires_grad`` False."""
        ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> Any: ...


@runtime_checkable
class PredictsWithLoss(Protocol):
    """A model that has both from one pass. One without is validated in two passes, which takes longer."""

    def predict_with_loss(
        self, images: ImageTensors, targets: Sequence[Tensors]
    ) -> tuple[Sequence[Tensors], dict[str, Tensor]]:
        """In evaluation mode, without gradients: the predictions and the validation losses."""
        ...


@runtime_checkable
class FollowsEpochs(Protocol):
    """A model that does not learn in the same way in all epochs."""

    def begin_epoch(self, epoch: int) -> None:
        """``epoch`` (from 1) comes next: called before each one, the first after a resume too."""
        ...


@runtime_checkable
class LearnsFromSplit(Protocol):
    """A model that has to know all of the training data before it learns, such as how often something occurs."""

    def begin_training(self, split: Split) -> None:
        """``split`` is what it is going to learn from: called once, in every process, a resumed one too."""
        ...


class Network(Protocol):
    """The module-level names of a folder in ``runtime/networks``."""

    TASK: str
    """A module in ``runtime.tasks``."""

    def recipe(self, spec: Spec) -> Recipe[Any]:
        """The one reading of a spec of this network: past it nobody looks into the spec again."""
        ...

    def build(self, recipe: Recipe[Any]) -> Model:
        """A model with random weights. Raises SpecError when the recipe asks for something that cannot be built."""
        ...


def load(name: str) -> Network:
    """The network ``name``."""
    return cast("Network", registry.load("runtime.networks", name))


def recipe(spec: Spec) -> Recipe[Any]:
    """What ``spec`` asks its network for."""
    return load(spec.kind).recipe(spec)


@runtime_checkable
class Prunable(Protocol):
    """A model whose filters can be pruned (``runtime.pruning``)."""

    input_size: tuple[int, int]
    outputs: tuple[str, ...]
    """Submodules whose outputs leave the model: their filters are never pruned."""
    of_classes: tuple[str, ...]
    """Those of ``outputs`` that have other filters for other classes."""
    prefixes: tuple[str, ...]
    """Beginnings of layers' names that users may leave out, the longest first."""

    def raw(self, images: Tensor) -> Any:
        """Images float32 [B, 3, H, W] to tensors, all by operations on them: ``torch.export`` traces it."""
        ...


@runtime_checkable
class HasBackbone(Protocol):
    """A model around a backbone of ``runtime.nn.backbones``, which others' weights are made to fit."""

    arch: str
    """The family: a module in ``runtime.nn.backbones`` and in ``runtime.weights.pretrained.families``."""
    backbone_name: str
    """The submodule that it is."""
    input_size: tuple[int, int]


@runtime_checkable
class NamesForeignWeights(Protocol):
    """A model that takes tensors of others' files under other names than its own."""

    def foreign_names(self, name: str) -> Sequence[str]:
        """The names of its own tensors that the tensor ``name`` of a file may be, the likeliest first."""
        ...


@runtime_checkable
class Inseparable(Protocol):
    """A model some of whose layers other networks have, too, by the same names and shapes: weights that lack the rest
    are refused."""

    inseparable: str
    """How the names of the tensors begin that weights must have all of."""


@runtime_checkable
class Advises(Protocol):
    """A network that has something to say about a spec and its data before training starts."""

    def advice(self, model: Model, classes: Sequence[str], split: Split) -> Sequence[str]:
        """Lines for the user about ``model``, which ``build`` made, and ``split``; none where all is well."""
        ...


def family(name: str, path: Path | None = None) -> str:
    """The folder here that a network called ``name``, that of the model in ``path``, is of: "ssd" for "ssd_resnet18".

    The longest name that fits. Raises ModelError where none does.
    """
    known = registry.names("runtime.networks")
    found = registry.family(name, known)
    if found is None:
        raise ModelError(f'there is no network "{name}" here', where=path, hint=f"known: {', '.join(known)}")
    return found
