"""One folder or file per network: what the training loop, the evaluation and the inference know of any of them.

``registry.load("runtime.networks", "ssd")`` gives a module that fulfils ``Network``; what its ``build`` returns is a
``torch.nn.Module`` that fulfils ``Detector``. The loop calls nothing else, so a new network is one new file here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypedDict, cast, runtime_checkable

from tltpipe import registry
from tltpipe.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor, nn

    from runtime.data.recipe import Recipe
    from specs import Spec


Truth: TypeAlias = "Mapping[str, Tensor]"
"""What is on one picture. "boxes" float32 [N, 4] left, top, right, bottom in pixels of the network's input; "labels"
int64 [N], 1 to num_classes. N may be 0: "boxes" is then of shape [0, 4]."""


class Detection(TypedDict):
    """What was found on one picture, after suppression, best first. ``boxes`` float32 [K, 4] in pixels of the
    network's input, not clipped; ``labels`` int64 [K], 1 to num_classes; ``scores`` float32 [K], 0 to 1."""

    boxes: Tensor
    labels: Tensor
    scores: Tensor


class Detector(Protocol):
    """A ``torch.nn.Module`` that finds boxes.

    Called with ``images`` float32 [B, 3, H, W], RGB from 0 to 255, H and W as in ``input_size``; the detector itself
    does what its backbone wants done to pixels. What a call returns depends on the mode and on ``targets``:

    ===========  ==============  =====================================================================================
    mode         targets         result
    ===========  ==============  =====================================================================================
    training     B truths        a dict of scalar losses, to be summed: "classification", "localization" and, if the
                                 spec asks for it, "regularization"
    evaluation   B truths        the same without "regularization", and without gradients: the validation loss
    evaluation   None            a list of B detections
    ===========  ==============  =====================================================================================

    Training without targets raises ValueError.
    """

    input_size: tuple[int, int]
    """Height and width of the pictures it takes, in pixels."""

    def __call__(
        self, images: Tensor, targets: Sequence[Truth] | None = None
    ) -> dict[str, Tensor] | list[Detection]: ...

    def evaluate(self, images: Tensor, targets: Sequence[Truth]) -> tuple[list[Detection], dict[str, Tensor]]:
        """In evaluation mode: the detections and the validation loss, for one pass through the network."""
        ...

    def train(self, mode: bool = True) -> nn.Module: ...

    def eval(self) -> nn.Module: ...

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]:
        """All of them; those that the spec froze have ``requires_grad`` False."""
        ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> Any: ...


class Network(Protocol):
    """The module-level names of a folder in ``runtime/networks``."""

    def recipe(self, spec: Spec) -> Recipe[Any]:
        """The one reading of a spec of this network: past it nobody looks into the spec again."""
        ...

    def build(self, recipe: Recipe[Any]) -> Detector:
        """A detector with random weights. Raises SpecError when the recipe asks for something that cannot be built."""
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


def family(name: str) -> str:
    """The folder here that a network called ``name`` is of: "ssd" for "ssd_resnet18".

    The longest name that fits. Raises ModelError where none does.
    """
    known = registry.names("runtime.networks")
    fitting = [each for each in known if f"{name}_".startswith(f"{each}_")]
    if not fitting:
        raise ModelError(f'there is no network "{name}" here', hint=f"known: {', '.join(known)}")
    return max(fitting, key=len)
